"""The images behind the leakage benchmark: two phantoms, kept as the tables that training and judging read.

In: a folder and settings. Out: a `Source`: features, geometry, scanners and hashes of every case. Labels are no part of
it: each draw of the benchmark draws its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy.case_features import cached_cases, cube_features, features_of
from radiogen.arrays.stored_arrays import open_array
from radiogen.core import files
from radiogen.core.parallel import map_items
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.scanner import read_scanner
from radiogen.phantom.data_set import PhantomSettings, phantom_cases, write_phantom
from radiogen.task import ID

SIGNAL = 1.5
"""Of the clean phantom, in standard deviations: the best AUC is 0.856, so that a run has something to lose."""
MARK = 6
"""Voxels along an edge of the burnt-in mark."""


@dataclass(frozen=True)
class Source:
    """A phantom as tables.

    data, cubes: folders of its DICOM files and cached cubes. latents: by case. features: of the cubes, a row a case;
    mirrored, marked: of the cubes mirrored left to right, or with a bright square in a corner. geometry, scanner: as
    preprocessing writes them; arrays: `ID, split, sha256, perceptual_hash`.
    """

    data: Path
    cubes: Path
    latents: pd.Series
    features: pd.DataFrame
    mirrored: pd.DataFrame
    marked: pd.DataFrame
    geometry: pd.DataFrame
    scanner: pd.DataFrame
    arrays: pd.DataFrame


def make_source(folder: Path, settings: PhantomSettings, name: str, workers: int | None = None) -> Source:
    """The phantom `name` under `folder`, made where it is missing, with the features of its cubes."""
    data = folder / name
    write_phantom(data, settings, workers)
    cubes, index = cached_cases(data, folder / "cache", workers)
    cases = sorted(index[ID])
    key = phantom_cases(settings).set_index(ID)["latent"]

    def kept(kind: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        path = folder / f"{cubes.parent.name}-features" / f"{kind}.csv"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_csv(path, make().rename_axis(ID).reset_index())
        return pd.read_csv(path, dtype={ID: str}, float_precision="round_trip").set_index(ID).loc[cases]

    def changed(change: Callable[[np.ndarray], np.ndarray], kind: str) -> pd.DataFrame:
        return kept(kind, lambda: pd.DataFrame(map_items(partial(_features, cubes, change), cases, kind,
                                                         workers=workers), index=cases))

    scanner = read_scanner(cubes)
    assert scanner is not None
    return Source(data, cubes, key.loc[cases], kept("features", lambda: features_of(cubes, cases, workers)),
                  changed(mirror, "mirrored"), changed(mark, "marked"), read_geometry(cubes / "geometry.csv"), scanner,
                  index[[ID, "split", "sha256", "perceptual_hash"]].reset_index(drop=True))


def mirror(cubes: np.ndarray) -> np.ndarray:
    """Cubes, (sequence, slice, row, column), with left and right exchanged."""
    return cubes[..., ::-1]


def mark(cubes: np.ndarray) -> np.ndarray:
    """Cubes with a bright square in a corner of every slice."""
    marked = cubes.copy()
    marked[:, :, :MARK, :MARK] = 255
    return marked


def _features(cubes: Path, change: Callable[[np.ndarray], np.ndarray], case: str) -> dict[str, float]:
    return cube_features(change(np.asarray(open_array(cubes, case))))
