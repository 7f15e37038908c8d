"""The system's lock on a file, which says who holds it: a second process names the first one instead of being silent.

In: the path of a lock file. Out: it is held while the block runs. The lock dies with its process, so a killed one never
blocks; what it had written into the file is told of nobody, for a lock that is free is nobody's. Lock files stay.
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
"""What a file system without locks answers."""
EVERY_SECONDS = 0.1
GRACE_SECONDS = 0.3
"""Whoever looks whether a lock is free has it for a moment; only what lasts longer is told."""
SHOWN = 160


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: number and machine of the process, its command, and when it took it; 0 where nobody knows."""

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
def hold(path: Path, tell: Callable[[Holder], str]) -> Iterator[None]:
    """Hold the lock file `path`; where another process has it, print what `tell` makes of that one, and wait.

    It is printed at once, and again when the one that is waited for changes. Raises OSError where the file cannot be
    opened or made.
    """
    descriptor = _open(path)
    try:
        told, began = None, time.monotonic()
        while not _take(descriptor, path):
            found = _read(descriptor)
            if _lives(found) or time.monotonic() - began > GRACE_SECONDS:
                now = found or Holder()
                if told != now:
                    _LOG.info(tell(now))
                    told = now
            time.sleep(EVERY_SECONDS / 4 if told is None else EVERY_SECONDS)
        yield
    finally:
        _close(descriptor)


@contextlib.contextmanager
def try_hold(path: Path, sign: bool = True) -> Iterator[bool]:
    """Hold the lock file `path` if it is free; gives whether it is held. Raises OSError as `hold`.

    sign: False for a moment's work, of which nobody needs to hear.
    """
    descriptor = _open(path)
    try:
        began = time.monotonic()
        while not (held := _take(descriptor, path, sign)):
            if _lives(_read(descriptor)) or time.monotonic() - began > GRACE_SECONDS:
                break
            time.sleep(EVERY_SECONDS / 4)
        yield held
    finally:
        _close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who holds the lock file `path`; None where nobody does, or there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # not there, or of somebody who lets nobody look
        return None
    try:
        found = _read(descriptor)
        if found is None:
            return None  # a free lock is not even tried: whoever wants it at this moment gets it
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
        _LOG.warning(f"{path.parent} is on a file system without locks: see that no other command works there")
    if not sign:
        return True
    _HELD.add(descriptor)
    command = shlex.join([os.path.basename(sys.argv[0]) or "python", *sys.argv[1:]])  # noqa: PTH119
    command = " ".join(command.split())
    mine = Holder(os.getpid(), socket.gethostname(), command if len(command) <= SHOWN else f"{command[:SHOWN - 3]}...",
                  f"{datetime.now():%Y-%m-%d %H:%M:%S}")
    with contextlib.suppress(OSError):  # a full disk: it is held nevertheless, and others are told less
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
    """What the last one that took the lock wrote; None where it gave it back, or is just about to write."""
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(told["process"]), str(told["host"]), str(told["command"]), str(told["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(found: Holder | None) -> bool:
    """Whether this may be the one that holds the lock now; of a process on another machine nothing is known."""
    return found is not None and (found.host != socket.gethostname() or Path(f"/proc/{found.process}").exists())
