"""Series become arrays once: `input/cache/<data set>/<kind>-<key>/<case>.npy`, never inside the data set's own folder.

In: a data set and the settings of one or more recipes. Out: a folder of uint8 arrays with `settings.json` and
`index.csv` (case, split, sha256, findings, or the reason why there is none). The key is a hash of the settings, so a
changed setting never meets a stale array; `<case>.json` beside an array tells from which files it was made, so a
changed input is made again. Each series is read once for all settings; a killed run goes on where it was.
"""

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from radiogen import files
from radiogen.dataset.layout import KNOWN_BAD, Split, case_ids, sequences_present, series_folder
from radiogen.errors import UserError
from radiogen.imaging.arrays import Geometry, isotropic_cube, patient_grid, slices_2d, stretch_cube
from radiogen.imaging.intensity import Normalisation, normalise
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume
from radiogen.parallel import map_items

REVISION = 2
"""Counted up whenever the same settings make other arrays, so that old caches are not met any more."""

COLUMNS = ("BraTS21ID", "split", "sha256", "shape", "slices", "findings", "failed")


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """Everything that the arrays of a cache depend on.

    cubes: (sequence, slice, row, column) of edge `size`; a missing series of a test case is a cube of zeros.
    slices: (slice, row, column), the sequences one after the other; index.csv's `slices` tells how many of each.
    """

    kind: Literal["cubes", "slices"]
    sequences: tuple[str, ...]
    size: int
    geometry: Geometry
    normalisation: Normalisation
    slices_per_series: int | None = None
    edge_mm: float | None = None

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that change with any setting and with `REVISION`."""
        text = json.dumps([REVISION, dataclasses.asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclasses.dataclass(frozen=True)
class _Job:
    data: Path
    split: Split
    case: str
    folders: tuple[tuple[CacheSettings, Path], ...]


def cache_folder(data: Path, settings: CacheSettings, root: Path) -> Path:
    """Where the arrays of this data set and these settings lie under `root` (usually `input/cache`)."""
    return Path(root) / Path(data).resolve().name / f"{settings.kind}-{settings.key}"


def build_caches(data: Path, recipes: Sequence[CacheSettings], root: Path, *, leave_out: Collection[str] = (),
                 workers: int | None = None, scheduler: str | None = None) -> list[pd.DataFrame]:
    """Make what is missing or outdated of these caches; returns an index (`COLUMNS`) for each of `recipes`.

    Known-bad cases and `leave_out` are not made for training. A case that fails is listed with its reason in `failed`
    and the rest goes on. Raises UserError where a sequence is in no training case or an id is in train and test.
    """
    cases = _cases(Path(data), leave_out)
    for settings in recipes:
        _check_sequences(Path(data), cases, settings)
    folders = [cache_folder(data, settings, root) for settings in recipes]
    with contextlib.ExitStack() as stack:
        for folder in sorted(set(folders)):  # in one order everywhere, so that two processes cannot wait in a circle
            stack.enter_context(files.working_folder(folder))
        pairs = dict(zip(folders, recipes, strict=True))
        for folder, settings in pairs.items():
            files.write_json(folder / "settings.json", {"revision": REVISION, **dataclasses.asdict(settings)})
        jobs = [_Job(Path(data), split, case, tuple((settings, folder) for folder, settings in pairs.items()))
                for split, case in cases]
        rows = map_items(_make_case, jobs, "preprocess", workers=workers, scheduler=scheduler)
        tables = {folder: pd.DataFrame([row[folder] for row in rows], columns=COLUMNS) for folder in pairs}
        for folder, table in tables.items():
            files.write_csv(folder / "index.csv", table)
    return [tables[folder] for folder in folders]


def read_index(folder: Path) -> pd.DataFrame:
    """The index of a finished cache, ids as text, '' where a cell is empty."""
    path = Path(folder) / "index.csv"
    if not path.is_file():
        raise UserError(path, "is missing", "run scripts/preprocess.py")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def check_arrays(folder: Path, index: pd.DataFrame, cases: Collection[str]) -> None:
    """Raise UserError unless every array of `cases` has the bytes that its row of the index tells."""
    expected = index.set_index("BraTS21ID")["sha256"]
    for case in cases:
        path = Path(folder) / f"{case}.npy"
        if not path.is_file() or files.sha256(path) != expected.get(case):
            raise UserError(path, "is missing or was changed after it was made",
                            "delete it and run scripts/preprocess.py again")


def open_array(folder: Path, case: str) -> np.ndarray:
    """A case's array as a read-only memory map."""
    path = Path(folder) / f"{case}.npy"
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(path, f"cannot be read ({error})", "delete it and run scripts/preprocess.py again") from error


def _cases(data: Path, leave_out: Collection[str]) -> list[tuple[Split, str]]:
    train = case_ids(data, "train")
    both = sorted(set(train) & set(case_ids(data, "test")))
    if both:
        raise UserError(data / "test" / both[0], "the same case is in train/ too", "keep each case in one of them")
    skipped = set(KNOWN_BAD) | set(leave_out)
    return [("train", case) for case in train if case not in skipped] + [
        ("test", case) for case in case_ids(data, "test")]


def _check_sequences(data: Path, cases: list[tuple[Split, str]], settings: CacheSettings) -> None:
    if not cases:
        raise UserError(data, "holds no case", "put cases under train/ or test/")
    present = {name for split, case in cases for name in sequences_present(data, split, case)}
    missing = [name for name in settings.sequences if name not in present]
    if missing:
        raise UserError(data, f"no case has {' or '.join(missing)}, which the recipe needs",
                        f"choose among what is there: --sequences {' '.join(sorted(present)) or '(none)'}")


