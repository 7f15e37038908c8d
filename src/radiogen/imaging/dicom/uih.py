"""United Imaging's mosaics (VFRAME): one frame that holds the slices of a whole volume as tiles, and where each lies.

In: the elements of such a file. Out: a `Layout`. The private block names the number of tiles and, in a sequence with an
item for each, the position of every slice (dcm2niix, issue 225 and UIH/README.md: "MR Number Of Slice In Volume", "MR
VFrame Sequence"). Unlike Siemens's, the grid has no empty row, and positions need no shift.
"""

import math

from radiogen.imaging.dicom.elements import Private, Values, private_value, tags_of
from radiogen.imaging.dicom.mosaic import Layout, number_of_tiles
from radiogen.imaging.dicom.vectors import numbers_of
from radiogen.imaging.findings import Finding, FindingCode

_CREATOR = "Image Private Header"
_TILES = Private(_CREATOR, 0x0065, 0x50, "DS")
_FRAMES = Private(_CREATOR, 0x0065, 0x51, "SQ")
PRIVATE = (_TILES, _FRAMES)
"""The private elements to be read."""
TAGS = tags_of(PRIVATE)

WITHOUT_LAYOUT = FindingCode.VFRAME_WITHOUT_HEADER
"""Why a mosaic is set aside where `read_layout` returns None."""


def read_layout(values: Values) -> Layout | None:
    """Tiles, columns and rows of tiles, and positions; None where the private header does not state how many tiles."""
    frames = private_value(values, _FRAMES) or ()
    tiles = number_of_tiles(private_value(values, _TILES)) or len(frames)
    if not tiles:
        return None
    across = math.ceil(math.sqrt(tiles))
    reported = [numbers_of(item.get("ImagePositionPatient"), 3) for item in frames]
    positions = tuple(position for position in reported if position is not None)
    known = len(positions) == len(reported) == tiles
    problem = None if known else Finding(FindingCode.VFRAME_WITHOUT_POSITIONS)
    return Layout(tiles, across, math.ceil(tiles / across), positions=positions if known else (), problem=problem)
