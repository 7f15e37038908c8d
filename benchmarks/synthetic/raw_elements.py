"""The elements of a DICOM file as bytes: taken apart, changed in any way, put together again.

In: a file that pydicom can step through. Out: its meta header and a list of (tag, bytes of the whole element). What
is put in need not be legal, which no writer of data sets allows. Layout: DICOM PS3.5, sections 7.1 and 7.5.
"""

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.filereader import data_element_generator
from pydicom.uid import ImplicitVRLittleEndian

Element = tuple[int, bytes]
"""Tag, and all bytes of the element: tag, value representation, length and value."""

UNDEFINED = 0xFFFF_FFFF
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
_ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
_SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@dataclass
class Parts:
    """`meta`: preamble and file meta information; `elements` in the order of the file; `implicit`: Implicit VR."""

    meta: bytes
    elements: list[Element]
    implicit: bool

    def joined(self) -> bytes:
        """The bytes of the file."""
        return self.meta + b"".join(content for _, content in self.elements)


def split(content: bytes) -> Parts:
    """Take a little-endian file apart; the pixels are its last element, with whatever stands behind them."""
    start = 144 + struct.unpack("<I", content[140:144])[0]
    implicit = syntax_of(content) == ImplicitVRLittleEndian
    stream = io.BytesIO(content)
    stream.seek(start)
    elements, begin = [], start
    for element in data_element_generator(stream, implicit, True):
        elements.append((int(element.tag), content[begin:stream.tell()]))
        begin = stream.tell()
        if element.tag >> 16 == 0x7FE0:
            break
    if begin < len(content):
        tag, pixels = elements.pop()
        elements.append((tag, pixels + content[begin:]))
    return Parts(content[:start], elements, implicit)


def rewrite(path: Path, change: Callable[[Parts], None]) -> None:
    """Let `change` work on the elements of a file."""
    parts = split(path.read_bytes())
    change(parts)
    path.write_bytes(parts.joined())


def put(parts: Parts, element: Element) -> None:
    """Put an element in its place by its tag, instead of one that has the tag."""
    others = [each for each in parts.elements if each[0] != element[0]]
    place = next((number for number, each in enumerate(others) if each[0] > element[0]), len(others))
    parts.elements[:] = [*others[:place], element, *others[place:]]


def element(tag: int, representation: str, value: bytes, *, implicit: bool = False,
            length: int | None = None) -> Element:
    """One element with any bytes for its value; `length`: what it declares, where that is not the true length."""
    length = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return tag, head + struct.pack("<I", length) + value
    if representation in _LONG:
        return tag, head + representation.encode() + b"\0\0" + struct.pack("<I", length) + value
    return tag, head + representation.encode() + struct.pack("<H", length & 0xFFFF) + value


def item(content: bytes, *, defined: bool = False) -> bytes:
    """An item of a sequence, of defined or undefined length."""
    if defined:
        return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
    return struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + content + _ITEM_END


def sequence(tag: int, items: Sequence[bytes], *, representation: str = "SQ", implicit: bool = False,
             defined: bool = False) -> Element:
    """A sequence of items made by `item`, of defined or undefined length."""
    content = b"".join(items)
    if defined:
        return element(tag, representation, content, implicit=implicit)
    return element(tag, representation, content + _SEQUENCE_END, implicit=implicit, length=UNDEFINED)


def syntax_of(content: bytes) -> str:
    """The transfer syntax that a file declares."""
    with io.BytesIO(content) as stream:
        return str(pydicom.dcmread(stream, specific_tags=[], stop_before_pixels=True).file_meta.TransferSyntaxUID)
