"""Where the voxels of a case's array lie in the patient, whatever its geometry.

In: how the array was made. Out: for a sequence a grid with an affine, and the place on it of each of the array's
slices. Grad-CAM, which has the array's grid, is laid over the series by it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from radiogen.arrays.case_arrays import CaseArray
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, IndexArray, Shape3D
from radiogen.imaging.cubes import slice_target
from radiogen.imaging.findings import FindingCode


class ArrayGrid(NamedTuple):
    """affine: (4, 4) from (slice, row, column, 1) on the grid to LPS mm. shape: of the grid. slices: for each slice of
    the sequence's part of the array its place on the grid, which has more of them where the array left some out."""

    affine: Affine
    shape: Shape3D
    slices: IndexArray


def array_grid(settings: CacheSettings, made: CaseArray, sequence: str, shape: Shape3D, affine: Affine) -> ArrayGrid:
    """The grid of one sequence's part of a case's array.

    Parameters
    ----------
    settings: what the array was made by.
    made: as `case_array` returned it: its findings say which part of the series was taken.
    sequence: whose part of the array is meant.
    shape: of the series: slices, rows, columns.
    affine: of the series, from voxel index to LPS mm.
    """
    size = settings.size
    if made.grid is not None:  # one grid of the patient for all sequences
        return ArrayGrid(made.grid, (size,) * 3, np.arange(size))
    first, kept = _taken(made, sequence, shape)
    if settings.kind == "cubes":
        whole = _scaled(affine, first, [count / size for count in kept])
        longest = int(np.argmax(kept))
        order = [longest, *(axis for axis in range(3) if axis != longest)]
        return ArrayGrid(whole[:, [*order, 3]], (size,) * 3, np.arange(size))
    if settings.kind == "slabs":
        depth = settings.depth or size
        return ArrayGrid(_scaled(affine, first, (1, kept[1] / size, kept[2] / size)), (depth, size, size),
                         np.arange(depth))
    target = slice_target(kept, affine, size, "isotropic" if settings.geometry == "isotropic" else "stretch",
                          settings.slices_per_series)
    factors = 1, kept[1] / target.rows, kept[2] / target.columns
    padding = 0, (size - target.rows) // 2, (size - target.columns) // 2
    places = np.arange(kept[0]) if target.slices is None else np.array(target.slices)
    return ArrayGrid(_scaled(affine, first, factors, padding), (kept[0], size, size), places)


def _taken(made: CaseArray, sequence: str, shape: Shape3D) -> tuple[Sequence[int], Shape3D]:
    """By axis the first voxel of a series that its array shows, and how many there are."""
    first, kept = [0, 0, 0], list(shape)
    for finding in (one.finding for one in made.changes if one.sequence == sequence):
        if finding.code is FindingCode.SLAB_OF_SLICES:
            first[0] = finding.values["first"] - 1
            kept[0] = finding.values["last"] - first[0]
        elif finding.code is FindingCode.CROPPED_TO_TUMOUR:
            for name, start, last, _ in finding.values["axes"]:
                axis = ("slices", "rows", "columns").index(name)
                first[axis], kept[axis] = start - 1, last - start + 1
    return first, (kept[0], kept[1], kept[2])


def _scaled(affine: Affine, first: Sequence[int], factors: Sequence[float], padding: Sequence[int] = (0, 0, 0)
            ) -> Affine:
    """The affine of a grid whose voxel covers `factors` voxels of the series, from `first` on, after `padding`."""
    wide = np.array(factors, float)
    step = np.eye(4)
    step[:3, :3] *= wide
    step[:3, 3] = np.array(first) + (wide - 1) / 2 - np.array(padding) * wide
    scaled: Affine = affine @ step
    return scaled
