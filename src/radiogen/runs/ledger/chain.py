"""A file of JSON lines to which lines are only added, each with the SHA-256 of all that stood before it.

In: records, plain dictionaries. Out: the file, and its lines with whether each was written after exactly what stands
before it now: so a line that was changed, moved or taken out is noticed, unless it was the last. Nothing but the new
line is written; the part of a line that a killed writer left at the end is no entry, and goes with the next one.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.locks import hold

_LOG = logging.getLogger(__name__)

PREVIOUS = "previous_sha256"
_BEGIN = f'{{"{PREVIOUS}":"'.encode()


@dataclass(frozen=True)
class Entry:
    """A line: its record, the SHA-256 of its bytes, and whether all before it is as it was when it was written."""

    record: Mapping[str, Any]
    sha256: str
    intact: bool


def append_entry(path: Path, record: Mapping[str, Any], then: Callable[[str], object] = lambda mark: None) -> Path:
    """Add a line to the file; what stands there is kept to the byte. Concurrent writers wait for each other.

    then: called with the line's SHA-256 while the file is still locked. Raises UserError where the folder is not
    writable.
    """
    path = Path(path)
    with files.writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock")
        with hold(lock, lambda holder: f"{path} is in use by another process: waiting ({holder.text()})"):
            size, before, end = _state(path)
            whole = {PREVIOUS: before, **record}
            line = f"{json.dumps(whole, separators=(',', ':'))}\n".encode()
            files.append_bytes(path, end + line, size)
            then(hashlib.sha256(line).hexdigest())
    return path


def read_entries(path: Path) -> list[Entry]:
    """The lines in their order; [] without a file. Raises UserError where a line is no record."""
    if not Path(path).is_file():
        return []
    try:
        return list(_entries(Path(path).read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(path, f"cannot be read ({error})", "restore it: it records what was looked at") from error


def _state(path: Path) -> tuple[int, str, bytes]:
    """How many bytes of the file are kept, the SHA-256 of what then stands before a new line, and the end of a line
    that is missing there."""
    if not path.is_file():
        return 0, hashlib.sha256().hexdigest(), b""
    digest, size, last = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        for line in file:
            last = line
            size += len(line)
            if line.endswith(b"\n"):
                digest.update(line)
    if not last or last.endswith(b"\n"):
        return size, digest.hexdigest(), b""
    if _is_torn(last):
        _LOG.warning(f"{path}: its last line is cut off, as a killed process leaves it; it is no entry and is removed")
        return size - len(last), digest.hexdigest(), b""
    digest.update(last + b"\n")
    return size, digest.hexdigest(), b"\n"


def _is_torn(line: bytes) -> bool:
    """Whether a line without an end is the beginning of an entry, and not a whole one."""
    if line.endswith(b"\n") or not (line.startswith(_BEGIN) or _BEGIN.startswith(line)):
        return False
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _entries(content: bytes) -> Iterator[Entry]:
    before = hashlib.sha256()
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        if _is_torn(line):
            return
        record = json.loads(line)
        if not isinstance(record, dict) or PREVIOUS not in record:
            raise ValueError(f"line {number} is no entry")
        previous = record.pop(PREVIOUS)
        yield Entry(record, hashlib.sha256(line).hexdigest(), previous == before.hexdigest())
        before.update(line)
