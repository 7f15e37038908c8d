"""Series become arrays once: `input/cache/<data set>-<fingerprint>/<kind>-<key>/<case>.npy`.

In: a data set and the settings of one or more recipes. Out: a folder of arrays with `settings.json`, `index.csv` (case,
split, sha256, findings and changes as text and as codes, or why there is none) and `geometry.csv` (a row a series that
was read). The key is a hash of the settings, the fingerprint one of the series: other images go to another folder, and
no array is replaced that a training may be reading. `<case>.json` beside an array says from which files it was made;
what is the same in another folder is linked. Each series is read once for all settings; a killed run resumes.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import math
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from radiogen.arrays.case_arrays import REVISION, CacheSettings, CaseSeries, case_array, read_case
from radiogen.arrays.case_findings import index_cells
from radiogen.arrays.series_size import processes_that_fit
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.memory import OutOfMemory, available_memory, translate_memory_errors
from radiogen.core.parallel import available_cores, map_in_processes, map_items
from radiogen.core.wording import command, parameter
from radiogen.dataset import geometry
from radiogen.dataset.fingerprint import KEY, Fingerprint, check_unchanged, data_fingerprint, series_fingerprint
from radiogen.dataset.known_bad import known_bad
from radiogen.dataset.layout import GEOMETRY_TABLE, Split, case_ids, sequences_present, series_folder
from radiogen.task import ID, read_task, write_task

_LOG = logging.getLogger(__name__)

COLUMNS = (ID, "split", "sha256", "shape", "slices", "findings", "finding_codes", "changes", "change_codes",
           "failed", "failed_code", "likeness")
"""Of an index. The codes are case_findings.py's; `failed_code`: `UserError.code` of what stands in `failed`."""


@dataclasses.dataclass(frozen=True)
class _Job:
    data: Path
    split: Split
    case: str
    folders: tuple[tuple[CacheSettings, Path], ...]
    fast: bool
    source: dict[str, str]
    """By sequence that is wanted, the fingerprint of its files."""


def cache_folder(data: Path, settings: CacheSettings, root: Path, fingerprint: Fingerprint | None = None) -> Path:
    """Where the arrays of this data set and these settings lie under `root` (usually `input/cache`).

    fingerprint: the data set's, where it is known; None: it is taken now.
    """
    mark = fingerprint or data_fingerprint(data)
    return Path(root) / f"{Path(data).resolve().name}-{mark.key}" / f"{settings.kind}-{settings.key}"


