"""A call in a process of its own: what it returns, how its death is reported, and that it can be called off."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from radiogen.core.errors import UserError
from radiogen.training.execution.processes import map_in_subprocesses, run_in_subprocess


def test_the_system_shows_the_process_under_its_name():
    assert run_in_subprocess(Path.read_text, Path("/proc/self/comm"), name="fold 3") == "fold 3\n"


def test_ctrl_c_reaches_no_process_from_its_first_moment_on():
    """One that comes while the server imports Keras would end it with a traceback."""
    assert signal.SIGINT in run_in_subprocess(signal.pthread_sigmask, signal.SIG_BLOCK, (), name="fold 3")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_process_that_was_killed_is_named_with_the_likely_reason():
    with pytest.raises(UserError, match="fold 3: was killed by the system, most likely for memory"):
        run_in_subprocess(signal.raise_signal, signal.SIGKILL, name="fold 3")


def test_a_call_that_dies_leaves_the_others_their_answers():
    first, second = map_in_subprocesses(signal.strsignal, [(signal.SIGINT,), (signal.SIGTERM,)], ["one", "two"],
                                        parallel=2)
    died, third = map_in_subprocesses(signal.raise_signal, [(signal.SIGKILL,), (signal.SIGWINCH,)], ["one", "two"])
    assert (first, second, third) == ("Interrupt", "Terminated", None)
    assert "one: was killed" in str(died)


def test_calls_leave_no_open_file_behind():
    def many() -> int:
        return len(os.listdir("/proc/self/fd"))

    run_in_subprocess(os.getpid, name="first")  # starts the server of processes
    before, children = many(), []
    for name in ("one", "two"):
        run_in_subprocess(os.getpid, name=name, children=children)
    assert many() == before and children == []


def test_a_call_that_is_stopped_while_its_process_starts_does_not_go_on():
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(UserError, match=f"ended with code {-signal.SIGTERM}"):
        run_in_subprocess(time.sleep, 600, name="fold 3", stopped=stopped)
