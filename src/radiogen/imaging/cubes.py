"""A volume becomes a cube of n x n x n, or its slices become n x n: the geometry of it, without files.

Two ways, both named. `stretch` is the report's: every axis is resized to n, whatever the proportions. `isotropic`
keeps millimetres: a cube of a given edge, in patient orientation, around the head's centre (resampling.py). Shrinking
averages the whole of what a new voxel covers, so nothing aliases; growing interpolates linearly.
"""

from typing import Literal, TypeVar

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.types import Affine, ByteVoxels, FloatVoxels, IndexArray, Shape2D, Shape3D, Slice2D, Vector, Voxels
from radiogen.core.wording import parameter
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.intensity import head_threshold
from radiogen.imaging.resized import ResizedSlices, Target
from radiogen.imaging.slices import Slices
from radiogen.imaging.volume import Volume

_Array = TypeVar("_Array", FloatVoxels, ByteVoxels, Voxels)

Geometry = Literal["stretch", "isotropic"]


def resize(voxels: Slices, shape: Shape3D) -> FloatVoxels:
    """Resize (slice, row, column) to `shape` as float32; an axis shrinks by averaging and grows by interpolation."""
    from radiogen.imaging.compiled import kernels

    return kernels.resize_slice_axis(kernels.resize_slices(voxels, shape[1:]), shape[0])


def interpolate(pixels: Slice2D, shape: Shape2D) -> FloatVoxels:
    """(row, column) to `shape` as float32, linear between the four nearest pixels, also where it shrinks: aliases.

    What cv2.resize does by default, and so the competition's winner; pixels keep their floats.
    """
    values = np.asarray(pixels, np.float32)
    for axis, count in enumerate(shape):
        centres = np.clip((np.arange(count) + 0.5) * (values.shape[axis] / count) - 0.5, 0, values.shape[axis] - 1)
        before = np.minimum(centres.astype(int), max(values.shape[axis] - 2, 0))
        share = np.float32(centres - before).reshape((-1, 1) if axis == 0 else (1, -1))
        after = np.minimum(before + 1, values.shape[axis] - 1)
        values = values.take(before, axis) * (1 - share) + values.take(after, axis) * share
    return values


def stretch_cube(voxels: Slices, size: int) -> FloatVoxels:
    """(size, size, size) float32, as in the report: the longest axis divided into `size`, each section size x size.

    The longest axis comes first; the others keep their order. Anatomy is distorted wherever the axes differ.
    """
    return longest_first(resize(voxels, (size, size, size)), voxels.shape)


def cube_of_bytes(resized: ResizedSlices, size: int) -> ByteVoxels:
    """(size, size, size) uint8: as `stretch_cube`, min-max of the series, of slices that are size x size floats."""
    from radiogen.imaging.compiled import kernels

    cube = kernels.slice_axis_to_bytes(resized.floats(Target(size, size)), size, resized.lowest, resized.highest)
    return longest_first(cube, resized.shape)


def longest_first(cube: _Array, shape: Shape3D) -> _Array:
    """A cube with the axes of a series of this shape, its longest moved to the front."""
    return np.ascontiguousarray(np.moveaxis(cube, int(np.argmax(shape)), 0))


def grown(shape: tuple[int, ...], new: tuple[int, ...]) -> Finding | None:
    """Which axes grow, so that there is less in them than it seems; None where none does."""
    axes = tuple((name, int(old), int(count)) for name, old, count in zip(
        ("slices", "rows", "columns"), shape, new, strict=True) if count > old)
    return Finding(FindingCode.GROWN, (), {"axes": axes}) if axes else None


def patient_grid(volume: Volume, size: int, edge_mm: float) -> Affine:
    """(4, 4) affine of a cube of `size` voxels and `edge_mm` an edge, centred on the head that the volume shows.

    Slices go up to the vertex, rows to the back, columns to the patient's left: a slice looks as an axial picture does
    in radiology. Series on the same grid are channels of one image. Raises UserError where the affine is unknown.
    """
    affine = need_affine(volume.affine)
    return grid_around(head_centre(volume.voxels, affine), size, edge_mm)


def grid_around(centre: Vector, size: int, edge_mm: float) -> Affine:
    """(4, 4) affine of a cube of `size` voxels and `edge_mm` an edge around a point; axes as in `patient_grid`."""
    step = edge_mm / size
    grid = np.eye(4)
    grid[:3, :3] = step * np.eye(3)[:, ::-1]
    grid[:3, 3] = centre - grid[:3, :3] @ np.full(3, (size - 1) / 2)
    return grid


def head_centre(voxels: Voxels, affine: Affine) -> Vector:
    """(x, y, z) in mm: the middle of the box that holds the head but for its outermost hundredths."""
    shape, threshold = voxels.shape, head_threshold(voxels)
    filled = [np.zeros(count, np.int64) for count in shape]  # voxels of the head by slice, row and column
    for number, pixels in enumerate(voxels):
        mask = pixels > threshold
        filled[1] += np.count_nonzero(mask, axis=1)
        filled[2] += np.count_nonzero(mask, axis=0)
        filled[0][number] = np.count_nonzero(mask)
    centre = (np.array(shape) - 1) / 2
    for axis, counts in enumerate(filled) if filled[0].any() else ():
        share = np.cumsum(counts) / counts.sum()
        centre[axis] = (np.searchsorted(share, 0.01) + np.searchsorted(share, 0.99)) / 2
    return (affine @ [*centre, 1])[:3]


def slice_target(shape: Shape3D, affine: Affine | None, size: int, geometry: Geometry,
                 count: int | None = None) -> Target:
    """Which slices `slices_2d` takes of a series and, in pixels, how large they become before they are padded."""
    chosen = None if count is None else tuple(middle_slices(shape[0], count).tolist())
    if geometry == "stretch":
        return Target(size, size, chosen)
    _, row_mm, column_mm = np.linalg.norm(need_affine(affine)[:3, :3], axis=0)
    height, width = shape[1] * row_mm, shape[2] * column_mm
    scale = size / max(height, width)
    return Target(max(1, round(height * scale)), max(1, round(width * scale)), chosen)


def padded(stack: _Array, size: int) -> _Array:
    """Slices (slices, rows, columns) in the middle of squares of size x size, 0 around them; same dtype."""
    count, rows, columns = stack.shape
    if (rows, columns) == (size, size):
        return stack
    square = np.zeros((count, size, size), stack.dtype)
    top, left = (size - rows) // 2, (size - columns) // 2
    square[:, top:top + rows, left:left + columns] = stack
    return square


def middle_slices(slices: int, count: int) -> IndexArray:
    """Indices of `count` slices evenly spaced over the middle three quarters; all of them where there are no more."""
    if slices <= count:
        return np.arange(slices)
    return np.unique(np.round(np.linspace(slices / 8, slices * 7 / 8 - 1, count)).astype(int))


def need_affine(affine: Affine | None) -> Affine:
    """The affine. Raises UserError where it is needed and not known."""
    if affine is None:
        raise UserError("geometry isotropic", "needs series that report position, orientation and spacing",
                        f"use {parameter('geometry', 'stretch')}")
    return affine
