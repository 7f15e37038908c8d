"""Duplicated patients: some cases are in the set twice, under a second id, as they are or changed.

The copy's FLAIR series is changed as voxels and hashed as preprocessing hashes it; its features are the original's.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.leakage import near_duplicates
from benchmarks.leakage.faults.fault import RUN, Draw, Injection
from benchmarks.leakage.faults.learners import train_clean, train_nearest
from benchmarks.leakage.faults.run_folder import write_run
from radiogen.imaging.series import read_series
from radiogen.runs.folds import make_folds
from radiogen.task import ID, LABEL

TWINS, MANY_TWINS = 10, 60
GAMMA = 0.9
KINDS = {"shifted by a voxel": "shifted by a voxel along rows and columns", "mirrored": "mirrored left to right",
         "turned by 3 degrees": "turned by 3 degrees in plane", "cropped by 5 %": "cropped by 5 %",
         "without every tenth slice": "without every tenth slice", "with 2 % of noise": "with 2 % of noise"}
"""Near-duplicates by their name here: a change of `near_duplicates.changes`."""


def same_pixels(models: Path, draw: Draw) -> None:
    """The same files under another id."""
    _twins(models, draw, None)


def exported_again(models: Path, draw: Draw) -> None:
    """Other grey values, the same picture."""
    _twins(models, draw, _other_gamma)


def near_duplicate(kind: str) -> Injection:
    """The injection of one of `KINDS`."""
    return partial(_near, kind)


def memorised(models: Path, draw: Draw) -> None:
    """Labels without meaning, sixty copies shifted by a voxel, and a model that knows nothing but its nearest case."""
    change = near_duplicates.changes(draw.number)[KINDS["shifted by a voxel"]][0]
    _twins(models, draw, change, MANY_TWINS, train_nearest)


def _near(kind: str, models: Path, draw: Draw) -> None:
    _twins(models, draw, near_duplicates.changes(draw.number)[KINDS[kind]][0])


def _twins(models: Path, draw: Draw, change: Callable[[np.ndarray], np.ndarray] | None,
           twins: int | None = None, train: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame] = train_clean) -> None:
    tables, source, twins = draw.tables, draw.source, twins or TWINS
    taken = set(tables.folds[ID])
    free = [name for name in (f"{number:05d}" for number in range(1000)) if name not in taken][:twins]
    chosen = sorted(draw.random(41).choice(tables.folds[ID].to_numpy(str), twins, replace=False))
    twin_of = dict(zip(chosen, free, strict=True))

    def both(table: pd.DataFrame) -> pd.DataFrame:
        copied = table[table[ID].isin(chosen)]
        return pd.concat([table, copied.assign(**{ID: copied[ID].map(twin_of)})], ignore_index=True)

    arrays = both(tables.arrays)
    if change is not None:
        for case, twin in twin_of.items():
            mark = near_duplicates.marked(change(_voxels(source.data / "train" / case / "FLAIR")))
            arrays.loc[arrays[ID] == twin, ["sha256", "perceptual_hash"]] = [f"{int(twin) + 2**255:064x}", mark]
    features = pd.concat([source.features, source.features.loc[chosen].rename(index=twin_of)])
    folds = make_folds(both(tables.folds)[[ID, LABEL]], seed=draw.number)
    write_run(models / RUN, replace(tables, folds=folds, predictions=train(features, folds), arrays=arrays,
                                    geometry=both(tables.geometry), scanner=both(tables.scanner)), source)


@cache
def _voxels(folder: Path) -> np.ndarray:
    return read_series(folder).voxels


def _other_gamma(voxels: np.ndarray) -> np.ndarray:
    top = float(voxels.max())
    return np.rint(top * (voxels / top) ** GAMMA).astype(voxels.dtype)
