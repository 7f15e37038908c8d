"""Memory: how much is available, and the error where it runs out.

In: the system's own figures; an error. Out: bytes; a `UserError` with the remedy in place of what Python, NumPy, numba,
OpenCV or the system raise when an allocation fails.
"""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter

_GROUPS = Path("/sys/fs/cgroup")


DID_NOT_FIT = "did not fit into memory"


class OutOfMemory(UserError):
    """A case or a file did not fit into memory."""

    code = "OUT_OF_MEMORY"

    def __init__(self, where: object, problem: str = DID_NOT_FIT, remedy: str | None = None):
        super().__init__(where, problem, remedy or f"run again with fewer workers ({parameter('workers', 1)}), or on a "
                                                   "machine with more memory")


@contextlib.contextmanager
def translate_memory_errors(where: object) -> Iterator[None]:
    """Raise OutOfMemory that names `where` in place of any error that means that memory ran out."""
    try:
        yield
    except Exception as error:
        if not _ran_out(error):
            raise
        raise OutOfMemory(where) from None


def _ran_out(error: BaseException) -> bool:
    """Whether an error means that memory ran out: Python's and NumPy's, the system's, a thread's stack, OpenCV's."""
    return (isinstance(error, MemoryError) or isinstance(error, OSError) and error.errno == errno.ENOMEM
            or type(error).__module__.startswith("cv2") and "nsufficient memory" in str(error)
            or isinstance(error, RuntimeError) and "can't start new thread" in str(error))


def available_memory() -> int:
    """Bytes that new processes may still take: what the machine has left, or less where a control group limits it."""
    left = [_meminfo("MemAvailable")]
    group = _own_group()
    while group is not None:
        limit, used = _number(group / "memory.max"), _number(group / "memory.current")
        if limit is not None and used is not None:
            left.append(limit - used + _inactive_files(group / "memory.stat"))
        group = group.parent if group != _GROUPS else None
    return max(0, min(left))


def _meminfo(name: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/meminfo has no {name}")


def _own_group() -> Path | None:
    """The folder of this process's control group (version 2); None where there are none."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    group = None if path is None else _GROUPS / path.lstrip("/")
    return None if group is None else group if group.is_dir() else _GROUPS if _GROUPS.is_dir() else None


def _inactive_files(path: Path) -> int:
    """Bytes of cached files that the system frees where memory is needed."""
    try:
        counts = dict(line.split() for line in path.read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return 0
    return int(counts.get("inactive_file", 0))


def _number(path: Path) -> int | None:
    """The number in a file; None where there is no file or no limit (`max`)."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
