"""Where in a file a value is: at its top level, in its functional groups or in a vendor's private block.

In: a file's elements as pydicom parsed them, standard ones by keyword, private ones by tag. Out: their values. A
private block belongs to the vendor named in its first element (DICOM PS3.5, 7.8.1), and other software moves blocks.
"""

import struct
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

Values = dict[str | int, Any]
"""Values of a file's elements by keyword, of private ones by tag."""

class Lookup(Protocol):
    """Elements by keyword: a data set of pydicom, or a dictionary."""

    def get(self, keyword: str, /) -> Any:
        """The value, None where it is absent."""


BLOCKS = (0x10, 0x11, 0x12)
"""Where in a group a vendor's block is looked for: the first three places."""

_NUMBERS = {"FD": "d", "FL": "f", "SS": "h", "US": "H"}


class Private(NamedTuple):
    """A private element: who owns its block, its group, its number within the block, its value representation."""

    creator: str
    group: int
    number: int
    representation: str


def tags_of(elements: Iterable[Private]) -> tuple[int, ...]:
    """The tags to be read for these elements, and for the owners of their blocks, in ascending order."""
    tags = set()
    for element in elements:
        for block in BLOCKS:
            tags |= {element.group << 16 | block, element.group << 16 | block << 8 | element.number}
    return tuple(sorted(tags))


def private_value(values: Values, element: Private) -> Any:
    """The value of a private element, None where its owner has no block or it is not in it.

    A value whose representation was lost on the way (UN: little endian, sequences in Implicit VR, PS3.5, 6.2.2) is
    decoded as the vendor's.
    """
    for block in BLOCKS:
        if str(values.get(element.group << 16 | block) or "").strip() == element.creator:
            value = values.get(element.group << 16 | block << 8 | element.number)
            if value is not None:
                return _decoded(value, element.representation) if isinstance(value, bytes) else value
    return None


def find(values: Values, groups: Lookup | None, shared: Lookup | None, sequence: str, keyword: str, *,
         top: bool = True) -> Any:
    """A value of a frame: of its own functional groups, else the shared ones, else, with `top`, of the file."""
    item = group_of(groups, shared, sequence)
    value = None if item is None else item.get(keyword)
    return values.get(keyword) if value is None and top else value


def group_of(groups: Lookup | None, shared: Lookup | None, sequence: str) -> Lookup | None:
    """A functional group of a frame, else of all frames (PS3.3, C.7.6.16)."""
    item = item_of(groups, sequence)
    return item_of(shared, sequence) if item is None else item


def item_of(values: Lookup | None, sequence: str) -> Lookup | None:
    """The first item of a sequence, None where there is none."""
    items = None if values is None else values.get(sequence)
    return items[0] if items else None


def texts(value: Any) -> list[str]:
    """The values of a text element, in capitals, without the spaces around them."""
    values = [] if value is None else [value] if isinstance(value, str) else list(value)
    return [str(each).strip().upper() for each in values]


def _decoded(value: bytes, representation: str) -> Any:
    if representation == "SQ":
        return _items(value)
    if representation in ("DS", "IS"):
        return [text.strip() for text in value.decode("latin-1").strip(" \0").split("\\")]
    if kind := _NUMBERS.get(representation):
        count = len(value) // struct.calcsize(kind)
        return list(struct.unpack_from(f"<{count}{kind}", value))
    return value


def _items(value: bytes) -> Any:
    from pydicom.values import convert_SQ

    try:
        return convert_SQ(value, is_implicit_VR=True, is_little_endian=True)
    except Exception:  # noqa: BLE001  (of what is no sequence pydicom may say anything)
        return None
