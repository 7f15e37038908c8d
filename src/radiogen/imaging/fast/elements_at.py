"""What is at a place in the bytes of a DICOM file: a tag, a number, the head of an element. Compiled.

Layout of an element: DICOM PS3.5, sections 7.1.2 and 7.1.3; all numbers are little endian. No bounds are checked.
"""

import numpy as np

from radiogen.core.types import ByteBuffer, IntTable
from radiogen.imaging.compiled.compiling import compiled

ITEM, ITEM_END, SEQUENCE_END, UNDEFINED = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD, 0xFFFF_FFFF
"""Tags of an item, its end and the end of a sequence; the length of what ends with such a delimiter."""

DEEPEST = 32
"""Sequences within each other that are followed; deeper ones are left to pydicom."""

_HEADS = np.zeros(1 << 16, np.uint8)
"""Bytes before the value of an element, by value representation; 0 for what is none."""
for _names, _head in (("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US", 8),
                      ("OB OD OF OL OV OW SQ SV UC UN UR UT UV", 12)):
    for _name in _names.split():
        _HEADS[int.from_bytes(_name.encode(), "little")] = _head


@compiled()
def is_representation(content: ByteBuffer, at: int) -> bool:
    """Whether two bytes are capital letters, as a value representation is."""
    return 65 <= content[at] <= 90 and 65 <= content[at + 1] <= 90


@compiled()
def tag_at(content: ByteBuffer, at: int) -> int:
    """Group and element number, as in 0x0028_0010."""
    return _short_at(content, at) << 16 | _short_at(content, at + 2)


@compiled()
def number_at(content: ByteBuffer, at: int) -> int:
    """An unsigned number of four bytes."""
    return _short_at(content, at + 2) << 16 | _short_at(content, at)


@compiled()
def _short_at(content: ByteBuffer, at: int) -> int:
    return np.int64(content[at + 1]) << 8 | np.int64(content[at])  # an unsigned one would make floats of sums


@compiled()
def element_at(content: ByteBuffer, at: int, implicit: bool) -> tuple[int, int, int]:
    """Value representation (0 where it is implicit), bytes before the value (0 where it is odd), bytes of the value."""
    if implicit:
        return np.int64(0), np.int64(8), number_at(content, at + 4)
    representation = _short_at(content, at + 4)
    head = np.int64(_HEADS[representation])
    if head == 8:
        return representation, head, _short_at(content, at + 6)
    if head == 12 and _short_at(content, at + 6) == 0:
        return representation, head, number_at(content, at + 8)
    return representation, np.int64(0), np.int64(0)


@compiled()
def same_bytes(content: ByteBuffer, span: IntTable, other: ByteBuffer, other_span: IntTable) -> bool:
    """Whether two values are the same; spans: place and size of each, as in scan.py. Unknown places differ."""
    if span[1] != other_span[1] or span[0] < 0 and span[1] > 0 or other_span[0] < 0 and other_span[1] > 0:
        return False
    for place in range(span[1]):  # noqa: SIM110 - numba knows no all()
        if content[span[0] + place] != other[other_span[0] + place]:
            return False
    return True
