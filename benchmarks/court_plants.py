"""What the data court plants in copies of a clean data set, one fault a copy.

In: the clean set's tables, cubes and DICOM folders. Out: an `Exhibit`: the tables as a run would have them. A fault is
planted where it would happen: twins as DICOM files, which go through the cache; marks and mirrors in the cached cubes;
ties in the labels.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from case_features import cached_cases, cube_features, features_of

from radiogen.arrays.cache import open_array
from radiogen.dataset.labels import ID, LABEL

TIED = 0.9
"""How often a tied label follows what it is tied to."""
TWINS = 10
_MARK = 6


@dataclass(frozen=True)
class Exhibit:
    """What the court looks at.

    labels: `BraTS21ID, MGMT_value`; features: a row a case; geometry: as `read_geometry` gives it; arrays:
    `BraTS21ID, split, sha256, likeness` of the cache.
    """

    labels: pd.DataFrame
    features: pd.DataFrame
    geometry: pd.DataFrame
    arrays: pd.DataFrame


@dataclass(frozen=True)
class Place:
    """Where the clean set lies: DICOM files, cached cubes, a folder for copies; `workers` processes, a seed."""

    data: Path
    cubes: Path
    room: Path
    seed: int
    workers: int | None = None

    def random(self, purpose: int) -> np.random.Generator:
        """A generator of this plant's own."""
        return np.random.default_rng([self.seed, purpose])


def same_pixels(clean: Exhibit, place: Place) -> Exhibit:
    """Some patients come twice, under a second id: the same files."""
    return _twins(clean, place, "same", None)


def changed_pixels(clean: Exhibit, place: Place) -> Exhibit:
    """Some patients come twice, exported anew: other grey values (gamma 0.9), the same picture."""
    return _twins(clean, place, "changed", _other_gamma)


def tied_to_plane(clean: Exhibit, place: Place) -> Exhibit:
    """Methylated is whose FLAIR is not axial."""
    planes = clean.geometry[clean.geometry["sequence"] == "FLAIR"].set_index(ID)["plane"].reindex(clean.labels[ID])
    return _tied(clean, place, (planes != "axial").to_numpy(), 1)


def tied_to_id(clean: Exhibit, place: Place) -> Exhibit:
    """Methylated is who came late: ids above the middle one."""
    number = clean.labels[ID].astype(int)
    return _tied(clean, place, (number > number.median()).to_numpy(), 2)


def tied_to_slices(clean: Exhibit, place: Place) -> Exhibit:
    """Methylated is whose T1w has more slices than most."""
    return _tied(clean, place, _more_than_most(clean, "T1w", "slices"), 3)


def mirrored_scanner(clean: Exhibit, place: Place) -> Exhibit:
    """One scanner, known by its larger T1wCE matrix, writes left for right, and its hospital sends the methylated."""
    there = _more_than_most(clean, "T1wCE", "rows")
    changed = _with_cubes(clean, place, there, lambda cubes: cubes[..., ::-1])
    return _tied(changed, place, there, 4)


def mirrored_at_random(clean: Exhibit, place: Place) -> Exhibit:
    """Half of the cases are mirrored, whatever their label, and nothing in their geometry tells."""
    there = place.random(5).permutation(len(clean.labels)) % 2 == 0
    return _with_cubes(clean, place, there, lambda cubes: cubes[..., ::-1])


def burnt_in_mark(clean: Exhibit, place: Place) -> Exhibit:
    """A bright square in the corner of every methylated case's cubes."""

    def mark(cubes: np.ndarray) -> np.ndarray:
        marked = cubes.copy()
        marked[:, :, :_MARK, :_MARK] = 255
        return marked

    return _with_cubes(clean, place, (clean.labels[LABEL] == 1).to_numpy(), mark)


def swapped_labels(clean: Exhibit, place: Place) -> Exhibit:
    """One label in twenty is wrong."""
    labels = clean.labels[LABEL].to_numpy().copy()
    wrong = place.random(6).permutation(len(labels))[:round(len(labels) / 20)]
    labels[wrong] = 1 - labels[wrong]
    return replace(clean, labels=clean.labels.assign(**{LABEL: labels}))


def _tied(clean: Exhibit, place: Place, trait: np.ndarray, purpose: int) -> Exhibit:
    follows = place.random(purpose).random(len(trait)) < TIED
    return replace(clean, labels=clean.labels.assign(**{LABEL: np.where(follows, trait, ~trait).astype(int)}))


def _more_than_most(clean: Exhibit, sequence: str, size: str) -> np.ndarray:
    sizes = clean.geometry[clean.geometry["sequence"] == sequence].set_index(ID)[size].reindex(clean.labels[ID])
    return (sizes > sizes.median()).to_numpy(bool)


def _with_cubes(clean: Exhibit, place: Place, there: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> Exhibit:
    """The features of changed cubes for the cases `there`; no two cubes become alike, so `arrays` stays."""
    features = clean.features.copy()
    for case in clean.labels.loc[there, ID]:
        features.loc[case] = cube_features(change(np.asarray(open_array(place.cubes, case))))
    return replace(clean, features=features)


def _twins(clean: Exhibit, place: Place, name: str, change: Callable[[Path], None] | None) -> Exhibit:
    """Copies of a few patients' DICOM folders under new ids, read by the package's own cache."""
    data = place.room / name
    shutil.rmtree(data, ignore_errors=True)
    taken, ids = set(clean.labels[ID]), {}
    free = [f"{number:05d}" for number in range(1000) if f"{number:05d}" not in taken]
    chosen = sorted(place.random(7).choice(clean.labels[ID].to_numpy(), TWINS, replace=False))
    for twin, case in zip(free, chosen, strict=False):
        ids[twin] = case
        shutil.copytree(place.data / "train" / case, data / "train" / twin)
        for path in data.glob(f"train/{twin}/*/*.dcm") if change else ():
            change(path)
    folder, index = cached_cases(data, place.room / "cache", place.workers)
    original = clean.labels.set_index(ID)[LABEL]
    labels = pd.DataFrame({ID: list(ids), LABEL: [int(original[case]) for case in ids.values()]})
    copies = clean.geometry[clean.geometry[ID].isin(ids.values())]
    geometry = pd.concat([copies[copies[ID] == case].assign(**{ID: twin}) for twin, case in ids.items()])
    return Exhibit(pd.concat([clean.labels, labels], ignore_index=True),
                   pd.concat([clean.features, features_of(folder, list(ids), place.workers)]),
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
