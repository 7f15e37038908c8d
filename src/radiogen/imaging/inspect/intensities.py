"""The raw intensities of a data set's series, in a few numbers each: what a hospital's scanners leave in its images.

In: series as files hold them, before any normalisation. Out: a table with a row a series, and a hash by which a series
is found again in another file, whichever way its axes run there. Two cohorts are compared by it; nothing of it is an
input of a network.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.parallel import map_items
from radiogen.core.types import FloatArray, Voxels
from radiogen.dataset.layout import Split, sequences_present, series_path
from radiogen.dataset.thumbnails import SHAPE, thumbnail_slices, with_thumbnail
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.series import read_series
from radiogen.imaging.transforms import reorient
from radiogen.imaging.volume import Volume
from radiogen.task import ID

FIELDS = ("lowest", "median", "p99", "highest", "mean", "deviation", "at_lowest", "noise")
_GRID = (4, 8, 9)
_KERNEL = ((1, -2, 1), (-2, 4, -2), (1, -2, 1))


def measure_intensities(data: Path, cases: Sequence[tuple[Split, str]], sequences: Sequence[str], *,
                        workers: int | None = None) -> pd.DataFrame:
    """`ID, split, sequence, perceptual_hash` and `FIELDS` (floats) of these cases' series, each read once.

    perceptual_hash: `anatomical_hash`. A series that is missing or refused has no row. workers: processes (default: as
    many as cores).
    """
    rows = map_items(partial(_measure_case, Path(data), tuple(sequences)), list(cases), "intensities", workers=workers)
    return pd.DataFrame([row for case in rows for row in case],
                        columns=[ID, "split", "sequence", "perceptual_hash", *FIELDS])


def volume_intensities(voxels: Voxels) -> dict[str, float]:
    """`FIELDS` of a volume, in its own units.

    p99: the 99th percentile; deviation: standard; at_lowest: the share of voxels that have the lowest value, as the air
    of a head that was cut out; noise: `noise_share` of the middle slice.
    """
    values = np.asarray(voxels, np.float32).ravel()
    lowest, highest = float(values.min()), float(values.max())
    median, high = (float(value) for value in np.percentile(values, [50, 99]))
    middle = np.asarray(voxels[len(voxels) // 2], np.float64)
    return {"lowest": lowest, "median": median, "p99": high, "highest": highest,
            "mean": float(values.mean(dtype=float)), "deviation": float(values.std(dtype=float)),
            "at_lowest": float((values == lowest).mean()), "noise": noise_share(middle, high - lowest)}


def anatomical_hash(volume: Volume) -> str:
    """64 hexadecimal digits of how a volume looks along the patient's own axes, and after a dot its thumbnail; "" where
    its place is not known.

    The volume is turned until slices, rows and columns run as the patient does, averaged to 4 x 8 x 9 voxels, and a bit
    is set where the next voxel to the left is brighter by a thousandth of the range, as in arrays/perceptual_hash.py.
    The same voxels have the same digits whichever way a file stores them, but for bits that rounding decides.
    """
    if volume.affine is None:
        return ""
    voxels = reorient(volume).voxels
    grid = _averaged(np.asarray(voxels, np.float64), _GRID)
    digits = np.packbits(np.diff(grid, axis=2) > 0.001 * np.ptp(grid)).tobytes().hex()
    chosen = np.asarray(voxels[thumbnail_slices(len(voxels))], np.float32)
    return with_thumbnail(digits, _averaged(chosen, SHAPE))


def noise_share(pixels: np.ndarray, scale: float) -> float:
    """The standard deviation of a slice's noise as a share of `scale`; NaN for a slice below 3 x 3 or no scale.

    The Laplacian mask of Immerkaer, Comput. Vis. Image Underst. 1996;64:300; pixels: (row, column).
    """
    if min(pixels.shape) < 3 or not scale > 0:
        return np.nan
    inner = tuple(side - 2 for side in pixels.shape)
    answer = sum(weight * pixels[row:row + inner[0], column:column + inner[1]]
                 for row, weights in enumerate(_KERNEL) for column, weight in enumerate(weights))
    return float(np.sqrt(np.pi / 2) * np.abs(answer).mean() / 6 / scale)


def _averaged(grid: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    for axis, count in enumerate(shape):
        grid = np.moveaxis(np.tensordot(_averages(grid.shape[axis], count), grid, (1, axis)), 0, axis)
    return grid


def _averages(size: int, count: int) -> FloatArray:
    """The weights, (count, size), that average `size` voxels to `count`, each by its share of the new one."""
    edges, places = np.linspace(0, size, count + 1), np.arange(size)
    inside = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return np.maximum(inside, 0.0) * count / size


def _measure_case(data: Path, sequences: tuple[str, ...], place: tuple[Split, str]) -> list[dict[str, str | float]]:
    split, case = place
    rows: list[dict[str, str | float]] = []
    for name in (name for name in sequences_present(data, split, case) if name in sequences):
        try:
            volume = read_series(series_path(data, split, case, name))
        except SeriesError:  # its row of the cache's index says why
            continue
        rows.append({ID: case, "split": split, "sequence": name, "perceptual_hash": anatomical_hash(volume),
                     **volume_intensities(volume.voxels)})
    return rows
