"""Series become arrays once: `input/cache/<data set>-<fingerprint>/<kind>-<key>/<case>.npy`.

In: a data set and the settings of one or more recipes. Out: a folder of arrays with `settings.json`, `index.csv` (case,
split, sha256, findings and changes as text and as codes, or why there is none), `geometry.csv` and `scanner.csv` (a row
a series that was read). The key is a hash of the settings, the fingerprint one of the series: other images go to
another folder, and no array is replaced that a training may be reading. `<case>.json` beside an array says from which
files it was made; what is the same in another folder is linked. Each series is read once for all settings; a killed run
resumes.
"""

import contextlib
import dataclasses
import functools
import json
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.arrays.case_findings import index_cells
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.located import case_mask_path
from radiogen.arrays.series_size import processes_that_fit
from radiogen.arrays.settings import REVISION, CacheSettings
from radiogen.arrays.stored_arrays import COLUMNS
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.memory import OutOfMemory, available_memory, translate_memory_errors
from radiogen.core.parallel import available_cores, map_in_processes, map_items
from radiogen.core.wording import nearest, parameter
from radiogen.dataset import geometry, scanner
from radiogen.dataset.fingerprint import (
    KEY,
    Fingerprint,
    check_unchanged,
    contents_hash,
    data_fingerprint,
    mask_fingerprint,
    series_fingerprint,
    with_mask_values,
)
from radiogen.dataset.known_cases import known_bad
from radiogen.dataset.layout import (
    GEOMETRY_TABLE,
    SCANNER_TABLE,
    Split,
    case_ids,
    case_path,
    mask_path,
    sequences_present,
    series_path,
)
from radiogen.dataset.source import MASK
from radiogen.imaging.inspect.scanner import Row as ScannerRow
from radiogen.imaging.inspect.scanner import scanner_row
from radiogen.task import ID, Task, read_task, write_task

_LOG = logging.getLogger(__name__)


_Row = dict[str, Any]
"""A case's row of an index, and under `geometry` and `scanner` its series' rows of these tables."""
_Rows = dict[Path, _Row]
"""By folder."""


@dataclasses.dataclass(frozen=True)
class _Job:
    data: Path
    split: Split
    case: str
    folders: tuple[tuple[CacheSettings, Path], ...]
    fast: bool
    task: Task
    source: dict[str, str]
    """By sequence that is wanted, and `MASK` where that is, the fingerprint of its files."""
    located: Path | None = None
    """Where masks are that a locator predicted; None: masks are the data set's."""

    @property
    def wanted(self) -> list[str]:
        """The sequences, and `MASK`, that any of the settings reads."""
        return sorted({name for settings, _ in self.folders for name in settings.inputs})

    def path(self, name: str) -> Path | None:
        """Where a series, or the mask, lies or would lie; None for a mask that is not there."""
        if name == MASK:
            return case_mask_path(self.data, self.split, self.case, self.located)
        return series_path(self.data, self.split, self.case, name)

    @property
    def mask_values(self) -> Mapping[str, Sequence[int]]:
        """Which of a mask's numbers are tumour; {}: all, as in predicted masks."""
        return self.task.mask_values if self.located is None else {}

    def mark(self, name: str) -> str | None:
        """The fingerprint of a series, or of the mask, as it is now; None where it is not there."""
        path = self.path(name)
        if path is None or not path.exists():
            return None
        return mask_fingerprint(path, self.task) if name == MASK and self.located is None else series_fingerprint(path)


def cache_folder(data: Path, settings: CacheSettings, root: Path, fingerprint: Fingerprint | None = None) -> Path:
    """Where the arrays of this data set and these settings lie under `root` (usually `input/cache`).

    fingerprint: the data set's, where it is known; None: it is taken now.
    """
    mark = data_key(settings, fingerprint or data_fingerprint(data))
    return Path(root) / f"{Path(data).resolve().name}-{mark}" / f"{settings.kind}-{settings.key}"


def data_key(settings: CacheSettings, fingerprint: Fingerprint) -> str:
    """The data set's part of a cache's name: of its masks, too, where these settings read them."""
    return fingerprint.key if settings.mask is None or settings.locator else fingerprint.mask_key


