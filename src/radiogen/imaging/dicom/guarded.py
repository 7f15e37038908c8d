"""A file as pydicom may be given it: a deflated one that would fill the memory is refused before it does.

In: a path. Out: a binary file. pydicom reads the rest of a file in one call only where that rest is deflated (PS3.5,
A.5), and inflates all of it, even for a look at the header; so that call is where its size is checked. What
follows the pixels is checked, too: a header's elements come in the order of their tags, each once (PS3.5, 7.1).
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MOST_INFLATED = 1 << 28
"""Bytes that a deflated file may hold: ten times a usual series in one file."""
ALWAYS, EXPANSION = 1 << 26, 20
"""So many bytes it may hold whatever its own size; more, up to that, only at so many times its size. Images shrink to a
third, to a tenth where most is air; what is refused late costs the time to inflate it, in every reader.
"""


def read_tags(path: Path, tags: Sequence[Any], **options: bool) -> "Dataset":
    """`pydicom.dcmread` of a file's header alone, of these tags; raises whatever pydicom raises, and Inflated."""
    import pydicom

    with _GuardedFile(path) as file:
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(tags), **options)


class Deflated(Exception):
    """A file whose data set is deflated."""


class HeaderFile(io.BufferedReader):
    """A file open for reading its header; raises Deflated where its rest is read at once, as pydicom does to inflate.

    In C but for that: pydicom reads each element by itself.
    """

    def __init__(self, path: Path):
        super().__init__(_NotAtOnce(path))


class _NotAtOnce(io.FileIO):
    def readall(self) -> bytes:
        raise Deflated


def inflated_dataset(content: bytes) -> bytes:
    """The data set of a deflated file. Raises Inflated where it holds too much, zlib.error where it is damaged."""
    at = 132
    while content[at:at + 2] == b"\x02\x00":  # the meta header (PS3.10, 7.1), always Explicit VR little endian
        long = content[at + 4:at + 6] in (b"OB", b"OW", b"UN", b"UT", b"SQ", b"OF", b"OD", b"OL", b"UC", b"UR")
        head, size = (12, content[at + 8:at + 12]) if long else (8, content[at + 6:at + 8])
        at += head + int.from_bytes(size, "little")
    return b"".join(_inflate(content[at:]))


class _GuardedFile(io.BufferedReader):
    """A file open for reading. Raises Inflated, an OSError, where its rest is deflated and holds too much."""

    def __init__(self, path: Path):
        super().__init__(io.FileIO(path))

    def read(self, size: int | None = -1) -> bytes:
        """As of any file; a rest that is read at once is taken for deflated."""
        content = super().read(size)
        if size is None or size < 0:
            _check_inflated(content)
        return content


def check_behind(file: io.BufferedReader, place: int, encoding: tuple[bool, bool], tags: Sequence[Any]) -> None:
    """Raise Repeated where one of `tags`, or the pixels, are in `file` after byte `place`, the pixels' end.

    encoding: whether the values' representations are implicit, and little endian. A reader that stops at the pixels and
    one that goes on would take other values from such a file. Bytes that are no elements are let pass.
    """
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag

    file.seek(place)
    if not any(some.strip(b"\0") for some in iter(lambda: file.read(1 << 20), b"")):  # nothing, or megabytes of zeros
        return
    file.seek(place)
    wanted = [*tags, *(Tag(0x7FE0, number) for number in (0x0008, 0x0009, 0x0010))]
    try:
        found = len(read_dataset(file, *encoding, specific_tags=wanted))
    except Exception:  # noqa: BLE001  (of what is no element pydicom may say anything)
        return
    if found:
        raise Repeated("elements of its header follow its pixels")


class Repeated(OSError):
    """A file has an element twice, or in a place where few readers look."""


class Inflated(OSError):
    """A deflated file holds more than it may, which is `most_mib` MiB."""

    def __init__(self, most_mib: int):
        self.most_mib = most_mib
        super().__init__(f"it holds more than {most_mib} MiB, deflated")


def _check_inflated(content: bytes) -> None:
    try:
        for _ in _inflate(content):
            pass
    except zlib.error:  # damaged: pydicom says so
        return


def _inflate(content: bytes) -> Iterator[bytes]:
    """The inflated content, piece by piece. Raises Inflated, and zlib.error where it is damaged or cut off."""
    unpacker, total, given = zlib.decompressobj(wbits=-zlib.MAX_WBITS), 0, content
    most = min(MOST_INFLATED, max(ALWAYS, EXPANSION * len(content)))
    while given and not unpacker.eof:
        part = unpacker.decompress(given, 1 << 20)
        total, given = total + len(part), unpacker.unconsumed_tail
        if total > most:
            raise Inflated(most >> 20)
        yield part
    if not unpacker.eof:
        raise zlib.error("incomplete or truncated stream")
