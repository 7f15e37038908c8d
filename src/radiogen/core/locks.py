"""A system lock on a file that records who holds it: a second process reports whom it waits for.

In: the path of a lock file. Out: it is held while the block runs. The lock ends with its process, so a killed one never
blocks, and what it wrote into the file is ignored once the lock is free. Lock files are not deleted.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

_LOG = logging.getLogger(__name__)

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of a file system without locks."""
POLL_SECONDS = 0.1
GRACE_SECONDS = 0.3
"""A process that checks whether a lock is free has it for a moment; only longer waits are logged."""
COMMAND_LENGTH = 160
"""Characters of the command line that are recorded."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: process id, host, command line, and since when; process 0 where it is unknown."""

    process: int = 0
    host: str = ""
    command: str = ""
    since: str = ""

    def text(self) -> str:
        """`process 4711 (train.py --run a) since 2026-11-27 14:02:11`."""
        if not self.process:
            return "another process"
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"process {self.process}{place} ({self.command}) since {self.since}"


@contextlib.contextmanager
def hold(path: Path, describe: Callable[[Holder], str]) -> Iterator[None]:
    """Hold the lock file `path`; where another process has it, log what `describe` returns for it, and wait.

    It is logged at once, and again when the holder changes. Raises OSError where the file cannot be opened or made.
    """
    descriptor = _open(path)
    try:
        logged: Holder | None = None
        began = time.monotonic()
        while not _take(descriptor, path):
            found = _read(descriptor)
            if _may_hold(found) or time.monotonic() - began > GRACE_SECONDS:
                now = found or Holder()
                if logged != now:
                    _LOG.info(describe(now))
                    logged = now
            time.sleep(POLL_SECONDS / 4 if logged is None else POLL_SECONDS)
        yield
    finally:
        _close(descriptor)


@contextlib.contextmanager
def try_hold(path: Path, sign: bool = True) -> Iterator[bool]:
    """Hold the lock file `path` if it is free; yields whether it is held. Raises OSError as `hold`.

    sign: whether to record this process as the holder; False for a moment's work.
    """
    descriptor = _open(path)
    try:
        began = time.monotonic()
        while not (held := _take(descriptor, path, sign)):
            if _may_hold(_read(descriptor)) or time.monotonic() - began > GRACE_SECONDS:
                break
            time.sleep(POLL_SECONDS / 4)
        yield held
    finally:
        _close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who holds the lock file `path`; None where nobody does, or there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # missing, or not readable by this user
        return None
    try:
        found = _read(descriptor)
        if found is None:
            return None  # a free lock is not tried, so as not to block others for a moment
        return found if _flock(descriptor, fcntl.LOCK_SH) is False else None
    finally:
        os.close(descriptor)


_HELD: set[int] = set()
"""Descriptors of the locks that this process has signed."""


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def _flock(descriptor: int, mode: int) -> bool | None:
    """Whether the lock was free and is held now, without waiting; None on a file system without locks."""
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return None
    return True


def _take(descriptor: int, path: Path, sign: bool = True) -> bool:
    taken = _flock(descriptor, fcntl.LOCK_EX)
    if taken is False:
        return False
    if taken is None:
        _LOG.warning(f"{path.parent} is on a file system without locks: make sure that no other command works there")
    if not sign:
        return True
    _HELD.add(descriptor)
    command = shlex.join([os.path.basename(sys.argv[0]) or "python", *sys.argv[1:]])  # noqa: PTH119
    command = " ".join(command.split())
    mine = Holder(os.getpid(), socket.gethostname(), command if len(command) <= COMMAND_LENGTH
                  else f"{command[:COMMAND_LENGTH - 3]}...",
                  f"{datetime.now():%Y-%m-%d %H:%M:%S}")
    with contextlib.suppress(OSError):  # a full disk: the lock is held nevertheless, and others report no holder
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(mine)).encode(errors="backslashreplace"), 0)
    return True


def _close(descriptor: int) -> None:
    if descriptor in _HELD:
        _HELD.discard(descriptor)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
    os.close(descriptor)


def _read(descriptor: int) -> Holder | None:
    """What the last holder wrote; None where it released the lock, or is just about to write."""
    try:
        written = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(written["process"]), str(written["host"]), str(written["command"]), str(written["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _may_hold(found: Holder | None) -> bool:
    """Whether this process may hold the lock now: it exists, or runs on another machine."""
    return found is not None and (found.host != socket.gethostname() or Path(f"/proc/{found.process}").exists())
