"""Faults that the leakage benchmark injects into copies of a clean data set, one fault a copy.

In: the clean set's tables, cubes and DICOM folders. Out: a `FaultCase`: the tables as a run would have them. A fault is
injected where it would happen: duplicated patients as DICOM files, which go through the cache; marks and mirrored
images in the cached cubes; associations in the labels.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy.case_features import cached_cases, cube_features, features_of
from radiogen.arrays.stored_arrays import open_array
from radiogen.dataset.labels import ID, LABEL

TIED = 0.9
"""The share of labels that follow the trait which they are tied to."""
TWINS = 10
_MARK = 6


@dataclass(frozen=True)
class FaultCase:
    """What the checks look at: the tables of one data set, clean or with an injected fault.

    labels: `ID, LABEL`; features: a row a case; geometry: as `read_geometry` gives it; arrays:
    `ID, split, sha256, perceptual_hash` of the cache.
    """

    labels: pd.DataFrame
    features: pd.DataFrame
    geometry: pd.DataFrame
    arrays: pd.DataFrame


@dataclass(frozen=True)
class Workspace:
    """Where the clean set is: DICOM files, cached cubes, a folder for copies; `workers` processes, a seed."""

    data: Path
    cubes: Path
    copies: Path
    seed: int
    workers: int | None = None

    def random(self, purpose: int) -> np.random.Generator:
        """A generator for one fault alone."""
        return np.random.default_rng([self.seed, purpose])


def same_pixels(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """Some patients are in the set twice, under a second id: the same files."""
    return _twins(clean, workspace, "same", None)


def changed_pixels(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """Some patients are in the set twice, exported again: other grey values (gamma 0.9), the same picture."""
    return _twins(clean, workspace, "changed", _other_gamma)


def tied_to_plane(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """Cases whose FLAIR is not axial are labelled methylated."""
    planes = clean.geometry[clean.geometry["sequence"] == "FLAIR"].set_index(ID)["plane"].reindex(clean.labels[ID])
    return _tied(clean, workspace, (planes != "axial").to_numpy(), 1)


def tied_to_id(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """Cases with ids above the median are labelled methylated."""
    number = clean.labels[ID].astype(int)
    return _tied(clean, workspace, (number > number.median()).to_numpy(), 2)


def tied_to_slices(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """Cases whose T1w has more slices than the median are labelled methylated."""
    return _tied(clean, workspace, _above_median(clean, "T1w", "slices"), 3)


def mirrored_scanner(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """One scanner, with a larger T1wCE matrix, mirrors its images, and its cases are labelled methylated."""
    affected = _above_median(clean, "T1wCE", "rows")
    changed = _with_cubes(clean, workspace, affected, lambda cubes: cubes[..., ::-1])
    return _tied(changed, workspace, affected, 4)


def mirrored_at_random(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """Half of the cases are mirrored, whatever their label; nothing in their geometry shows it."""
    affected = workspace.random(5).permutation(len(clean.labels)) % 2 == 0
    return _with_cubes(clean, workspace, affected, lambda cubes: cubes[..., ::-1])


def burnt_in_mark(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """A bright square in the corner of every methylated case's cubes."""

    def mark(cubes: np.ndarray) -> np.ndarray:
        marked = cubes.copy()
        marked[:, :, :_MARK, :_MARK] = 255
        return marked

    return _with_cubes(clean, workspace, (clean.labels[LABEL] == 1).to_numpy(), mark)


def swapped_labels(clean: FaultCase, workspace: Workspace) -> FaultCase:
    """One label in twenty is wrong."""
    labels = clean.labels[LABEL].to_numpy().copy()
    wrong = workspace.random(6).permutation(len(labels))[:round(len(labels) / 20)]
    labels[wrong] = 1 - labels[wrong]
    return replace(clean, labels=clean.labels.assign(**{LABEL: labels}))


def _tied(clean: FaultCase, workspace: Workspace, trait: np.ndarray, purpose: int) -> FaultCase:
    follows = workspace.random(purpose).random(len(trait)) < TIED
    return replace(clean, labels=clean.labels.assign(**{LABEL: np.where(follows, trait, ~trait).astype(int)}))


def _above_median(clean: FaultCase, sequence: str, size: str) -> np.ndarray:
    sizes = clean.geometry[clean.geometry["sequence"] == sequence].set_index(ID)[size].reindex(clean.labels[ID])
    return (sizes > sizes.median()).to_numpy(bool)


def _with_cubes(clean: FaultCase, workspace: Workspace, affected: np.ndarray,
                change: Callable[[np.ndarray], np.ndarray]) -> FaultCase:
    """The features of changed cubes for the cases `affected`; no two cubes become similar, so `arrays` stays."""
    features = clean.features.copy()
    for case in clean.labels.loc[affected, ID]:
        features.loc[case] = cube_features(change(np.asarray(open_array(workspace.cubes, case))))
    return replace(clean, features=features)


def _twins(clean: FaultCase, workspace: Workspace, name: str, change: Callable[[Path], None] | None) -> FaultCase:
    """Copies of a few patients' DICOM folders under new ids, read through the package's own cache."""
    data = workspace.copies / name
    shutil.rmtree(data, ignore_errors=True)
    taken, ids = set(clean.labels[ID]), {}
    free = [f"{number:05d}" for number in range(1000) if f"{number:05d}" not in taken]
    chosen = sorted(workspace.random(7).choice(clean.labels[ID].to_numpy(), TWINS, replace=False))
    for twin, case in zip(free, chosen, strict=False):
        ids[twin] = case
        shutil.copytree(workspace.data / "train" / case, data / "train" / twin)
        for path in data.glob(f"train/{twin}/*/*.dcm") if change else ():
            change(path)
    folder, index = cached_cases(data, workspace.copies / "cache", workspace.workers)
    original = clean.labels.set_index(ID)[LABEL]
    labels = pd.DataFrame({ID: list(ids), LABEL: [int(original[case]) for case in ids.values()]})
    copies = clean.geometry[clean.geometry[ID].isin(ids.values())]
    geometry = pd.concat([copies[copies[ID] == case].assign(**{ID: twin}) for twin, case in ids.items()])
    return FaultCase(pd.concat([clean.labels, labels], ignore_index=True),
                   pd.concat([clean.features, features_of(folder, list(ids), workspace.workers)]),
                   pd.concat([clean.geometry, geometry], ignore_index=True),
                   pd.concat([clean.arrays, index], ignore_index=True)[list(clean.arrays.columns)])


def _other_gamma(path: Path) -> None:
    import pydicom

    dataset = pydicom.dcmread(path)
    top = 2 ** dataset.BitsStored - 1
    dataset.PixelData = (top * (dataset.pixel_array / top) ** 0.9).round().astype("<u2").tobytes()
    part = path.with_suffix(".part")
    dataset.save_as(part)
    part.replace(path)
