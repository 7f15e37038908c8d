"""A lock says who holds it, dies with its process, and is waited for in a way that can be interrupted."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from radiogen.core import locks

HOLD = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
sys.argv = ["scripts/train.py", "--run", "a b"]
from radiogen.core.console import log_to_console
from radiogen.core.locks import hold
log_to_console()
with hold(pathlib.Path({path!r}), lambda one: "waits for " + one.text()):
    print("held", flush=True)
    time.sleep({seconds})
"""


@pytest.fixture
def start(tmp_path):
    """Start a process that takes the lock, as `scripts/train.py --run 'a b'` would; it is killed at the end."""
    begun = []

    def call(seconds=60, wait=True):
        code = HOLD.format(path=str(tmp_path / ".lock"), seconds=seconds)
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        begun.append(process)
        if wait:
            assert process.stdout.readline() == "held\n"
        return process

    yield call
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_free_lock_is_held_by_nobody_and_leaves_nothing_behind(tmp_path, capsys):
    path = tmp_path / ".lock"
    assert locks.holder(path) is None
    with locks.hold(path, lambda one: "waiting"):
        assert locks.holder(path).process == os.getpid()
    assert locks.holder(path) is None and path.read_bytes() == b"" and capsys.readouterr().out == ""


def test_who_waits_says_at_once_for_which_process_and_command(tmp_path, start):
    first = start()
    second = start(wait=False)
    said = second.stdout.readline()
    assert said.startswith(f"waits for process {first.pid} (train.py --run 'a b') since 20")
    first.kill()
    assert second.stdout.readline() == "held\n"


def test_the_lock_of_a_killed_process_is_free_at_once_and_tells_of_nobody(tmp_path, start, capsys):
    process = start()
    assert locks.holder(tmp_path / ".lock").process == process.pid
    process.kill()
    process.wait()
    assert json.loads((tmp_path / ".lock").read_text())["process"] == process.pid
    assert locks.holder(tmp_path / ".lock") is None
    began = time.monotonic()
    with locks.hold(tmp_path / ".lock", lambda one: "waiting"):
        assert time.monotonic() - began < 5
    assert capsys.readouterr().out == ""


def test_a_lock_that_is_taken_is_not_waited_for_where_it_only_would_be_nice(tmp_path, start):
    start()
    began = time.monotonic()
    with locks.try_hold(tmp_path / ".lock") as held:
        assert not held and time.monotonic() - began < 5


def test_looking_who_holds_a_lock_makes_nobody_else_wait_or_speak(tmp_path, start):
    (tmp_path / ".lock").write_text(json.dumps({"process": 0, "host": "", "command": "", "since": ""}))
    look = ("from radiogen.core.locks import holder; from pathlib import Path; import time; end = time.time() + 2\n"
            f"while time.time() < end: holder(Path({str(tmp_path / '.lock')!r}))")
    process = subprocess.Popen([sys.executable, "-c", look])
    taking = start(seconds=0)  # its first word is that it holds the lock
    assert taking.stdout.read() == ""
    process.wait()


def test_ctrl_c_while_waiting_ends_the_wait_and_leaves_the_other_its_lock(tmp_path, start):
    first = start()
    second = start(wait=False)
    second.stdout.readline()
    second.send_signal(signal.SIGINT)
    second.wait(60)
    assert second.returncode in (1, -signal.SIGINT)
    assert locks.holder(tmp_path / ".lock").process == first.pid


def test_a_lock_is_never_written_through_a_link(tmp_path):
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / ".lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError), locks.hold(tmp_path / ".lock", lambda one: ""):
        pass
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_without_locks_in_the_file_system_work_goes_on_with_a_warning(tmp_path, monkeypatch, capsys):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with locks.hold(tmp_path / ".lock", lambda one: "waiting"):
        pass
    assert "is on a file system without locks" in capsys.readouterr().out


def test_a_full_disk_does_not_keep_a_lock_from_being_held(tmp_path, monkeypatch):
    def pwrite(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(locks.os, "pwrite", pwrite)
    with locks.hold(tmp_path / ".lock", lambda one: "waiting"), locks.try_hold(tmp_path / ".lock") as again:
        assert not again