def build_caches(data: Path, recipes: Sequence[CacheSettings], root: Path, *, leave_out: Collection[str] = (),
                 workers: int | str | None = None, fast: bool = True, fingerprint: Fingerprint | None = None,
                 located: Path | None = None) -> list[pd.DataFrame]:
    """Make what is missing or outdated of these caches; returns an index (`COLUMNS`) for each of `recipes`.

    `leave_out`, and known-bad cases where a recipe reads what is bad, are not made for training. A case that fails is
    listed with its reason in `failed` and the others are made. workers: processes on this machine, or the address of
    a Dask scheduler (tcp://...); None: as many as there are cores. fast: as in `read_series`; the arrays are the same.
    fingerprint: as in `cache_folder`. located: the folder of masks that the locator of all these settings predicted
    (located.py). Raises UserError where a sequence is in no training case or an id is in train and
    test, and, with the index left as it was, where the data set changes meanwhile.
    """
    data, root = Path(data), Path(root)
    if isinstance(workers, str):
        data, root = data.absolute(), root.absolute()  # workers were started in folders of their own
    cases = _cases(data, leave_out)
    for settings in recipes:
        _check_sequences(data, cases, settings)
    mark = fingerprint or data_fingerprint(data)
    folders = [cache_folder(data, settings, root, mark) for settings in recipes]
    pairs, task = dict(zip(folders, recipes, strict=True)), read_task(data)
    with contextlib.ExitStack() as stack:
        for folder in sorted(pairs):  # in one order everywhere, so that two processes cannot wait in a circle
            stack.enter_context(files.working_folder(folder))
        for folder, settings in pairs.items():
            write_task(folder, task)
            files.write_json(folder / "settings.json", {"revision": REVISION, **settings.fields})
        rows = _make_cases(_jobs(data, cases, pairs, mark, fast, located and located.absolute()), workers)
        check_unchanged(data, mark)
        return [_write_index(folder, task, [row[folder] for row in rows if folder in row]) for folder in folders]


def _cases(data: Path, leave_out: Collection[str]) -> list[tuple[Split, str]]:
    train = case_ids(data, "train")
    both = sorted(set(train) & set(case_ids(data, "test")))
    if both:
        raise UserError(data / "test" / both[0], "the same case is in train/ too", "keep each case in one of them")
    return [("train", case) for case in train if case not in set(leave_out)] + [
        ("test", case) for case in case_ids(data, "test")]


def _check_sequences(data: Path, cases: list[tuple[Split, str]], settings: CacheSettings) -> None:
    if not cases:
        raise UserError(data, "holds no case", "put cases under train/ or test/")
    task = read_task(data)
    present = {name for split, case in cases for name in sequences_present(data, split, case, task)}
    missing = [name for name in settings.sequences if name not in present]
    if missing:
        raise UserError(data, f"no case has {' or '.join(missing)}{nearest(missing[0], present)}, which the "
                        "recipe needs",
                        f"choose among what is there: {parameter('sequences')} {' '.join(sorted(present)) or '(none)'}")
    own = settings.mask is not None and not settings.locator
    if own and not any(mask_path(data, split, case) for split, case in cases):
        raise UserError(data, "no case has a mask of the tumour, which the recipe needs",
                        f"put one a case there, such as {cases[0][0]}/{cases[0][1]}/{MASK}.nii.gz, or choose a recipe "
                        f"with {parameter('data.region', 'head')} and without {parameter('data.mask_channel')}")


def _jobs(data: Path, cases: list[tuple[Split, str]], pairs: dict[Path, CacheSettings], mark: Fingerprint, fast: bool,
          located: Path | None) -> list[_Job]:
    """One a case that any folder wants; known-bad cases of the training set are left out where it matters."""
    wanted = sorted({name for settings in pairs.values() for name in settings.inputs})
    task = read_task(data)
    bad = {folder: known_bad(data, settings.sequences) for folder, settings in pairs.items()}
    jobs = [_Job(data, split, case, tuple((settings, folder) for folder, settings in pairs.items()
                                          if split == "test" or case not in bad[folder]), fast, task,
                 {name: mark.series[split, case, name] for name in wanted
                  if (split, case, name) in mark.series}, located) for split, case in cases]
    if located is not None:
        jobs = [dataclasses.replace(job, source={**job.source, MASK: job.mark(MASK) or ""}) for job in jobs]
    return [job for job in jobs if job.folders]


def _make_cases(jobs: Sequence[_Job], workers: int | str | None) -> list[_Rows]:
    """Bring every case up to date, several at once; by case, its row of each index."""
    if isinstance(workers, str):
        return map_items(_make_case, jobs, "preprocess", scheduler=workers, on_crash=_lost_rows)
    from radiogen.imaging.fast.warm_up import warm_up

    if any(not (folder / f"{job.case}.npy").is_file() for job in jobs for _, folder in job.folders):
        warm_up()  # once here, rather than in every worker
    count, tight = workers or available_cores(), False
    if count > 1:
        count, tight = _fitting_workers(jobs, count)
    run = map_in_processes if tight else map_items
    return run(_make_case, jobs, "preprocess", workers=count, on_crash=_lost_rows)


