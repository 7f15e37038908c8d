"""From the probabilities of a head's voxels to the tumour's mask, or to the finding for which there is none.

In: probabilities on a grid of the patient, and how large the tumours were that trained the networks. Out: a `Volume` of
0 and 1, or a `Finding`: nothing found, several places far apart, or a size that no tumour had in training. A crop
around a wrong place shows a classifier no tumour at all; the whole head always does.
"""

from typing import NamedTuple

import numpy as np

from radiogen.core.types import Affine, FloatVoxels, Mask
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.volume import Volume

THRESHOLD = 0.5
"""Of the probability, above which a voxel is tumour."""
SPECK = 0.1
"""Places smaller than this share of the largest are no second tumour."""
FAR_MM = 20.0
"""Between the nearest voxels of two places, from which they are far apart; nearer ones are one tumour."""
ROOM = 2.0
"""How many times smaller or larger than any in training a tumour may be."""


class Sizes(NamedTuple):
    """Volumes in ml of the smallest and the largest tumour that trained the networks."""

    smallest: float
    largest: float


def find_tumour(probabilities: FloatVoxels, grid: Affine, sizes: Sizes) -> Volume | Finding:
    """The tumour's mask on the grid, or why there is none that can be relied on.

    probabilities: (slice, row, column); grid: (4, 4) to LPS mm. Small places beside a larger one are left out; they are
    never the whole answer.
    """
    places = _places(probabilities > THRESHOLD)
    if not places:
        return Finding(FindingCode.LOCATOR_NOTHING)
    together, apart_mm = _joined(places, grid)
    if apart_mm:
        return Finding(FindingCode.LOCATOR_SEVERAL, (), {"places": len(places), "apart_mm": apart_mm})
    tumour_ml = float(together.sum()) * voxel_ml(grid)
    low, high = sizes.smallest / ROOM, sizes.largest * ROOM
    if not low <= tumour_ml <= high:
        return Finding(FindingCode.LOCATOR_SIZE, (), {"tumour_ml": tumour_ml, "low_ml": sizes.smallest,
                                                      "high_ml": sizes.largest})
    return Volume(together.astype(np.uint8), grid)


def voxel_ml(grid: Affine) -> float:
    """The volume of one voxel in ml."""
    return float(abs(np.linalg.det(grid[:3, :3]))) / 1000


def _places(found: Mask) -> list[Mask]:
    """Connected places, by faces, edges and corners, without specks; the largest first."""
    from scipy import ndimage

    labels, count = ndimage.label(found, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = [number for number in np.argsort(-sizes, kind="stable") if sizes[number] >= SPECK * sizes.max()]
    return [labels == number + 1 for number in order]


def _joined(places: list[Mask], grid: Affine) -> tuple[Mask, float]:
    """All places in one mask, and how far the farthest lies from the largest, mm; 0 where none is far."""
    from scipy import ndimage

    if len(places) == 1:
        return places[0], 0.0
    steps = np.linalg.norm(grid[:3, :3], axis=0)
    distances = ndimage.distance_transform_edt(~places[0], sampling=steps)
    apart = max(float(distances[place].min()) for place in places[1:])
    return np.logical_or.reduce(places), apart if apart >= FAR_MM else 0.0
