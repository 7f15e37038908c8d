"""The one kind of error for a user's mistake, and the way every script ends.

In: whatever a command raises. Out: for a `UserError`, and for a file that the system refuses, one line on standard
error and exit code 2; for Ctrl-C one line and exit code 130. Anything else is a bug of ours and keeps its traceback.
Ctrl-C and SIGTERM are exceptions, which a library may lose, or keep waiting while it tidies up: a thread then ends the
process, for a kill harms nothing here.
"""

import errno
import io
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

PATIENCE_SECONDS = 7
"""How long a command may take to end by itself after Ctrl-C or SIGTERM."""
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE)
"""What a system says of a file where no program can help: no permission, read-only, full, a disk that fails."""


class UserError(Exception):
    """A mistake in what the user gave: one line that names the file (or option) and the remedy."""

    def __init__(self, where: object, problem: str, remedy: str):
        self.where, self.problem, self.remedy = str(where), problem, remedy
        super().__init__(f"{where}: {problem}; {remedy}")

    def __reduce__(self):
        """Worker processes send errors back by pickle; an exception of three arguments has to say how."""
        return (type(self), (self.where, self.problem, self.remedy))


def short_reason(error: Exception) -> str:
    """What an error says, in one line of at most 100 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 100 else text[:97] + "..."


def as_run(folder: Path | str) -> str:
    """A run as the scripts are told of it: its name, and where it lies if that is not models/."""
    folder = Path(folder).absolute()
    return folder.name + models_option(folder.parent)


def models_option(models: Path | str) -> str:
    """` --models PATH`, or nothing where a script looks there by itself."""
    return "" if Path(models).absolute() == Path("models").absolute() else f" --models {shlex.quote(str(models))}"


class Interrupted(BaseException):
    """SIGTERM, raised as an exception so that half-done work is put away as on Ctrl-C."""


def run_command(main: Callable[[], object]) -> NoReturn:
    """Call `main` and leave the process with the exit code that its end deserves.

    0: done. 2: a `UserError`, or a file that the system refuses, told in one line. 130 and 143: Ctrl-C and SIGTERM;
    finished parts are kept, and the same command goes on from there.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow prints through C++ before Python can silence it
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it looks on the network whenever it is imported
    # Python counts the semaphores of a process that was killed, and says so in several lines behind the one that helps
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    signal.signal(signal.SIGTERM, _raise_interrupted)
    told = threading.Lock()
    _end_late(told)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a file's name need not be text
    try:
        main()
    except UserError as error:
        _say(f"error: {error}")
        sys.exit(2)
    except (KeyboardInterrupt, Interrupted) as stop:
        _say_stopped(told)
        sys.exit(130 if isinstance(stop, KeyboardInterrupt) else 143)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at exit
        sys.exit(141)
    except OSError as error:
        if error.errno not in REFUSED or error.filename is None:
            raise
        _say(f"error: {os.fsdecode(error.filename)}: is refused by the system ({error.strerror}); see to its "
             "permissions, or to its disk, then run the same command again")
        sys.exit(2)
    for late in (signal.SIGINT, signal.SIGTERM):
        signal.signal(late, signal.SIG_IGN)  # all is done: one that comes now would end Python as if it were not
    sys.exit(0)


def _raise_interrupted(*_: object) -> NoReturn:
    raise Interrupted


def _end_late(told: threading.Lock) -> None:
    """End the process some seconds after a signal that it did not heed; the signal's number comes through a pipe."""
    numbers, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wait() -> None:
        while (number := os.read(numbers, 1)[0]) not in (signal.SIGINT, signal.SIGTERM):
            pass
        time.sleep(PATIENCE_SECONDS)
        _say_stopped(told)
        os._exit(128 + number)

    threading.Thread(target=wait, daemon=True).start()


def _say_stopped(told: threading.Lock) -> None:
    """Say once how to go on."""
    if told.acquire(blocking=False):
        command = " ".join([Path(sys.executable).name, *sys.argv])
        _say(f"stopped: what was finished is kept; go on with: {command}")


def _say(line: str) -> None:
    print("\n".join(part for part in line.splitlines() if part), file=sys.stderr, flush=True)