def _write_index(folder: Path, task: Task, rows: Sequence[_Row]) -> pd.DataFrame:
    """`geometry.csv`, `scanner.csv` and `index.csv` of a folder; returns the index."""
    series = [one for row in rows for one in row.get("geometry", ())]
    measured = pd.DataFrame(series, columns=geometry.COLUMNS)
    measured = measured.astype(dict.fromkeys(("slices", "rows", "columns"), int))
    files.write_csv(folder / GEOMETRY_TABLE, task.to_file(measured))
    scanners = pd.DataFrame([one for row in rows for one in row.get("scanner", ())], columns=scanner.COLUMNS)
    files.write_csv(folder / SCANNER_TABLE, task.to_file(scanners))
    table = pd.DataFrame(rows, columns=COLUMNS)
    files.write_csv(folder / "index.csv", task.to_file(table))
    return table


def _make_case(job: _Job) -> _Rows:
    """Bring one case up to date in every folder; returns its row of each index."""
    contents = functools.cache(lambda: {name: _contents(job, name) for name in job.source})
    try:
        kept = {folder: _kept_row(folder, job) or _linked_row(folder, job, contents) for _, folder in job.folders}
        rows = {folder: row for folder, row in kept.items() if row is not None}
        todo = [(settings, folder) for settings, folder in job.folders if folder not in rows]
        places = {name: job.path(name) for name in job.wanted}
        with translate_memory_errors(case_path(job.data, job.split, job.case)):
            series = read_case(places, [settings for settings, _ in todo], whole=job.split == "train", case=job.case,
                               fast=job.fast, mask_values=job.mask_values)
        if todo:
            contents()
            _check_unchanged(job)
    except UserError as error:
        return {folder: _failed_row(job, error) for _, folder in job.folders}
    scanners = functools.cache(lambda name: scanner_row(series_path(job.data, job.split, job.case, name)))
    for settings, folder in todo:
        try:
            rows[folder] = _write_case(job, settings, folder, series, {"source": job.source, "contents": contents()},
                                       scanners)
        except UserError as error:
            if Path(error.where).is_relative_to(folder):
                raise  # the cache itself cannot be written: no other case will fare better
            rows[folder] = _failed_row(job, error)
    for row in rows.values():
        if "scanner" not in row and not row["failed"]:  # kept of a version that did not look at scanners
            row["scanner"] = _scanner_rows(job, [one["sequence"] for one in row["geometry"]], scanners)
    return rows


def _scanner_rows(job: _Job, sequences: Sequence[str], scanners: Callable[[str], ScannerRow]) -> list[_Row]:
    return [{ID: job.case, "split": job.split, "sequence": name, **scanners(name)} for name in sequences]


def _fitting_workers(jobs: Sequence[_Job], wanted: int) -> tuple[int, bool]:
    """As many of the wanted workers as memory allows, and whether that is fewer, which is logged."""
    available = available_memory()
    cases = [[path for path in map(job.path, job.source) if path is not None] for job in jobs]
    count, need = processes_that_fit(cases, available, wanted)
    if count < wanted:
        _LOG.info(f"{count} of {wanted} workers: the largest case may take {need / 1e9:.1f} GB of memory, of which "
              f"{available / 1e9:.1f} GB are available")
    return count, count < wanted


def _lost_rows(job: _Job, error: UserError) -> _Rows:
    named = type(error)(case_path(job.data, job.split, job.case), error.problem, error.remedy)
    return {folder: _failed_row(job, named) for _, folder in job.folders}


def _contents(job: _Job, sequence: str) -> str:
    """`contents_hash` of a series, or of the mask, whose also depends on what its numbers mean; "" where unreadable."""
    path = job.path(sequence)
    content = "" if path is None else contents_hash(path)
    return with_mask_values(content, job.task) if sequence == MASK and job.located is None else content