def build_caches(data: Path, recipes: Sequence[CacheSettings], root: Path, *, leave_out: Collection[str] = (),
                 workers: int | None = None, scheduler: str | None = None, fast: bool = True,
                 fingerprint: Fingerprint | None = None) -> list[pd.DataFrame]:
    """Make what is missing or outdated of these caches; returns an index (`COLUMNS`) for each of `recipes`.

    `leave_out`, and known-bad cases where a recipe reads what is bad, are not made for training. A case that fails is
    listed with its reason in `failed` and the rest goes on. fast: as in `read_series`; the arrays are the same.
    fingerprint: as in `cache_folder`. Raises UserError where a sequence is in no training case or an id is in train and
    test, and, with the index left as it was, where the data set changes meanwhile.
    """
    from radiogen.imaging.fast.warm_up import warm_up

    if scheduler is not None:
        data, root = Path(data).absolute(), Path(root).absolute()  # workers were started in folders of their own
    cases = _cases(Path(data), leave_out)
    for settings in recipes:
        _check_sequences(Path(data), cases, settings)
    mark = fingerprint or data_fingerprint(data)
    folders = [cache_folder(data, settings, root, mark) for settings in recipes]
    wanted = {name for settings in recipes for name in settings.sequences}
    with contextlib.ExitStack() as stack:
        for folder in sorted(set(folders)):  # in one order everywhere, so that two processes cannot wait in a circle
            stack.enter_context(files.working_folder(folder))
        pairs, task = dict(zip(folders, recipes, strict=True)), read_task(data)
        for folder, settings in pairs.items():
            write_task(folder, task)
            files.write_json(folder / "settings.json", {"revision": REVISION, **dataclasses.asdict(settings)})
        bad = {folder: known_bad(data, settings.sequences) for folder, settings in pairs.items()}
        jobs = [_Job(Path(data), split, case, tuple((settings, folder) for folder, settings in pairs.items()
                                                    if split == "test" or case not in bad[folder]), fast,
                     {name: mark.series[split, case, name] for name in task.sequences
                      if name in wanted and (split, case, name) in mark.series}) for split, case in cases]
        jobs = [job for job in jobs if job.folders]
        if scheduler is None and any(not (folder / f"{job.case}.npy").is_file() for job in jobs
                                     for _, folder in job.folders):
            warm_up()  # once here, rather than in every worker
        count, tight = workers or available_cores(), False
        if scheduler is None and count > 1:
            count, tight = _fitting_workers(jobs, count)
        if tight:
            rows = map_in_processes(_make_case, jobs, "preprocess", workers=count, on_crash=_lost_rows)
        else:
            rows = map_items(_make_case, jobs, "preprocess", workers=count, scheduler=scheduler, on_crash=_lost_rows)
        check_unchanged(data, mark)
        tables = {folder: pd.DataFrame([row[folder] for row in rows if folder in row], columns=COLUMNS)
                  for folder in pairs}
        for folder, table in tables.items():
            series = [one for row in rows for one in row.get(folder, {}).get("geometry", ())]
            measured = pd.DataFrame(series, columns=geometry.COLUMNS)
            files.write_csv(folder / GEOMETRY_TABLE, task.to_file(
                measured.astype(dict.fromkeys(("slices", "rows", "columns"), int))))
            files.write_csv(folder / "index.csv", task.to_file(table))
    return [tables[folder] for folder in folders]


def read_index(folder: Path) -> pd.DataFrame:
    """The index of a finished cache, ids as text, '' where a cell is empty."""
    path = Path(folder) / "index.csv"
    if not path.is_file():
        raise UserError(path, "is missing", f"run {command('preprocess')}")
    try:
        index = read_task(path.parent).from_file(pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False))
    except (OSError, ValueError) as error:
        raise UserError(path, f"cannot be read ({error})", f"run {command('preprocess')} again") from error
    lacking = [name for name in COLUMNS if name not in index]
    if lacking or index[ID].duplicated().any():
        problem = f"has no column {lacking[0]}: it is damaged, or of an older version" if lacking else (
            "has a case twice, so it is damaged")
        raise UserError(path, problem, f"run {command('preprocess')} again")
    return index


def check_arrays(folder: Path, index: pd.DataFrame, cases: Collection[str]) -> None:
    """Raise UserError unless every array of `cases` has the bytes that its row of the index tells."""
    expected = index.set_index(ID)["sha256"]
    for case in cases:
        with _readable(Path(folder) / f"{case}.npy") as path:
            whole = path.is_file() and files.sha256(path) == expected.get(case)
        if not whole:
            raise UserError(path, "is missing or was changed after it was made",
                            f"delete it and run {command('preprocess')} again")


def open_array(folder: Path, case: str) -> np.ndarray:
    """A case's array as a read-only memory map."""
    with _readable(Path(folder) / f"{case}.npy") as path:
        return np.load(path, mmap_mode="r", allow_pickle=False)


