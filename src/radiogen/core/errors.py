"""The one kind of error for a user's mistake, and how every command ends.

In: whatever a command raises. Out: for a `UserError`, and for a file that the system refuses, one line on standard
error and exit code 2; for Ctrl-C one line and exit code 130. Anything else is a bug of ours and keeps its traceback.
Ctrl-C and SIGTERM are exceptions, which a library may swallow, or delay while it cleans up: a thread then ends the
process, for a kill harms nothing here.
"""

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn, TextIO

from radiogen.core.console import log_to_console
from radiogen.core.wording import this_command

PATIENCE_SECONDS = 7
"""How long a command may take to end by itself after Ctrl-C or SIGTERM."""
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE)
"""The system's errors about a file that no program can mend: no permission, read-only, full, a disk that fails."""


class UserError(Exception):
    """A mistake in the user's input: one line that names the file (or option) and the remedy.

    code: for programs, where the error is one of a list (`OUT_OF_MEMORY`, `imaging.findings`); else "".
    """

    code = ""

    def __init__(self, where: object, problem: str, remedy: str):
        self.where, self.problem, self.remedy = str(where), problem, remedy
        super().__init__(f"{where}: {problem}; {remedy}")

    def __reduce__(self) -> tuple[type["UserError"], tuple[object, ...]]:
        """Worker processes send errors back by pickle; an exception of three arguments has to define how."""
        return (type(self), (self.where, self.problem, self.remedy))


def short_reason(error: Exception) -> str:
    """The message of an error in one line of at most 100 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 100 else text[:97] + "..."


class _Interrupted(BaseException):
    """SIGTERM, raised as an exception so that half-done work is cleaned up as on Ctrl-C."""


def run_command(main: Callable[[], object]) -> NoReturn:
    """Call `main` and end the process with the exit code of its outcome.

    0: done. 2: a `UserError`, or a file that the system refuses, reported in one line. 130 and 143: Ctrl-C and SIGTERM;
    finished parts are kept, and the same command resumes from there.
    """
    closed = _occupy_closed()
    log_to_console()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow prints through C++ before Python can silence it
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it checks for updates whenever it is imported
    # Python counts the semaphores of a process that was killed, and warns in several lines after the one that helps
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    signal.signal(signal.SIGTERM, _raise_interrupted)
    reported = threading.Lock()
    _end_unless_prompt(reported)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a file's name need not be text
    try:
        if closed:
            raise UserError("standard output", "is closed", "send it to a file, or to /dev/null")
        main()
    except UserError as error:
        _say(f"error: {error}")
        _leave(2)
    except SystemExit as end:
        _leave(end.code)
    except (KeyboardInterrupt, _Interrupted) as stop:
        _say_stopped(reported)
        _leave(130 if isinstance(stop, KeyboardInterrupt) else 143)
    except BrokenPipeError:
        _discard(sys.stdout)
        sys.exit(141)
    except OSError as error:
        if error.errno in REFUSED and error.filename is None and not _output_works():
            _say_unwritten(error)
            _leave(2)
        if error.errno not in REFUSED or error.filename is None:
            raise
        _say(f"error: {os.fsdecode(error.filename)}: is refused by the system ({error.strerror}); check its "
             "permissions and its disk, then run the same command again")
        _leave(2)
    for late in (signal.SIGINT, signal.SIGTERM):
        signal.signal(late, signal.SIG_IGN)  # all is done: a signal now would end Python as if it were not
    _leave(0)


def _occupy_closed() -> bool:
    """Open standard streams that are closed on /dev/null, or the next file that is opened takes their place.

    Returns whether standard output was closed.
    """
    closed = sys.stdout is None
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  (as long as Python runs)
    if closed:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    return closed


def _output_works() -> bool:
    """Whether what is printed can be written; a line is tried, because an unbuffered stream has nothing to flush."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        _discard(sys.stdout)
        return False
    return True


def _say_unwritten(error: OSError) -> None:
    _say(f"error: standard output: cannot be written ({error.strerror}); free space there or send it elsewhere")


def _discard(stream: TextIO) -> None:
    """Redirect a standard stream to /dev/null, or Python complains about it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _leave(code: str | int | None) -> NoReturn:
    """End the process; output that cannot be written is reported in one line, unless nobody reads it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        code = code or 141
    except OSError as error:
        _say_unwritten(error)
        _discard(sys.stdout)
        code = code or 2
    sys.exit(code)


def _raise_interrupted(*_: object) -> NoReturn:
    raise _Interrupted


def _end_unless_prompt(reported: threading.Lock) -> None:
    """End the process `PATIENCE_SECONDS` after a signal if it still runs; the signal's number comes through a pipe."""
    numbers, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        while (number := os.read(numbers, 1)[0]) not in (signal.SIGINT, signal.SIGTERM):
            pass
        time.sleep(PATIENCE_SECONDS)
        _say_stopped(reported)
        os._exit(128 + number)

    threading.Thread(target=wait, daemon=True).start()


def _say_stopped(reported: threading.Lock) -> None:
    """Print once how to resume."""
    if reported.acquire(blocking=False):
        _say(f"stopped: what was finished is kept; resume with: {this_command()}")


def _say(line: str) -> None:
    try:
        print("\n".join(part for part in line.splitlines() if part), file=sys.stderr, flush=True)
    except OSError:  # where standard error is full, the exit code is left
        _discard(sys.stderr)
