"""The only way to write a file that lasts: under a temporary name, flushed to the disk, then renamed.

A reader therefore sees the old file, the new one or none, whenever the writer is killed. A temporary name is the
final one with a dot before and `PART` after it; `working_folder` locks a folder for one process at a time and removes
what a killed one left there, known by that name alone. Two processes never write one temporary file: a worker may
outlive the command that started it by a case, and collide with the one that was started in its place. The exception is
a file that only grows (`append_bytes`): its readers pass over the part of a line at its end.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core.errors import UserError
from radiogen.core.locks import Holder, hold, try_hold
from radiogen.core.wording import parameter

if TYPE_CHECKING:  # pandas and numpy cost half a second at start: a script's --help does without
    import numpy
    import pandas

_LOG = logging.getLogger(__name__)


PART = ".radiogen.part"
"""Suffix of every temporary file and folder; no other program uses it, because they are removed."""
LOCK = ".lock"
"""The lock file of a folder."""


def checked_name(option: str, name: str) -> str:
    """`name`, the value of `option`, which becomes a file's or a folder's name. Raises UserError.

    It has letters, digits, `.`, `_` and `-` only, does not begin with a dot or a hyphen, and so never leads elsewhere.
    """
    if re.fullmatch(r"\w[\w.-]*", name) is None or len(name.encode()) > 200:
        raise UserError(f"{option} {name[:200]!r}", "is not a valid name: names consist of letters, digits, "
                        "'.', '_' and '-', and do not begin with '.' or '-'",
                        f"give a name; {parameter('models')} is for the folder that it lies in")
    return name


def name_from(path: Path) -> str:
    """A valid name (`checked_name`) from the last part of a path, with hyphens for characters that are not allowed."""
    return valid_name(Path(path).resolve().name) or "data"


def valid_name(text: str) -> str:
    """A text with hyphens for characters that a name (`checked_name`) may not have; "" where nothing is left."""
    return re.sub(r"[^\w.-]+", "-", text).lstrip(".-")


def recorded_path(path: Path | str, run: Path) -> str:
    """A path as it is written into the records of `run`, a folder models/<run>: relative to the project's folder, which
    contains models/, where it lies in there; else as it is, or the file could not be found again."""
    for home in (Path(run).absolute().parent.parent, Path(run).resolve().parent.parent):
        if home != home.parent and Path(path).is_absolute() and Path(path).is_relative_to(home):
            return str(Path(path).relative_to(home))
    return str(path)


def found_path(recorded: Path | str, run: Path) -> Path:
    """The path that a record of `run` names; a relative one that does not exist is also looked for beside models/.

    It was relative to where the command was called, which usually holds models/ as well, or to the project.
    """
    beside = Path(run).resolve().parent.parent / recorded
    return beside if not Path(recorded).exists() and beside.exists() else Path(recorded)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write `content` to `path`, whole or not at all. Makes the folder. Raises UserError where it cannot write."""
    return write_with(path, lambda file: file.write(content))


def write_with(path: Path, fill: Callable[[io.BufferedWriter], object]) -> Path:
    """Let `fill` write into a binary file which becomes `path` when it has returned and the bytes are on the disk."""
    path = Path(path)
    part = path.with_name(f".{path.name}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(part) as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise _unwritten(path, error) from error
    return path


def append_bytes(path: Path, content: bytes, after: int) -> Path:
    """Write `content` behind the first `after` bytes of `path`, which stay as they are; what stands there goes.

    For a file that only grows and is locked by its writers: a killed one leaves a part of `content` at the end. The
    bytes are on the disk when this returns. Raises UserError where it cannot write; then the first bytes are left.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            _write_behind(descriptor, content, after)
        finally:
            os.close(descriptor)
        if not after:
            _flush_folder(path.parent)
    except OSError as error:
        raise _unwritten(path, error) from error
    return path


def write_text(path: Path, text: str) -> Path:
    """Write `text` as UTF-8; a byte of a file's name that is not UTF-8 becomes its number, as in `\\udcfc.dcm`."""
    return write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, content: Any) -> Path:
    """Write `content` as JSON that a person can read."""
    return write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """`content` as the text that `write_json` writes."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_csv(path: Path, table: "pandas.DataFrame") -> Path:
    """Write `table` as a CSV without its index; floats keep all their digits."""
    return write_text(path, table.to_csv(index=False, lineterminator="\n"))


def write_array(path: Path, array: "numpy.ndarray") -> Path:
    """Write `array` as `.npy`."""
    import numpy

    return write_with(path, lambda file: numpy.save(file, array, allow_pickle=False))


def write_by_name(path: Path, save: Callable[[Path], object]) -> Path:
    """As `write_with`, for a library that needs a file name: `save` gets a temporary path with the same name."""
    path = Path(path)
    with _temporary_folder(path) as part:
        save(part / path.name)
        with (part / path.name).open("rb") as file:
            os.fsync(file.fileno())
        (part / path.name).replace(path)
        _flush_folder(path.parent)
    return path


def link(source: Path, path: Path) -> Path:
    """Hard-link the file `source` to `path`; a copy where the file system cannot. For files that are replaced and never
    modified in place, as all of this package are."""
    part = _unique_name(Path(path))
    try:
        part.hardlink_to(source)
        part.replace(path)
    except OSError:
        with Path(source).open("rb") as file:
            write_with(path, lambda target: shutil.copyfileobj(file, target))
    finally:
        part.unlink(missing_ok=True)  # two names of one file: the system renames nothing
    return Path(path)


def write_folder(path: Path, fill: Callable[[Path], object]) -> Path:
    """Let `fill` write into a temporary folder which becomes `path` when it has returned.

    For many small files that can be made again: they are not flushed one by one, so a kill cannot leave half of them
    but a power cut can. `path` must not exist.
    """
    path = Path(path)
    with _temporary_folder(path) as part:
        fill(part)
        part.rename(path)
    return path


def read_json(path: Path) -> Any:
    """Read a JSON file that this package wrote. Raises UserError where it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(path, "is missing", "run the command that makes it") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(path, f"cannot be read ({error})", "delete it and run the command that makes it") from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def working_folder(path: Path, describe: Callable[[Holder], str] | None = None) -> Iterator[Path]:
    """Lock the folder `path` for this process: make it, wait for whoever works in it, remove half-written files.

    The lock (`LOCK`) is the system's own and dies with its process, so a killed run leaves nothing to clean up.
    describe: makes the line that is logged while this process waits for another. Subfolders with a lock of their own,
    as those of folds, are cleaned only where nobody works in them.
    """
    path = Path(path)

    def in_use(holder: Holder) -> str:
        return f"{path} is in use by another process: waiting for it to finish ({holder.text()})"

    with contextlib.ExitStack() as stack:
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold(path / LOCK, describe or in_use))
        _sweep_folder(path)
        yield path


