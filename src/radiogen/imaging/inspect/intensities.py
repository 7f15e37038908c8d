"""The raw intensities of a data set's series, in a few numbers each: what a hospital's scanners leave in its images.

In: series as files hold them, before any normalisation. Out: a table with a row a series. Two cohorts are compared by
it; nothing of it is an input of a network.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.parallel import map_items
from radiogen.core.types import Voxels
from radiogen.dataset.layout import Split, sequences_present, series_path
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.series import read_series
from radiogen.task import ID

FIELDS = ("lowest", "median", "p99", "highest", "mean", "deviation", "at_lowest", "noise")
_KERNEL = ((1, -2, 1), (-2, 4, -2), (1, -2, 1))


def measure_intensities(data: Path, cases: Sequence[tuple[Split, str]], sequences: Sequence[str], *,
                        workers: int | None = None) -> pd.DataFrame:
    """`ID, split, sequence` and `FIELDS` (floats) of these cases' series; each is read once, as `read_series` does.

    A series that is missing or refused has no row. workers: processes (default: as many as cores).
    """
    rows = map_items(partial(_measure_case, Path(data), tuple(sequences)), list(cases), "intensities", workers=workers)
    return pd.DataFrame([row for case in rows for row in case], columns=[ID, "split", "sequence", *FIELDS])


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


def _measure_case(data: Path, sequences: tuple[str, ...], place: tuple[Split, str]) -> list[dict[str, str | float]]:
    split, case = place
    rows: list[dict[str, str | float]] = []
    for name in (name for name in sequences_present(data, split, case) if name in sequences):
        try:
            volume = read_series(series_path(data, split, case, name))
        except SeriesError:  # its row of the cache's index says why
            continue
        rows.append({ID: case, "split": split, "sequence": name, **volume_intensities(volume.voxels)})
    return rows
