"""A volume becomes what a network eats: slices of n x n, or a cube of n x n x n.

Two ways, both named. `stretch` is the report's: every axis is squeezed to n, whatever the proportions. `isotropic`
keeps millimetres: a cube of a given edge, in patient orientation, around the head's centre. Shrinking averages the
whole of what a new voxel covers, so nothing aliases; growing interpolates linearly.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from radiogen.errors import UserError
from radiogen.imaging.intensity import head_mask, normalise
from radiogen.imaging.volume import Volume, spacing_mm

Geometry = Literal["stretch", "isotropic"]


def resize(voxels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize an array of any rank to `shape` as float32; an axis shrinks by averaging and grows by interpolation."""
    result = np.asarray(voxels, dtype=np.float32)
    shrinking_first = np.argsort([new / old for old, new in zip(result.shape, shape, strict=True)])
    for axis in shrinking_first:
        if result.shape[axis] != shape[axis]:
            weights = axis_weights(result.shape[axis], shape[axis])
            result = np.moveaxis(np.tensordot(weights, result, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(result)


def axis_weights(old: int, new: int) -> np.ndarray:
    """(new, old) float32 matrix that takes an axis of `old` samples to `new`; rows sum to 1.

    Both ends of the axis keep their place: sample i covers [i, i + 1) / count of the same length. Shrinking weighs each
    old sample by the part of it that the new one covers; growing interpolates between the centres.
    """
    if new <= old:
        edges = np.arange(new + 1) * (old / new)
        cells = np.arange(old)
        covered = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        return (np.clip(covered, 0, None) * (new / old)).astype(np.float32)
    centres = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    below = np.minimum(centres.astype(int), max(old - 2, 0))
    weights = np.zeros((new, old), np.float32)
    weights[np.arange(new), below] = 1 - (centres - below)
    if old > 1:
        weights[np.arange(new), below + 1] = centres - below
    return weights


def stretch_cube(voxels: np.ndarray, size: int) -> np.ndarray:
    """(size, size, size) float32, as in the report: the longest axis divided into `size`, each section size x size.

    The longest axis comes first; the others keep their order. Anatomy is distorted wherever the axes differ.
    """
    longest = int(np.argmax(voxels.shape))
    return resize(np.moveaxis(voxels, longest, 0), (size, size, size))


def isotropic_cube(volume: Volume, grid: np.ndarray, size: int) -> np.ndarray:
    """(size, size, size) float32: the volume resampled onto a patient grid, 0 outside the series.

    Axes finer than the grid are averaged down to its step first; the rest is linear interpolation.
    Raises UserError where the series does not tell where it lies.
    """
    from scipy import ndimage

    _need_affine(volume)
    step = float(np.linalg.norm(grid[:3, 0]))
    counts = tuple(min(old, max(1, round(old * spacing / step)))
                   for old, spacing in zip(volume.voxels.shape, spacing_mm(volume), strict=True))
    factors = np.array(volume.voxels.shape) / counts
    to_full = np.diag([*factors, 1.0])
    to_full[:3, 3] = (factors - 1) / 2
    index = np.linalg.inv(volume.affine @ to_full) @ grid
    return ndimage.affine_transform(resize(volume.voxels, counts), index[:3, :3], index[:3, 3], (size,) * 3,
                                    order=1, mode="grid-constant", cval=0.0)


def patient_grid(volume: Volume, size: int, edge_mm: float) -> np.ndarray:
    """(4, 4) affine of a cube of `size` voxels and `edge_mm` an edge, centred on the head that the volume shows.

    Slices go up to the vertex, rows to the back, columns to the patient's left: a slice looks as an axial picture does
    in radiology. Series on the same grid are channels of one image. Raises UserError where the affine is unknown.
    """
    _need_affine(volume)
    step = edge_mm / size
    grid = np.eye(4)
    grid[:3, :3] = step * np.eye(3)[:, ::-1]
    grid[:3, 3] = head_centre(volume) - grid[:3, :3] @ np.full(3, (size - 1) / 2)
    return grid


def head_centre(volume: Volume) -> np.ndarray:
    """(x, y, z) in mm: the middle of the box that holds the head but for its outermost hundredths."""
    mask = head_mask(volume.voxels)
    centre = (np.array(volume.voxels.shape) - 1) / 2
    for axis in range(3) if mask.any() else ():
        share = np.cumsum(mask.sum(axis=tuple(other for other in range(3) if other != axis))) / mask.sum()
        centre[axis] = (np.searchsorted(share, 0.01) + np.searchsorted(share, 0.99)) / 2
    return (volume.affine @ [*centre, 1])[:3]


def slices_2d(volume: Volume, size: int, geometry: Geometry, count: int | None = None) -> np.ndarray:
    """(slices, size, size) float32: every slice, or `count` of them evenly spaced over the middle three quarters.

    `stretch` squeezes the matrix to size x size; `isotropic` pads the shorter side with 0 first, by millimetres.
    """
    voxels = volume.voxels
    if count is not None:
        voxels = voxels[middle_slices(len(voxels), count)]
    if geometry == "isotropic":
        _need_affine(volume)
        _, row_mm, column_mm = spacing_mm(volume)
        height, width = voxels.shape[1] * row_mm, voxels.shape[2] * column_mm
        scale = size / max(height, width)
        inner = (max(1, round(height * scale)), max(1, round(width * scale)))
        top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
        padded = np.zeros((len(voxels), size, size), np.float32)
        padded[:, top:top + inner[0], left:left + inner[1]] = resize(voxels, (len(voxels), *inner))
        return padded
    return resize(voxels, (len(voxels), size, size))


def middle_slices(slices: int, count: int) -> np.ndarray:
    """Indices of `count` slices evenly spaced over the middle three quarters; all of them where there are no more."""
    if slices <= count:
        return np.arange(slices)
    return np.unique(np.round(np.linspace(slices / 8, slices * 7 / 8 - 1, count)).astype(int))


def axial_pictures(volumes: Mapping[str, Volume], size: int = 160, edge_mm: float = 200.0) -> dict[str, np.ndarray]:
    """One (size, size) float32 picture in [0, 1] a series, all of the same axial plane of the patient.

    The plane is the one with the brightest hundredth in the first series, which in FLAIR cuts a lesion where there is
    one. Series without an affine are left out.
    """
    usable = {name: volume for name, volume in volumes.items() if volume.affine is not None}
    cubes, grid = {}, None
    for name, volume in usable.items():
        volume = Volume(normalise(volume.voxels, "percentile"), volume.affine)
        grid = patient_grid(volume, size, edge_mm) if grid is None else grid
        cubes[name] = isotropic_cube(volume, grid, size)
    if not cubes:
        return {}
    inner = next(iter(cubes.values()))[size // 5: -size // 5, size // 5: -size // 5, size // 5: -size // 5]
    bright = np.sort(inner.reshape(len(inner), -1), axis=1)[:, -inner[0].size // 100:].mean(axis=1)
    number = size // 5 + int(np.argmax(bright))
    return {name: cube[number] for name, cube in cubes.items()}


def _need_affine(volume: Volume) -> None:
    if volume.affine is None:
        raise UserError("geometry isotropic", "needs series that tell position, orientation and spacing",
                        "use --geometry stretch")