def _make_case(job: _Job) -> dict[Path, dict]:
    """Bring one case up to date in every folder; returns its row of each index."""
    try:
        source = _source(job)
        rows = {folder: _kept_row(folder, job.case, source) for _, folder in job.folders}
        todo = [(settings, folder) for settings, folder in job.folders if rows[folder] is None]
        volumes = _read_volumes(job, {name for settings, _ in todo for name in settings.sequences})
    except UserError as error:
        return {folder: _failed_row(job, error) for _, folder in job.folders}
    for settings, folder in todo:
        try:
            rows[folder] = _write_case(job, settings, folder, volumes, source)
        except UserError as error:
            if Path(error.where).is_relative_to(folder):
                raise  # the cache itself cannot be written: no other case will fare better
            rows[folder] = _failed_row(job, error)
    return rows


def _source(job: _Job) -> dict[str, str]:
    """By sequence, a fingerprint of the names, sizes and times of the files that a case's arrays come from."""
    wanted = {name for settings, _ in job.folders for name in settings.sequences}
    source = {}
    for sequence in sequences_present(job.data, job.split, job.case):
        if sequence in wanted:
            listing = sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
                             for entry in series_folder(job.data, job.split, job.case, sequence).iterdir())
            source[sequence] = hashlib.sha256(repr(listing).encode()).hexdigest()
    return source


def _kept_row(folder: Path, case: str, source: dict[str, str]) -> dict | None:
    """The row of an array that is there and was made from these very files; None where it has to be made."""
    note, array = folder / f"{case}.json", folder / f"{case}.npy"
    if not (note.is_file() and array.is_file()):
        return None
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        fresh = all(kept["source"].get(name) == source.get(name) for name in set(kept["source"]) | set(kept["wanted"]))
        return kept["row"] if fresh and files.sha256(array) == kept["row"]["sha256"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _read_volumes(job: _Job, sequences: Collection[str]) -> dict[str, Volume]:
    """The case's series by sequence. A training case needs them all; a test case goes on with what can be read."""
    volumes = {}
    for sequence in sorted(sequences):
        folder = series_folder(job.data, job.split, job.case, sequence)
        try:
            if not folder.is_dir():
                raise UserError(folder, "is missing",
                                f"restore it, or leave the case out with --leave-out {job.case}")
            volumes[sequence] = read_series(folder)
        except UserError as error:
            if job.split == "train":
                raise
            empty = np.zeros((1, 1, 1), np.uint8)
            volumes[sequence] = Volume(empty, None, (f"not used: {error.problem}",))
    return volumes


def _write_case(job: _Job, settings: CacheSettings, folder: Path, volumes: dict[str, Volume],
                source: dict[str, str]) -> dict:
    chosen = {name: volumes[name] for name in settings.sequences}
    usable = {name: volume for name, volume in chosen.items() if volume.voxels.size > 1}
    if not usable:
        raise UserError(job.data / job.split / job.case, "has no series that can be read",
                        "the case is given the training prevalence")
    make = _cubes if settings.kind == "cubes" else _slices
    array, counts = make(settings, usable)
    path = files.write_array(folder / f"{job.case}.npy", array)
    row = {"BraTS21ID": job.case, "split": job.split, "sha256": files.sha256(path),
           "shape": " x ".join(map(str, array.shape)), "slices": counts,
           "findings": "; ".join(f"{name}: {text}" for name, volume in chosen.items() for text in volume.findings),
           "failed": ""}
    files.write_json(folder / f"{job.case}.json", {
        "row": row, "wanted": list(settings.sequences),
        "source": {name: mark for name, mark in source.items() if name in settings.sequences}})
    return row


def _cubes(settings: CacheSettings, volumes: dict[str, Volume]) -> tuple[np.ndarray, str]:
    cubes = np.zeros((len(settings.sequences), *(settings.size,) * 3), np.uint8)
    grid = None
    for place, name in enumerate(settings.sequences):
        volume = volumes.get(name)
        if volume is None:
            continue
        volume = dataclasses.replace(volume, voxels=normalise(volume.voxels, settings.normalisation))
        if settings.geometry == "isotropic":
            grid = patient_grid(volume, settings.size, settings.edge_mm) if grid is None else grid
            cubes[place] = _to_bytes(isotropic_cube(volume, grid, settings.size))
        else:
            cubes[place] = _to_bytes(stretch_cube(volume.voxels, settings.size))
    return cubes, ""


def _slices(settings: CacheSettings, volumes: dict[str, Volume]) -> tuple[np.ndarray, str]:
    parts = {}
    for name, volume in volumes.items():
        volume = dataclasses.replace(volume, voxels=normalise(volume.voxels, settings.normalisation))
        parts[name] = _to_bytes(slices_2d(volume, settings.size, settings.geometry, settings.slices_per_series))
    return np.concatenate(list(parts.values())), " ".join(f"{name}:{len(part)}" for name, part in parts.items())


def _to_bytes(array: np.ndarray) -> np.ndarray:
    return np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)


def _failed_row(job: _Job, error: UserError) -> dict:
    return {"BraTS21ID": job.case, "split": job.split, "sha256": "", "shape": "", "slices": "", "findings": "",
            "failed": str(error)}