def _kept_row(folder: Path, job: _Job) -> _Row | None:
    """The row of an array that is there and was made from these very files; None where it has to be made.

    A file that could not be read then may be readable now, and its name, size and time are the same.
    """
    note, array, source = folder / f"{job.case}.json", folder / f"{job.case}.npy", job.source
    if not (note.is_file() and array.is_file()):
        return None
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        fresh = all(kept["source"].get(name) == source.get(name) for name in set(kept["source"]) | set(kept["wanted"]))
        fresh = fresh and all(kept.get("contents", kept["source"]).values())  # older versions noted no contents
        fresh = fresh and kept["row"]["split"] == job.split
        intact = fresh and files.sha256(array) == kept["row"]["sha256"]
        row = {name: str(kept["row"][name]) for name in COLUMNS}
        measured = [{name: series[name] for name in geometry.COLUMNS} for series in kept["geometry"]]
        seen = {"scanner": kept["scanner"]} if "scanner" in kept else {}
        return {**row, "geometry": measured, **seen} if intact else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # damaged, or of another version
        return None


def _linked_row(folder: Path, job: _Job, contents: Callable[[], dict[str, str]]) -> _Row | None:
    """The row of an array that another folder has of the same files, linked into `folder`; None where none has it.

    The same are files of the same fingerprint, from another state or name of the data set; else those of the same
    content, from a copy with other times.
    """
    others = [other for other in sorted(folder.parent.parent.glob(f"*/{folder.name}/{job.case}.json"))
              if re.fullmatch(rf".*-[0-9a-f]{{{KEY}}}", other.parent.parent.name) and other.parent != folder]
    for by_content in (False, True):
        for note in others:
            kept = _note(note)
            if by_content:
                same = {name: mark for name, mark in contents().items() if name in kept.get("wanted", ())}
                sought = dataclasses.replace(job, source=kept["source"]) if same == kept.get("contents") else None
            else:
                sought = job
            if sought is None or _kept_row(note.parent, sought) is None:
                continue
            _check_unchanged(job)
            files.link(note.with_suffix(".npy"), folder / f"{job.case}.npy")
            source = {name: mark for name, mark in job.source.items() if name in kept["wanted"]}
            files.write_json(folder / note.name, {**kept, "source": source})
            if (row := _kept_row(folder, job)) is not None:
                return row
    return None


def _note(path: Path) -> dict[str, Any]:
    """The note beside an array; {} where it is damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept if isinstance(kept["source"], dict) and isinstance(kept["wanted"], list) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _check_unchanged(job: _Job) -> None:
    """Raise UserError where a series is not what it was when this command began: it belongs to another folder then.

    A series that was not there then may be there now, and its case too.
    """
    for name in job.wanted:
        if job.mark(name) != job.source.get(name):
            raise UserError(job.path(name) or case_path(job.data, job.split, job.case), "was changed while it was read",
                            "run the same command again")


def _write_case(job: _Job, settings: CacheSettings, folder: Path, series: dict[str, CaseSeries],
                marks: dict[str, dict[str, str]], scanners: Callable[[str], ScannerRow]) -> _Row:
    """Make one array and its note. marks: fingerprints of the series by what they are of and by sequence."""
    where = case_path(job.data, job.split, job.case)
    try:
        with translate_memory_errors(where):
            made = case_array(settings, series, whole=job.split == "train", case=job.case)
    except OutOfMemory:
        raise
    except UserError as error:
        raise UserError(where, error.problem, error.remedy) from error
    if made is None:
        raise UserError(where, "has no series that can be read", "the case is given the training prevalence")
    path = files.write_array(folder / f"{job.case}.npy", made.array)
    row = {ID: job.case, "split": job.split, "sha256": files.sha256(path),
           "shape": " x ".join(map(str, made.array.shape)), "slices": made.slices,
           **index_cells(made.findings, made.changes), "failed": "", "failed_code": "",
           "perceptual_hash": series[settings.first_sequence].perceptual_hash}
    read = [name for name in settings.sequences if series[name].unusable is None]
    measured = [{ID: job.case, "split": job.split, "sequence": name, **series[name].geometry}
                for name in read]
    seen = _scanner_rows(job, read, scanners)
    files.write_json(folder / f"{job.case}.json", {
        "row": row, "geometry": measured, "scanner": seen, "wanted": list(settings.inputs),
        "grid": None if made.grid is None else made.grid.tolist(),
        **{kind: {name: mark for name, mark in each.items() if name in settings.inputs}
           for kind, each in marks.items()}})
    return {**row, "geometry": measured, "scanner": seen}


def _failed_row(job: _Job, error: UserError) -> _Row:
    return {**dict.fromkeys(COLUMNS, ""), ID: job.case, "split": job.split, "failed": str(error),
            "failed_code": error.code}
