"""Where things lie in a data set of the competition's layout, and what is known of it before any file is opened.

In: a data set's folder. Out: case ids (text), sequence folders. Layout: `train/<case>/<sequence>/<n>.dcm`,
`test/<case>/...`, `train_labels.csv`, `sample_submission.csv`; `dataset.json` says what is called otherwise (task.py).
"""

from pathlib import Path
from typing import Literal

from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.task import Task, read_task

Split = Literal["train", "test"]

GEOMETRY_TABLE = "geometry.csv"
"""The table of the series' geometry (geometry.py), in a cache's folder and in a run's."""

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


def series_folder(data: Path, split: Split, case: str, sequence: str) -> Path:
    """The folder of one series; it need not exist."""
    return Path(data) / split / case / sequence


def sequences_present(data: Path, split: Split, case: str, task: Task | None = None) -> tuple[str, ...]:
    """The sequences for which this case has a folder, in the task's order; task: the data set's, where it was read."""
    task = task or read_task(data)
    return tuple(name for name in task.sequences if series_folder(data, split, case, name).is_dir())
