"""Records carry the time of all places alike."""

import os
import time
from datetime import UTC, datetime

import pytest

from radiogen.core.clock import utc_text


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no tzset")
def test_the_time_of_a_record_is_utc_whatever_the_machines_zone_is(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        apart = datetime.strptime(utc_text(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - datetime.now(UTC)
    finally:
        monkeypatch.undo()
        os.environ.setdefault("TZ", "")
        time.tzset()
    assert abs(apart.total_seconds()) < 5
