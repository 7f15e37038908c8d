"""Where things lie in a data set, and what is known of it before any file is opened.

In: a data set's folder. Out: case ids (text), series, masks, tables. Layout: `train/<case>/<sequence>/<n>.dcm`, or for
NIfTI `train/<case>/<sequence>.nii.gz`, with a tumour's mask `train/<case>/mask.nii.gz`; `test/<case>/...`,
`train_labels.csv`, `sample_submission.csv`; `dataset.json` says what is called otherwise (task.py) or lies elsewhere
(source.py). Where it names files by patterns all cases are of the split `train`.
"""

import os
from pathlib import Path
from typing import Literal, get_args

from radiogen.core.errors import UserError
from radiogen.core.wording import command, nearest, parameter
from radiogen.dataset.source import CASE, MASK, find_cases, find_file, read_source
from radiogen.task import FILE, Task, read_task

Split = Literal["train", "test"]

GEOMETRY_TABLE = "geometry.csv"
"""The table of the series' geometry (geometry.py), in a cache's folder and in a run's."""

SCANNER_TABLE = "scanner.csv"
"""The table of what the series say of their scanners (scanner.py), beside the geometry."""

PATIENTS_TABLE = "patients.csv"
"""The table of what is known of a case's patient (patients.py), in a data set's folder and in a run's."""

NIFTI_SUFFIXES = (".nii.gz", ".nii")
"""Of a series that is one file."""

SAMPLE_SUBMISSION = "sample_submission.csv"
"""In a data set whose test cases are predicted for a competition: their ids in its order."""

PHANTOM_RECORD = "phantom.json"
"""In a data set that is a phantom: its settings and the best AUC that is possible on it."""


def is_data_set(data: Path) -> bool:
    """Whether a folder has a data set's layout: train/ or test/, or a `dataset.json` that names its files."""
    source = read_source(data)
    return any((source.images / split).is_dir() for split in get_args(Split)) or bool(source.files)


def case_ids(data: Path, split: Split) -> list[str]:
    """The ids of the cases of one split, sorted. An absent `test` folder has no cases.

    Raises UserError where the data set is missing or holds a folder that is not a case.
    """
    check_data(data)
    task, source = read_task(data), read_source(data)
    if source.files:
        return find_cases(source, task) if split == "train" else []
    folder = source.images / split
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        if not task.is_id(name):
            raise UserError(folder / name, "is not a case: its name is no case id",
                            f"rename it, as in {task.id_example}, or move it out of the data set")
    return names


def check_data(data: Path) -> None:
    """Raise UserError unless `data` is a folder with cases under `train/` or `test/`, or says where its files are."""
    data = Path(data)
    if not data.is_dir():
        beside = [path.name for path in data.parent.iterdir() if path.is_dir()] if data.parent.is_dir() else []
        raise UserError(data, f"there is no such data set{nearest(data.name, beside)}",
                        f"make one with `{command('make_phantom')}` or give another folder with {parameter('data')}")
    images = read_source(data).images
    if not images.is_dir():
        raise UserError(images, "is missing: the images of this data set should lie there",
                        f"correct `images` in {data / FILE}")
    if not is_data_set(data):
        raise UserError(data, "holds neither train/ nor test/",
                        "give the folder that holds train_labels.csv, train/ and test/; for another layout "
                        f"`{command('describe_dataset')} FOLDER` drafts a {FILE}")


def labels_path(data: Path) -> Path:
    """The data set's label table."""
    return read_source(data).labels


def sample_path(data: Path) -> Path:
    """The table whose ids and order a submission has."""
    competition = read_task(data).competition
    return Path(data) / (competition.sample_submission if competition else SAMPLE_SUBMISSION)


def case_path(data: Path, split: Split, case: str) -> Path:
    """Where a case is, for messages: its folder, or the folder of the images and its id."""
    source = read_source(data)
    return source.images / case if source.files else source.images / split / case


def series_path(data: Path, split: Split, case: str, sequence: str) -> Path:
    """The folder of one series, or its NIfTI file; where there is neither, the place where one would be."""
    source = read_source(data)
    if source.files:
        patterns = source.files.get(sequence, (f"{case}/{sequence}",))
        return find_file(source, patterns, case, sequence) or source.images / patterns[0].replace(CASE, case)
    folder = source.images / split / case / sequence
    if folder.is_dir():
        return folder
    return next((path for path in _nifti_paths(folder) if path.is_file()), folder)


def mask_path(data: Path, split: Split, case: str) -> Path | None:
    """The tumour mask of a case, a NIfTI file or a series' folder; None where it has none.

    Raises UserError where it has several.
    """
    source = read_source(data)
    if source.files or source.mask:
        return find_file(source, source.mask, case, MASK)
    path = series_path(data, split, case, MASK)
    return path if path.exists() else None


def sequences_present(data: Path, split: Split, case: str, task: Task | None = None) -> tuple[str, ...]:
    """The sequences for which this case has a series, in the task's order; task: the data set's, where it was read.

    Raises UserError where one sequence has several, such as a folder and a NIfTI file.
    """
    task, source = task or read_task(data), read_source(data)
    if source.files:
        return tuple(name for name in task.sequences if find_file(source, source.files[name], case, name))
    folder = source.images / split / case
    try:
        with os.scandir(folder) as entries:
            there = {entry.name: entry.is_dir() for entry in entries}
    except OSError:  # whoever reads the series says why
        return ()
    present = []
    for name in task.sequences:
        found = [name] if there.get(name) else []
        found += [path.name for path in _nifti_paths(folder / name) if there.get(path.name) is False]
        if len(found) > 1:
            raise UserError(folder, f"has more than one {name}: {' and '.join(found)}", "keep one of them")
        present += [name] if found else []
    return tuple(present)


def _nifti_paths(folder: Path) -> list[Path]:
    """The names that a series' NIfTI file may have in the place of its folder."""
    return [folder.with_name(folder.name + suffix) for suffix in NIFTI_SUFFIXES]
