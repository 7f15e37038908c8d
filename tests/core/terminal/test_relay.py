"""What a worker has to show is shown by the process that started it, whole and in its order."""

import logging

import pytest

from radiogen.core.progress import progress
from radiogen.core.terminal import relay as module
from radiogen.core.terminal.relay import LogLine, relay, relay_to


@pytest.fixture
def sent(monkeypatch):
    """What this process, as a worker, sends."""
    messages = []
    monkeypatch.setattr(module, "_SEND", [])
    relay_to(messages.append)
    return messages


def test_a_process_that_nobody_started_shows_its_own(capsys):
    assert not relay(LogLine("a line"))
    logging.getLogger("radiogen.test").warning("something odd")
    assert capsys.readouterr().out == "warning: something odd\n"


def test_a_workers_log_and_bars_are_sent_and_nothing_is_printed_here(sent, capsys):
    logging.getLogger("radiogen.test").warning("something odd")
    for _ in progress(range(3), "fold 0"):
        pass
    assert capsys.readouterr() == ("", "")
    assert sent[0] == LogLine("warning: something odd")
    assert (sent[1].done, sent[1].open) == (0, True) and (sent[-1].done, sent[-1].total, sent[-1].open) == (3, 3, False)
