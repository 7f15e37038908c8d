"""Where things lie in a data set of the competition's layout, and what is known of it before any file is opened.

In: a data set's folder. Out: case ids (text), series. Layout: `train/<case>/<sequence>/<n>.dcm`, or for NIfTI
`train/<case>/<sequence>.nii.gz`; `test/<case>/...`, `train_labels.csv`, `sample_submission.csv`; `dataset.json` says
what is called otherwise (task.py).
"""

import os
from pathlib import Path
from typing import Literal

from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.task import Task, read_task

Split = Literal["train", "test"]

GEOMETRY_TABLE = "geometry.csv"
"""The table of the series' geometry (geometry.py), in a cache's folder and in a run's."""

NIFTI_SUFFIXES = (".nii.gz", ".nii")
"""Of a series that is one file."""

PHANTOM_RECORD = "phantom.json"
"""In a data set that is a phantom: its settings and the best AUC that is possible on it."""


def case_ids(data: Path, split: Split) -> list[str]:
    """The ids of the case folders of `data/split`, sorted. An absent `test` folder has no cases.

    Raises UserError where the data set is missing or holds a folder that is not a case.
    """
    check_data(data)
    folder = Path(data) / split
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    task = read_task(data)
    for name in names:
        if not task.is_id(name):
            raise UserError(folder / name, "is not a case: its name is no case id",
                            f"rename it, as in {task.id_example}, or move it out of the data set")
    return names


def check_data(data: Path) -> None:
    """Raise UserError unless `data` is a folder with cases under `train/` or `test/`."""
    data = Path(data)
    if not data.is_dir():
        raise UserError(data, "there is no such data set",
                        f"make one with `{command('make_phantom')}` or give another folder with {parameter('data')}")
    if not any((data / split).is_dir() for split in ("train", "test")):
        raise UserError(data, "holds neither train/ nor test/",
                        "give the folder that holds train_labels.csv, train/ and test/")


def series_path(data: Path, split: Split, case: str, sequence: str) -> Path:
    """The folder of one series, or its NIfTI file; where there is neither, the folder that would be."""
    folder = Path(data) / split / case / sequence
    if folder.is_dir():
        return folder
    return next((path for path in _nifti_paths(folder) if path.is_file()), folder)


def sequences_present(data: Path, split: Split, case: str, task: Task | None = None) -> tuple[str, ...]:
    """The sequences for which this case has a series, in the task's order; task: the data set's, where it was read.

    Raises UserError where one sequence has several, such as a folder and a NIfTI file.
    """
    task, folder = task or read_task(data), Path(data) / split / case
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