@contextlib.contextmanager
def try_working_folder(path: Path) -> Iterator[bool]:
    """`working_folder` if nobody works in it; yields whether it is locked."""
    path = Path(path)
    with contextlib.ExitStack() as stack:
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
            held = stack.enter_context(try_hold(path / LOCK))
        if held:
            _sweep_folder(path)
        yield held


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Within: a folder that cannot be made, or a file in it that cannot be opened, is a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(folder, f"cannot be written to ({error.strerror or error})",
                        "make the folder writable or choose another") from error


@contextlib.contextmanager
def reading_folder(path: Path) -> Iterator[None]:
    """Read a data set that nobody changes meanwhile: wait for whoever works in `path` (`working_folder`: a download, a
    phantom that is being made), and block those that come later. Others may read it, too.

    Where there is no lock file, no command ever worked there; what a user changes by hand is not blocked.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            file = stack.enter_context((Path(path) / LOCK).open("rb"))
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                _LOG.info(f"{path} is in use by another process: waiting for it to finish")
                fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _write_behind(descriptor: int, content: bytes, after: int) -> None:
    os.ftruncate(descriptor, after)
    try:
        left, place = memoryview(content), after
        while left:
            written = os.pwrite(descriptor, left, place)
            left, place = left[written:], place + written
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, after)
        raise


def _unwritten(path: Path, error: OSError) -> UserError:
    return UserError(path, f"cannot be written ({error.strerror or error})",
                     "free space or make the folder writable, then run the same command again")


@contextlib.contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` that is gone at the end. Raises UserError, naming `path`, where the system refuses."""
    part = _unique_name(path)
    try:
        part.mkdir(parents=True)
        yield part
    except OSError as error:
        raise _unwritten(path, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _exclusive(part: Path) -> Iterator[io.BufferedWriter]:
    """The temporary file, opened, empty and locked until it is closed; waits while another process writes it."""
    while True:
        # Path.open would truncate what another process is writing
        with open(part, "wb", opener=_open_untruncated) as file:  # noqa: PTH123
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat()):
                file.truncate(0)
                yield file
                return  # else another process has renamed or removed it meanwhile


def _open_untruncated(name: str, flags: int) -> int:
    return os.open(name, (flags & ~os.O_TRUNC) | os.O_NOFOLLOW, 0o666)  # never through a link into another file


def _unique_name(path: Path) -> Path:
    """A temporary name that no other process takes; `working_folder` removes it."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}{PART}")


def _sweep_folder(path: Path) -> None:
    """Remove temporary files of a locked folder, except in subfolders that others have locked."""
    hidden = list(path.rglob(".*"))
    parts = [found for found in hidden if found.name.endswith(PART)]
    with contextlib.ExitStack() as stack:
        busy = set()
        for lock in (found for found in hidden if parts and found.name == LOCK and found.parent != path):
            with contextlib.suppress(OSError):  # not a lock file of ours: it cannot be opened
                if not stack.enter_context(try_hold(lock, sign=False)):
                    busy.add(lock.parent)
        for part in parts:
            if not busy & set(part.parents):
                _sweep(part)


def _sweep(part: Path) -> None:
    """Delete what a killed process left, but not what a worker that outlived it is writing."""
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
        return
    with contextlib.suppress(FileNotFoundError), part.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:  # a file system without locks
            pass
        part.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut; some file systems cannot, which is no error."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
