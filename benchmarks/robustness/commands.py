"""The package's commands in a session of their own, timed, and sent a signal at a random moment.

In: a command line and a folder to run it in. Out: an `End`: exit code, seconds, memory, output. A moment is a time
since the start, or the n-th temporary file that is seen: that is between the writing of a file and its renaming, where
a random time seldom falls.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT

PAUSE_SECONDS = 0.005
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
"""Processes side by side on few cores get in each other's way; the same sums in the same order are the same bits."""


@dataclass(frozen=True)
class Moment:
    """When a signal is sent: `seconds` after the start, or as soon as the `part`-th temporary file is seen.

    group: to all processes of the command, as Ctrl-C and a job's end do; else to its first one alone.
    """

    seconds: float | None = None
    part: int | None = None
    signal: int = signal.SIGKILL
    group: bool = True

    def __str__(self) -> str:
        when = f"after {self.seconds:.2f} s" if self.part is None else f"at temporary file {self.part}"
        return f"{signal.Signals(self.signal).name} {'of all' if self.group else 'of the first process'} {when}"


@dataclass(frozen=True)
class End:
    """How a command ended: its exit code (negative: the signal), seconds, seconds from a signal to the end, peak memory
    in bytes of its largest process, what it printed, and the number of its session.
    """

    code: int
    seconds: float
    stop_seconds: float
    memory: int
    output: str
    session: int

    @property
    def last(self) -> str:
        """The last line that is no progress bar."""
        lines = [line for line in self.output.replace("\r", "\n").splitlines() if line.strip() and "%|" not in line]
        return lines[-1] if lines else ""


def script(name: str, *arguments: object) -> list[str]:
    """The command line of `python scripts/<name>.py`."""
    return [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, arguments)]


def run_command(command: Sequence[str], folder: Path, moment: Moment | None = None, *, limit: float = 600,
                environment: dict[str, str | None] | None = None, prepare: Callable[[], None] | None = None,
                watch: Callable[[int], None] | None = None) -> End:
    """Run a command in `folder` to its end, or to its `moment`; after `limit` seconds it is killed.

    environment: added to this process's, None takes a name away; prepare: called in the new process; watch: called
    every few milliseconds with the process's number.
    """
    chosen = {name: value for name, value in {**os.environ, **ONE_THREAD, **(environment or {})}.items()
              if value is not None}

    def begin() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what was started in the background ignores it, and its children
        if prepare is not None:
            prepare()

    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                                   env=chosen, start_new_session=True, preexec_fn=begin)
        code, seconds, stop_seconds, memory = _attend(process.pid, folder, moment, limit, watch)
        process.returncode = code  # os.wait4 has waited for it: Popen must not look for it
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    return End(code, seconds, stop_seconds, memory, output, process.pid)


def session_members(session: int) -> list[int]:
    """The processes that still belong to a command's session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, _, _, own = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(own) == session and state != "Z":
                    found.append(int(entry.name))
    return found


def outlived(session: int, seconds: float = 10) -> int:
    """How many processes of a command are still there so many seconds after its end; they are ended then."""
    until = time.perf_counter() + seconds
    while (left := session_members(session)) and time.perf_counter() < until:
        time.sleep(0.1)
    for process in left:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
    return len(left)


def temporary_files(folder: Path) -> Iterator[tuple[str, int]]:
    """Path and inode of everything under `folder` that has a temporary name."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        with contextlib.suppress(OSError):
            if entry.name.endswith((".part", ".partial")):
                yield entry.path, entry.inode()
            elif entry.is_dir(follow_symlinks=False):
                yield from temporary_files(Path(entry.path))


def _attend(process: int, folder: Path, moment: Moment | None, limit: float,
            watch: Callable[[int], None] | None) -> tuple[int, float, float, int]:
    began, sent, seen = time.perf_counter(), None, set()
    while True:
        ended, status, usage = os.wait4(process, os.WNOHANG)
        now = time.perf_counter()
        if ended:
            return (os.waitstatus_to_exitcode(status), now - began, now - sent if sent else 0.0,
                    usage.ru_maxrss * 1024)
        if moment and sent is None:
            if moment.part is not None:
                seen.update(temporary_files(folder))
            if (moment.part is not None and len(seen) >= moment.part) or (
                    moment.seconds is not None and now - began >= moment.seconds):
                sent = time.perf_counter()
                _send(process, moment.signal, moment.group)
        if now - began > limit:
            _send(process, signal.SIGKILL, True)
        if watch is not None:
            watch(process)
        time.sleep(0.0005 if moment and moment.part is not None and sent is None else PAUSE_SECONDS)


def _send(process: int, number: int, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, number) if group else os.kill(process, number)
