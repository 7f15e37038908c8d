"""Where the files of a zip archive lie, for archives whose files are stored as they are, as PyTorch's are.

In: an archive. Out: each file's first byte and length by name. Nothing is unpacked: a compressed file is refused, so no
archive can become larger than it is; so are names that lead elsewhere, names that stand twice, and files that overlap.
"""

import struct
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from radiogen.networks.pretrained.stored_tensors import HEADER_LIMIT, Damaged, Forbidden

SIGNATURE = b"PK\x03\x04"
END, LOCATOR, END_64, ENTRY = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06", b"PK\x01\x02"
TAIL = 22 + 20 + 65535
"""The end record, the locator before it and the longest comment after it, bytes."""
FULL = 0xffffffff
"""Stands for a number that is in the entry's zip64 field."""


class Stored(NamedTuple):
    """The first byte of a file in an archive and its length, bytes."""

    offset: int
    length: int


def read_directory(path: Path) -> dict[str, Stored]:
    """The files of a zip archive, by name (PKWARE's APPNOTE 4.3: end record, zip64's, central directory).

    Raises `Damaged` where the directory is cut off, too long or not true of the file; `Forbidden` where a file is
    compressed or encrypted, or has a name that leads out of the archive.
    """
    try:
        with path.open("rb") as file:
            start, length = _find_directory(file, path.stat().st_size)
            file.seek(start)
            entries = _parse_entries(file.read(length))
            found = {name: _data_of(file, offset, size) for name, offset, size in entries}
    except (struct.error, UnicodeDecodeError):
        raise Damaged("its archive is cut off or broken") from None
    if len(found) < len(entries):
        raise Forbidden("its archive has a name twice")
    end = 0
    for stored in sorted(found.values()):
        if stored.offset < end:
            raise Forbidden("files of its archive overlap")
        end = stored.offset + stored.length
    if end > start:
        raise Damaged("a file of its archive ends after the archive")
    return found


def _find_directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """The first byte and the length of the central directory."""
    file.seek(max(0, size - TAIL))
    tail = file.read()
    place = tail.rfind(END)
    if place < 0:
        raise Damaged("is an archive that is cut off")
    length, start = struct.unpack("<2L", tail[place + 12:place + 20])
    if place >= 20 and tail[place - 20:place - 16] == LOCATOR:
        file.seek(min(size, struct.unpack("<Q", tail[place - 12:place - 4])[0]))
        record = file.read(56)
        if record[:4] != END_64:
            raise Damaged("is an archive whose end is broken")
        length, start = struct.unpack("<2Q", record[40:56])
    if start + length > size:
        raise Damaged("is an archive that is cut off")
    if length > HEADER_LIMIT:
        raise Damaged(f"is an archive whose directory has {length} bytes, more than {HEADER_LIMIT}")
    return start, length


def _parse_entries(directory: bytes) -> list[tuple[str, int, int]]:
    """Name, place of the local header and length of each file."""
    entries, place = [], 0
    while place < len(directory):
        fixed = directory[place:place + 46]
        if fixed[:4] != ENTRY:
            raise Damaged("the directory of its archive is broken")
        flags, method = struct.unpack("<2H", fixed[8:12])
        packed, size, name_length, extra_length, comment_length = struct.unpack("<2L3H", fixed[20:34])
        offset, = struct.unpack("<L", fixed[42:46])
        name = directory[place + 46:place + 46 + name_length].decode("utf-8")
        extra = directory[place + 46 + name_length:place + 46 + name_length + extra_length]
        size, packed, offset = _zip64(extra, [size, packed, offset])
        if method or flags & 1 or packed != size:
            raise Forbidden("a file of its archive is compressed or encrypted, which PyTorch's never are")
        if not _is_safe(name):
            raise Forbidden(f"its archive has the name {name[:60]!r}, which leads out of it")
        entries.append((name, offset, size))
        place += 46 + name_length + extra_length + comment_length
    return entries


def _zip64(extra: bytes, values: list[int]) -> list[int]:
    """The values with those that stand in the zip64 field, in its order; other fields are skipped."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack("<2H", extra[place:place + 4])
        if kind == 1:
            numbers = iter(struct.unpack(f"<{length // 8}Q", extra[place + 4:place + 4 + length // 8 * 8]))
            return [next(numbers, value) if value == FULL else value for value in values]
        place += 4 + length
    return values


def _data_of(file: BinaryIO, offset: int, length: int) -> Stored:
    """Where a file's bytes begin, behind its local header."""
    file.seek(min(offset, 1 << 62))
    local = file.read(30)
    if local[:4] != SIGNATURE:
        raise Damaged("the directory of its archive names no file")
    name_length, extra_length = struct.unpack("<2H", local[26:30])
    return Stored(offset + 30 + name_length + extra_length, length)


def _is_safe(name: str) -> bool:
    """Whether a name stays inside the archive, and is one on every system."""
    return bool(name) and not name.startswith("/") and not {"\\", "\0", ":"} & set(name) and \
        ".." not in PurePosixPath(name).parts
