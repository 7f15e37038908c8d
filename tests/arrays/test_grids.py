"""Every geometry's array lies where its grid says: a tumour that is known to lie at a point of the patient is there."""

import numpy as np
import pytest

from radiogen.arrays.case_arrays import case_array
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.grids import array_grid
from radiogen.arrays.settings import CacheSettings, MaskSettings
from radiogen.dataset.source import MASK
from radiogen.imaging.volume import Volume
from tests.arrays.masked_data import AXIAL, CORONAL, SHAPE, ball, centre_of, head

SAGITTAL = np.array([[5.0, 0, 0, -72], [0, 0, 4.0, -80], [0, -4.0, 0, 86], [0, 0, 0, 1]])
OBLIQUE = np.array([[0, -0.8, 3.9, -70], [0, 3.9, 0.8, -96], [5.0, 0, 0, -72], [0, 0, 0, 1]])
PLACES = {"FLAIR": CORONAL, "T1w": SAGITTAL, "T1wCE": OBLIQUE}
CROPPED = MaskSettings("tumour", 6.0)
KINDS = {
    "isotropic cube": {"kind": "cubes", "geometry": "isotropic", "edge_mm": 200.0},
    "isotropic cube of the tumour": {"kind": "cubes", "geometry": "isotropic", "edge_mm": 200.0, "mask": CROPPED},
    "stretched cube": {"kind": "cubes", "geometry": "stretch"},
    "stretched cube of the tumour": {"kind": "cubes", "geometry": "stretch", "mask": CROPPED},
    "slab": {"kind": "slabs", "geometry": "slab", "depth": 20},
    "slab wider than the series": {"kind": "slabs", "geometry": "slab", "depth": 90},
    "stretched slices": {"kind": "slices", "geometry": "stretch"},
    "stretched slices of the tumour": {"kind": "slices", "geometry": "stretch", "mask": CROPPED},
    "isotropic slices": {"kind": "slices", "geometry": "isotropic"},
    "some slices": {"kind": "slices", "geometry": "isotropic", "slices_per_series": 17},
}


def _part(settings, made, name):
    """A sequence's slices of the array."""
    if settings.kind != "slices":
        return made.array[settings.sequences.index(name)]
    counts = [int(one.partition(":")[2]) for one in made.slices.split()]
    before = sum(counts[:settings.sequences.index(name)])
    return made.array[before:before + counts[settings.sequences.index(name)]]


@pytest.mark.parametrize("kind", KINDS)
def test_the_tumour_lies_where_the_grid_of_the_array_says(kind):
    settings = CacheSettings(**{"sequences": tuple(PLACES), "size": 36, "normalisation": "min-max", **KINDS[kind]})
    series = {name: CaseSeries(Volume(head(0, affine) - 10, affine)) for name, affine in PLACES.items()}
    series[MASK] = CaseSeries(Volume(ball(0, AXIAL).astype(np.uint8), AXIAL))
    made = case_array(settings, series, whole=True)
    for name, affine in PLACES.items():
        grid, part = array_grid(settings, made, name, SHAPE, affine), _part(settings, made, name)
        assert part.shape == (len(grid.slices), *grid.shape[1:])
        bright = np.argwhere(part > 150)
        places = np.column_stack([grid.slices[bright[:, 0]], bright[:, 1:]])
        middle = np.average(places, axis=0, weights=part[tuple(bright.T)] - 150.0)
        missed = grid.affine[:3] @ [*middle, 1] - centre_of(0)
        steps = np.linalg.norm(grid.affine[:3, :3], axis=0)
        assert np.abs(missed).max() < (0.5 if kind == "some slices" else 0.15) * max(4.0, *steps), (name, missed)
