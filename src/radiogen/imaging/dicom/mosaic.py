"""Mosaics: one frame that holds the slices of a whole volume as tiles; what Siemens's private header says of them.

In: the header of such a file. Out: a `SliceHeader` for each tile, in its own place in the patient. Number of tiles and
direction come from the private CSA header, as in nibabel (nicom/csareader.py and MosaicWrapper in dicomwrappers.py),
their distance from the protocol in it; a mosaic that has lost it is refused, because nothing else distinguishes empty
tiles from black slices. United Imaging's mosaics are read by uih.py and cut here.
"""

import functools
import itertools
import math
import re
import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from radiogen.imaging.dicom.elements import Private, private_value, tags_of
from radiogen.imaging.dicom.frozen import copy_with
from radiogen.imaging.dicom.vectors import numbers_of
from radiogen.imaging.findings import Finding, FindingCode

if TYPE_CHECKING:
    from radiogen.imaging.dicom.headers import SliceHeader

_IMAGE, _SERIES = (Private("SIEMENS CSA HEADER", 0x0029, number, "OB") for number in (0x10, 0x20))
_TILES = Private("SIEMENS MR HEADER", 0x0019, 0x0A, "US")
PRIVATE = (_IMAGE, _SERIES, _TILES)
"""The private elements to be read: the two CSA headers (image and series), and the number of tiles, which software that
removes those may leave."""
TAGS = tags_of(PRIVATE)

WITHOUT_LAYOUT = FindingCode.MOSAIC_WITHOUT_HEADER
"""Why a mosaic is set aside where `read_layout` returns None."""

_SLICE = re.compile(rb"sSliceArray\.asSlice\[(\d+)\]\.(\w+)(?:\.d(Sag|Cor|Tra))?\s*=\s*"
                    rb"(-?[\d.]+(?:e[-+]?\d+)?)")
_WHOLE = (re.compile(rb"sSliceArray\.(lSize)\s*=\s*(0x[\da-fA-F]+|\d+)"),
          re.compile(rb"sKSpace\.(ucDimension|lImagesPerSlab)\s*=\s*(0x[\da-fA-F]+|\d+)"))
_WANTED = frozenset(("NumberOfImagesInMosaic", "SliceNormalVector"))
_THREE_D = 4
"""sKSpace.ucDimension of a measurement that encodes its slices by phase, in slabs; 2 where it selects each."""


class Layout(NamedTuple):
    """How a mosaic is made, and where its tiles lie, as far as the vendor's header says.

    positions: of each tile, (x, y, z) in LPS mm, empty where they follow from `normal` (unit vector from one slice to
    the next, LPS) and `step_mm` (between slices), None where not reported. problem: why not, None where they are.
    """

    tiles: int
    across: int
    down: int
    normal: tuple[float, ...] | None = None
    step_mm: float | None = None
    positions: tuple[tuple[float, ...], ...] = ()
    problem: Finding | None = None


def read_layout(elements: dict[str | int, Any]) -> Layout | None:
    """What the CSA headers say of a mosaic; None where they are absent or do not state the number of tiles."""
    values = _parse_csa(bytes(private_value(elements, _IMAGE) or b""), _WANTED)
    numbers = [_float(text) for text in values.get("NumberOfImagesInMosaic", ())]
    tiles = number_of_tiles(numbers[0] if numbers else private_value(elements, _TILES))
    if tiles is None:
        return None
    normal = numbers_of(values.get("SliceNormalVector", ()), 3)
    if normal is not None and math.hypot(*normal) <= 0.5:
        normal = None
    step_mm, problem = _step_mm(bytes(private_value(elements, _SERIES) or b""), tiles)
    across = math.ceil(math.sqrt(tiles))
    return Layout(tiles, across, across, normal, step_mm, problem=problem)


def number_of_tiles(value: Any) -> int | None:
    """A number of tiles that can be, else None."""
    number = _float(value[0] if isinstance(value, (list, tuple)) and value else value)
    return int(number) if number is not None and 1 <= number <= 4096 else None


def split(header: "SliceHeader", layout: Layout) -> list["SliceHeader"]:
    """A header for each tile of the mosaic `header`, row by row.

    The position that Siemens reports for a mosaic is that of a single image as large as the mosaic around the centre of
    the first slice, so the first tile lies half the difference of the two sizes further in (nibabel, `MosaicWrapper`).
    No tiles where the matrix is no whole number of them: cropped or resized after the scanner wrote it.
    """
    if header.rows % layout.down or header.columns % layout.across:
        return []
    rows, columns = header.rows // layout.down, header.columns // layout.across
    first = None if layout.positions else _first_position(header, layout, rows, columns)
    tiles = []
    for number in range(layout.tiles):
        top, left = number // layout.across * rows, number % layout.across * columns
        position = layout.positions[number] if layout.positions else None
        if first is not None and layout.normal is not None and layout.step_mm is not None:
            away = number * layout.step_mm
            position = tuple(start + away * along for start, along in zip(first, layout.normal, strict=True))
        tiles.append(copy_with(header, rows=rows, columns=columns, tile=(top, left), position=position))
    return tiles