class Layout(NamedTuple):
    """Where a case's array lies in its file: `offset` bytes from the beginning, in C order.

    sha256: what the file has to be, "" where anything is taken; stamp: inode, size and time of the file that was it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    sha256: str = ""
    stamp: tuple[int, ...] = ()


def array_layout(folder: Path, case: str, sha256: str = "") -> Layout:
    """The layout of a case's array, from the header of its file; with `sha256` a file of other bytes is refused."""
    with _readable(Path(folder) / f"{case}.npy") as path, path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("not as this package writes it")
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(file)
        offset, size = file.tell(), file.seek(0, os.SEEK_END)
        if in_columns or dtype.hasobject or min(shape, default=0) < 1:
            raise ValueError("not as this package writes it")
        if size != offset + math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{size} bytes do not hold {dtype} {shape}")
        return Layout(shape, dtype, offset, sha256, _check_bytes(path, file.fileno(), sha256))


def read_blocks(folder: Path, case: str, layout: Layout, blocks: Sequence[int], rank: int) -> np.ndarray:
    """Images of `rank` axes out of a case's array, (len(blocks), ...); the array counts as one row of them.

    Only their bytes are read, and no memory map is left behind: mapped pages count as memory of the process. A file
    that was replaced since its layout was read is held against its sha256 once more.
    """
    shape = layout.shape[-rank:]
    size = math.prod(shape) * layout.dtype.itemsize
    out = np.empty((len(blocks), *shape), layout.dtype)
    with _readable(f"{folder}/{case}.npy") as path:  # a Path costs as much as the reading
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if layout.sha256 and _stamp(descriptor) != layout.stamp:
                _check_bytes(path, descriptor, layout.sha256)
            for block, target in zip(blocks, out, strict=True):
                if os.preadv(descriptor, [target], layout.offset + block * size) < size:
                    raise ValueError("cut off")
        finally:
            os.close(descriptor)
    return out


def _check_bytes(path: Path | str, descriptor: int, sha256: str) -> tuple[int, ...]:
    """The stamp of an open file. Raises UserError unless it has this SHA-256, where one is given."""
    stamp = _stamp(descriptor)
    if sha256:
        with open(os.dup(descriptor), "rb") as file:  # noqa: PTH123  (a number)
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise UserError(path, "is not the array that this training began with: it was changed since",
                                "run the same command again: what can be made again is, and finished epochs are kept")
    return stamp


def _stamp(descriptor: int) -> tuple[int, ...]:
    state = os.fstat(descriptor)
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


@contextlib.contextmanager
def _readable(path: Path | str) -> Iterator[Path | str]:
    try:
        yield path
    except (OSError, ValueError) as error:
        raise UserError(path, f"cannot be read ({error})", f"delete it and run {command('preprocess')} "
                                                           "again") from error


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
    present = {name for split, case in cases for name in sequences_present(data, split, case)}
    missing = [name for name in settings.sequences if name not in present]
    if missing:
        raise UserError(data, f"no case has {' or '.join(missing)}, which the recipe needs",
                        f"choose among what is there: {parameter('sequences')} {' '.join(sorted(present)) or '(none)'}")


def _make_case(job: _Job) -> dict[Path, dict]:
    """Bring one case up to date in every folder; returns its row of each index."""
    contents = functools.cache(lambda: {name: _contents(job, name) for name in job.source})
    try:
        rows = {folder: _kept_row(folder, job) or _linked_row(folder, job, contents) for _, folder in job.folders}
        todo = [(settings, folder) for settings, folder in job.folders if rows[folder] is None]
        places = {name: series_folder(job.data, job.split, job.case, name)
                  for settings, _ in job.folders for name in settings.sequences}
        with translate_memory_errors(job.data / job.split / job.case):
            series = read_case(places, [settings for settings, _ in todo], whole=job.split == "train", case=job.case,
                               fast=job.fast)
        if todo:
            contents()
            _check_unchanged(job)
    except UserError as error:
        return {folder: _failed_row(job, error) for _, folder in job.folders}
    for settings, folder in todo:
        try:
            rows[folder] = _write_case(job, settings, folder, series, {"source": job.source, "contents": contents()})
        except UserError as error:
            if Path(error.where).is_relative_to(folder):
                raise  # the cache itself cannot be written: no other case will fare better
            rows[folder] = _failed_row(job, error)
    return rows


