"""Siemens mosaics: one frame that holds the slices of a whole volume as tiles.

In: the header of such a file. Out: a `SliceHeader` for each tile, in its own place in the patient. Number of tiles and
direction come from the private CSA header, as in nibabel (nicom/csareader.py and MosaicWrapper in dicomwrappers.py); a
mosaic that has lost it is refused, because nothing else tells the empty tiles from the black slices.
"""

import dataclasses
import math
import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from radiogen.imaging.headers import SliceHeader

_CREATORS = (0x0029_0010, 0x0029_0011, 0x0029_0012)
TAGS = (*_CREATORS, *(0x0029_0000 + block * 0x100 + number for block in (0x10, 0x11, 0x12) for number in (0x10, 0x20)))
"""The private elements to be read: who owns each block of group 0029, and its two CSA headers (image and series)."""


class Layout(NamedTuple):
    """How many tiles; unit vector from one slice to the next (LPS), None where not told; mm between slices."""

    tiles: int
    normal: tuple[float, ...] | None
    step_mm: float | None


def read_layout(elements: dict[str | int, Any]) -> Layout | None:
    """What the CSA headers say of a mosaic; None where they are absent or do not tell the number of tiles."""
    image, series = _headers(elements)
    values = parse_csa(image)
    numbers = [_float(text) for text in values.get("NumberOfImagesInMosaic", ())]
    normal = [_float(text) for text in values.get("SliceNormalVector", ())]
    if not numbers or numbers[0] is None or not 1 <= numbers[0] <= 4096:
        return None
    known = len(normal) == 3 and None not in normal and math.hypot(*normal) > 0.5
    return Layout(int(numbers[0]), tuple(normal) if known else None, _step_mm(series))


def split(header: "SliceHeader", layout: Layout) -> list["SliceHeader"]:
    """A header for each tile of the mosaic `header`.

    The position told for a mosaic is that of a single image as large as the mosaic around the centre of the first
    slice, so the first tile lies half the difference of the two sizes further in (nibabel, `MosaicWrapper`). No
    tiles where the matrix is no whole number of them: cropped or resized after the scanner wrote it.
    """
    across = math.ceil(math.sqrt(layout.tiles))
    if header.rows % across or header.columns % across:
        return []
    rows, columns = header.rows // across, header.columns // across
    tiles = []
    for number in range(layout.tiles):
        top, left = number // across * rows, number % across * columns
        tiles.append(dataclasses.replace(header, rows=rows, columns=columns, tile=(top, left),
                                         position=_position(header, layout, number, rows, columns)))
    return tiles


def parse_csa(content: bytes) -> dict[str, list[str]]:
    """The named values of a CSA header, as text; what cannot be parsed is left out."""
    values: dict[str, list[str]] = {}
    newer = content[:4] == b"SV10"
    at, first_items = 8 if newer else 0, None
    try:
        (count,) = struct.unpack_from("<I", content, at)
        at += 8
        for _ in range(min(count, 1000)):
            name, items = content[at:at + 64], struct.unpack_from("<I", content, at + 76)[0]
            at += 84
            first_items = items if first_items is None else first_items  # older headers count lengths from it
            texts = []
            for _ in range(min(items, 10_000)):
                lengths = struct.unpack_from("<4i", content, at)
                length = lengths[1] if newer else lengths[0] - first_items
                at += 16
                if length < 0 or at + length > len(content):
                    return values
                text = content[at:at + length].split(b"\0")[0].strip()
                texts += [text.decode("latin-1")] if text else []
                at += (length + 3) // 4 * 4
            values[name.split(b"\0")[0].decode("latin-1")] = texts
    except struct.error:
        pass
    return values


def _headers(elements: dict[str | int, Any]) -> tuple[bytes, bytes]:
    """The image and the series CSA header, b"" where absent."""
    for tag in _CREATORS:
        if str(elements.get(tag)).strip() == "SIEMENS CSA HEADER":
            block = 0x0029_0000 + (tag & 0xFF) * 0x100
            return tuple(bytes(elements.get(block + number) or b"") for number in (0x10, 0x20))
    return b"", b""


def _step_mm(series: bytes) -> float | None:
    """Distance of neighbouring slices, from the first and last slice positions of the scanner's own protocol."""
    places: dict[int, dict[bytes, float]] = {}
    for number, axis, text in re.findall(
            rb"sSliceArray\.asSlice\[(\d+)\]\.sPosition\.d(Sag|Cor|Tra)\s*=\s*(-?[\d.]+(?:e[-+]?\d+)?)", series):
        places.setdefault(int(number), {})[axis] = float(text)
    points = [[places[number].get(axis, 0.0) for axis in (b"Sag", b"Cor", b"Tra")] for number in sorted(places)]
    return math.dist(points[0], points[-1]) / (len(points) - 1) or None if len(points) > 1 else None


def _position(header: "SliceHeader", layout: Layout, number: int, rows: int, columns: int) -> tuple[float, ...] | None:
    if None in (header.position, header.orientation, header.pixel_spacing, layout.normal, layout.step_mm):
        return None
    down = (header.rows - rows) / 2 * header.pixel_spacing[0]
    right = (header.columns - columns) / 2 * header.pixel_spacing[1]
    along = number * layout.step_mm
    row, column = header.orientation[:3], header.orientation[3:]
    return tuple(start + right * a + down * b + along * n for start, a, b, n in zip(
        header.position, row, column, layout.normal, strict=True))


def _float(text: object) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