def _parse_csa(content: bytes, wanted: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """The named values of a CSA header, as text; what cannot be parsed is left out.

    wanted: reading ends when all of these are found. By hand, though nibabel.nicom.csareader reads the same: of 400
    damaged copies of a real header that refused 306, with five kinds of errors, where this keeps what comes first.
    """
    values: dict[str, list[str]] = {}
    newer = content[:4] == b"SV10"
    at, first_items = 8 if newer else 0, None
    numbers = memoryview(content)[:len(content) // 4 * 4].cast("i")  # all of them lie at multiples of four bytes
    try:
        count = numbers[at // 4] & 0xFFFF_FFFF
        at += 8
        for _ in range(min(count, 1000)):
            name, items = content[at:at + 64], numbers[at // 4 + 19] & 0xFFFF_FFFF
            at += 84
            first_items = items if first_items is None else first_items  # older headers count lengths from it
            texts = []
            for _ in range(min(items, 10_000)):
                length = numbers[at // 4 + 1] if newer else numbers[at // 4] - first_items
                at += 16
                if length < 0 or at + length > len(content):
                    return values
                text = content[at:at + length].split(b"\0")[0].strip() if length else b""
                texts += [text.decode("latin-1")] if text else []
                at += (length + 3) // 4 * 4
            values[name.split(b"\0")[0].decode("latin-1")] = texts
            if wanted and wanted <= values.keys():
                break
    except IndexError:  # it ends too soon
        pass
    return values


@functools.lru_cache(maxsize=4)
def _step_mm(series: bytes, tiles: int) -> tuple[float | None, Finding | None]:
    """Distance of neighbouring slices in the scanner's own protocol, and why there is none where it is unclear.

    It is that of the slices' positions; of a three-dimensional measurement, which has a single slab, the thickness of
    the slab shared out among its images, as dcm2niix's SliceThickness is. The protocol leaves out numbers that are 0.
    """
    slices: dict[int, dict[bytes, float]] = {}
    for number, name, axis, text in _SLICE.findall(series):
        slices.setdefault(int(number), {})[name + axis] = _float(text) or 0.0
    whole = {name: int(text, 0) for pattern in _WHOLE for name, text in pattern.findall(series)}
    if not slices:
        return None, None
    count = whole.get(b"lSize") or max(slices) + 1
    slab = whole.get(b"ucDimension") == _THREE_D
    if slab and count > 1:
        return None, Finding(FindingCode.MOSAIC_SLABS, (), {"slabs": count})
    if slab or count == 1:
        images, thickness = whole.get(b"lImagesPerSlab"), slices.get(0, {}).get(b"dThickness")
        if images != tiles or not thickness:
            return None, Finding(FindingCode.MOSAIC_SLAB_UNCLEAR, (), {"tiles": tiles})
        return thickness / tiles, None
    if count != tiles:
        return None, Finding(FindingCode.MOSAIC_OTHER_COUNT, (), {"tiles": tiles, "declared": count})
    points = [[slices.get(index, {}).get(b"sPosition" + axis, 0.0) for axis in (b"Sag", b"Cor", b"Tra")]
              for index in range(count)]
    gaps = [math.dist(*pair) for pair in itertools.pairwise(points)]
    if max(gaps) - min(gaps) > 0.05 * statistics.median(gaps):
        return None, Finding(FindingCode.MOSAIC_UNEVEN, (), {"low_mm": min(gaps), "high_mm": max(gaps)})
    return math.dist(points[0], points[-1]) / (count - 1) or None, None


def _first_position(header: "SliceHeader", layout: Layout, rows: int, columns: int) -> tuple[float, ...] | None:
    if (header.position is None or header.orientation is None or header.pixel_spacing is None
            or layout.normal is None or layout.step_mm is None):
        return None
    down = (header.rows - rows) / 2 * header.pixel_spacing[0]
    right = (header.columns - columns) / 2 * header.pixel_spacing[1]
    row, column = header.orientation[:3], header.orientation[3:]
    return tuple(start + right * a + down * b for start, a, b in zip(header.position, row, column, strict=True))


def _float(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