def _fitting_workers(jobs: Sequence[_Job], wanted: int) -> tuple[int, bool]:
    """As many of the wanted workers as memory allows, and whether that is fewer, which is told."""
    available = available_memory()
    cases = [[series_folder(job.data, job.split, job.case, name) for name in job.source] for job in jobs]
    count, need = processes_that_fit(cases, available, wanted)
    if count < wanted:
        _LOG.info(f"{count} of {wanted} workers: the largest case may take {need / 1e9:.1f} GB of memory, of which "
              f"{available / 1e9:.1f} GB are available")
    return count, count < wanted


def _lost_rows(job: _Job, error: UserError) -> dict[Path, dict]:
    named = type(error)(job.data / job.split / job.case, error.problem, error.remedy)
    return {folder: _failed_row(job, named) for _, folder in job.folders}


def _contents(job: _Job, sequence: str) -> str:
    """SHA-256 of the SHA-256 of a series' files, in their order: `LC_ALL=C sha256sum * | cut -c-64 | sha256sum`.

    "" where one of them cannot be read, which the findings tell.
    """
    folder = series_folder(job.data, job.split, job.case, sequence)
    try:
        marks = [files.sha256(path) for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError:
        return ""
    return hashlib.sha256("".join(f"{mark}\n" for mark in marks).encode()).hexdigest()


def _kept_row(folder: Path, job: _Job) -> dict | None:
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
        told = {name: str(kept["row"][name]) for name in COLUMNS}
        measured = [{name: series[name] for name in geometry.COLUMNS} for series in kept["geometry"]]
        return {**told, "geometry": measured} if intact else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # damaged, or of another version
        return None


def _linked_row(folder: Path, job: _Job, contents: Callable[[], dict[str, str]]) -> dict | None:
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
                asked = dataclasses.replace(job, source=kept["source"]) if same == kept.get("contents") else None
            else:
                asked = job
            if asked is None or _kept_row(note.parent, asked) is None:
                continue
            _check_unchanged(job)
            files.link(note.with_suffix(".npy"), folder / f"{job.case}.npy")
            source = {name: mark for name, mark in job.source.items() if name in kept["wanted"]}
            files.write_json(folder / note.name, {**kept, "source": source})
            if (row := _kept_row(folder, job)) is not None:
                return row
    return None


def _note(path: Path) -> dict:
    """What stands beside an array; {} where it is damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept if isinstance(kept["source"], dict) and isinstance(kept["wanted"], list) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _check_unchanged(job: _Job) -> None:
    """Raise UserError where a series is not what it was when this command began: it belongs to another folder then."""
    for name, mark in job.source.items():
        folder = series_folder(job.data, job.split, job.case, name)
        if series_fingerprint(folder) != mark:
            raise UserError(folder, "was changed while it was read", "run the same command again")


def _write_case(job: _Job, settings: CacheSettings, folder: Path, series: dict[str, CaseSeries],
                marks: dict[str, dict[str, str]]) -> dict:
    """marks: fingerprints of the series by what they tell and by sequence."""
    where = job.data / job.split / job.case
    try:
        with translate_memory_errors(where):
            made = case_array(settings, series, whole=job.split == "train")
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
           "likeness": series[settings.first_sequence].likeness}
    measured = [{ID: job.case, "split": job.split, "sequence": name, **series[name].geometry}
                for name in settings.sequences if series[name].told is not None]
    files.write_json(folder / f"{job.case}.json", {
        "row": row, "geometry": measured, "wanted": list(settings.sequences),
        **{told: {name: mark for name, mark in each.items() if name in settings.sequences}
           for told, each in marks.items()}})
    return {**row, "geometry": measured}


def _failed_row(job: _Job, error: UserError) -> dict:
    return {**dict.fromkeys(COLUMNS, ""), ID: job.case, "split": job.split, "failed": str(error),
            "failed_code": error.code}
