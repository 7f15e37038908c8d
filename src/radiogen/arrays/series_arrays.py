"""A series' folder becomes an array: the report's cube and slices, and pictures of several series on one plane."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from radiogen.core.progress import progress
from radiogen.core.types import Affine, ByteVoxels, FloatVoxels
from radiogen.dataset.layout import sequences_present, series_path
from radiogen.imaging.cubes import Geometry, cube_of_bytes, padded, patient_grid, slice_target
from radiogen.imaging.intensity import normalise
from radiogen.imaging.resampling import resample_to
from radiogen.imaging.resized import Target, read_resized
from radiogen.imaging.series import read_series
from radiogen.imaging.slices import Slices
from radiogen.imaging.volume import Volume


def read_cube(folder: Path | str, size: int = 64, *, fast: bool = True) -> ByteVoxels:
    """(size, size, size) uint8: the report's cube of a series, min-max of the volume; no slice is skipped.

    fast: as in `read_series`. Raises SeriesError where the series is refused.

    Examples
    --------
    >>> read_cube("input/phantom/train/00000/FLAIR", size=16).shape
    (16, 16, 16)
    """
    resized, _ = read_resized(folder, lambda shape, affine: [Target(size, size)], fast=fast)
    return cube_of_bytes(resized, size)


def read_slices(folder: Path | str, size: int = 224, *, fast: bool = True) -> ByteVoxels:
    """(slices, size, size) uint8: every slice of a series resized to size x size, min-max of the volume.

    fast: as in `read_series`. Raises SeriesError where the series is refused.

    Examples
    --------
    >>> read_slices("input/phantom/train/00000/FLAIR", size=16).shape
    (8, 16, 16)
    """
    target = Target(size, size, as_bytes=True)
    resized, _ = read_resized(folder, lambda shape, affine: [target], fast=fast)
    return resized.bytes(target)


def slices_2d(voxels: Slices, affine: Affine | None, size: int, geometry: Geometry,
              count: int | None = None) -> FloatVoxels:
    """(slices, size, size) float32: every slice, or `count` of them evenly spaced over the middle three quarters.

    `stretch` resizes the matrix to size x size; `isotropic` pads the shorter side with 0 first, by millimetres.
    """
    from radiogen.imaging.compiled import kernels

    target = slice_target(voxels.shape, affine, size, geometry, count)
    return padded(kernels.resize_slices(voxels, target[:2], target.slices), size)


def _axial_pictures(volumes: Mapping[str, Volume], size: int = 160, edge_mm: float = 200.0) -> dict[str, np.ndarray]:
    """One (size, size) float32 picture in [0, 1] a series, all of the same axial plane of the patient.

    The plane is the one with the brightest hundredth in the first series, which in FLAIR cuts a lesion where there is
    one. Series without an affine are left out.
    """
    usable = {name: volume for name, volume in volumes.items() if volume.affine is not None}
    cubes, grid = {}, None
    for name, volume in usable.items():
        volume = Volume(normalise(volume.voxels, "percentile"), volume.affine)
        grid = patient_grid(volume, size, edge_mm) if grid is None else grid
        cubes[name] = resample_to(volume, grid, (size,) * 3).voxels
    if not cubes:
        return {}
    inner = next(iter(cubes.values()))[size // 5: -size // 5, size // 5: -size // 5, size // 5: -size // 5]
    bright = np.sort(inner.reshape(len(inner), -1), axis=1)[:, -inner[0].size // 100:].mean(axis=1)
    number = size // 5 + int(np.argmax(bright))
    return {name: cube[number] for name, cube in cubes.items()}


def case_pictures(data: Path, cases: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """`_axial_pictures` of each of these training cases, by sequence."""
    made = []
    for case in progress(cases, "draw"):
        names = sequences_present(data, "train", case)
        made.append(_axial_pictures({name: read_series(series_path(data, "train", case, name)) for name in names}))
    return made
