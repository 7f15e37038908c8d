"""The time as records keep it."""

from datetime import UTC, datetime


def utc_text() -> str:
    """Now, UTC, as in 2026-11-28 09:00:30."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
