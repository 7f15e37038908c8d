"""A mask on another grid of the same patient, by nearest neighbour, and the place that it takes in the patient.

In: a mask as `read_mask` returns it, with its affine. Out: (slice, row, column) of bool on the grid of a series or of a
cube; the box around the tumour in LPS mm. A label is never interpolated.
"""

import numpy as np

from radiogen.core.types import Affine, Mask, Points, Shape3D, Vector
from radiogen.imaging.cubes import grid_around
from radiogen.imaging.resampling import need_place
from radiogen.imaging.volume import Volume

SMALLEST_SHARE = 0.005
"""Of a tumour, that makes a finding where it is cut off."""


def mask_on_grid(mask: Volume, affine: Affine, shape: Shape3D) -> Mask:
    """As `_resample_nearest`; a tumour that falls between the voxels of the grid marks those that it is nearest to."""
    found = _resample_nearest(mask, affine, shape)
    if not found.any():
        places = _indices(mask, affine)
        nearest = np.rint(places[_within(places, shape)]).astype(int).clip(0, np.array(shape) - 1)
        found[tuple(nearest.T)] = True
    return found


def share_inside(mask: Volume, affine: Affine, shape: Shape3D) -> float:
    """The share of the tumour's voxels whose middle lies in the grid of `affine` and `shape`."""
    return float(_within(_indices(mask, affine), shape).mean())


def tumour_grid(mask: Volume, size: int, edge_mm: float | None, margin_mm: float) -> Affine:
    """(4, 4) affine of a cube of `size` voxels an edge around the middle of the tumour's box.

    edge_mm: None: the longest side of the box, and `margin_mm` on either side of it. Axes are those of
    `cubes.patient_grid`.
    """
    low, high = tumour_box(mask)
    edge = float((high - low).max()) + 2 * margin_mm if edge_mm is None else edge_mm
    return grid_around((low + high) / 2, size, edge)


def tumour_box(mask: Volume) -> tuple[Vector, Vector]:
    """Lowest and highest (x, y, z) in LPS mm of the box, along the patient's axes, around the tumour's voxels."""
    points, affine = tumour_points(mask), need_place(mask, "a tumour's box")
    half = np.abs(affine[:3, :3]).sum(axis=1) / 2
    return points.min(axis=0) - half, points.max(axis=0) + half


def _resample_nearest(mask: Volume, affine: Affine, shape: Shape3D) -> Mask:
    """(slice, row, column) bool of `shape`: whether the mask's voxel nearest to each place of the grid is tumour.

    Outside of the mask nothing is tumour. Raises UserError where the mask does not say where it lies.
    """
    from scipy import ndimage

    index = np.linalg.inv(need_place(mask, "a mask on another grid")) @ affine
    if mask.voxels.shape == tuple(shape) and np.abs((index - np.eye(4))[:3] @ [*shape, 1]).max() < 0.01:
        return mask.voxels != 0
    labels = mask.voxels.astype(np.uint8, copy=False)
    found = ndimage.affine_transform(labels, index[:3, :3], index[:3, 3], tuple(shape), order=0, mode="grid-constant")
    return found != 0


def tumour_points(mask: Volume) -> Points:
    """(x, y, z) in LPS mm of the middle of each voxel of the tumour."""
    affine = need_place(mask, "a tumour's place")
    return np.argwhere(mask.voxels) @ affine[:3, :3].T + affine[:3, 3]


def _indices(mask: Volume, affine: Affine) -> Points:
    """Where the tumour's voxels lie on another grid, as fractional indices (slice, row, column)."""
    back = np.linalg.inv(affine)
    return tumour_points(mask) @ back[:3, :3].T + back[:3, 3]


def _within(places: Points, shape: Shape3D) -> Mask:
    inside: Mask = np.all((places > -0.5 - 1e-6) & (places < np.array(shape) - 0.5 + 1e-6), axis=1)
    return inside
