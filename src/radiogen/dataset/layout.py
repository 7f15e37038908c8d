"""Where things lie in a data set of the competition's layout, and what is known of it before any file is opened.

In: a data set's folder. Out: case ids (text of five digits), sequence folders. Layout:
`train/<case>/<FLAIR|T1w|T1wCE|T2w>/Image-<n>.dcm`, `test/<case>/...`, `train_labels.csv`, `sample_submission.csv`.
"""

import re
from pathlib import Path
from typing import Literal

from radiogen.core.errors import UserError
from radiogen.core.wording import command

Split = Literal["train", "test"]

GEOMETRY_TABLE = "geometry.csv"
"""The table of the series' geometry (geometry.py), in a cache's folder and in a run's."""

PHANTOM_RECORD = "phantom.json"
"""In a data set that is a phantom: its settings and the best AUC that is possible on it."""

SEQUENCES = ("FLAIR", "T1w", "T1wCE", "T2w")
"""The four sequences of the competition, by the names of their folders."""

COMPETITION = "rsna-miccai-brain-tumor-radiogenomic-classification"
"""The competition's name at Kaggle, and the name of its data set's folder under `input/`."""

BLANK = {"00109": "FLAIR", "00123": "T1w", "00709": "FLAIR"}
"""Cases of the competition's training set, each with the sequence that holds no image in it.

Its organisers asked to leave them out (Kaggle, the competition's data page): of training and scoring, never of a
submission. known_bad.py says whether a data set is the competition's.
"""


def case_ids(data: Path, split: Split) -> list[str]:
    """The ids of the case folders of `data/split`, sorted. An absent `test` folder has no cases.

    Raises UserError where the data set is missing or holds a folder that is not a case.
    """
    check_data(data)
    folder = Path(data) / split
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for name in names:
        if not is_case_id(name):
            raise UserError(folder / name, "is not a case: its name has to be five digits",
                            "rename it, as in 00042, or move it out of the data set")
    return names


def check_data(data: Path) -> None:
    """Raise UserError unless `data` is a folder with cases under `train/` or `test/`."""
    data = Path(data)
    if not data.is_dir():
        raise UserError(data, "there is no such data set",
                        f"make one with `{command('make_phantom')}` or give another folder with --data")
    if not any((data / split).is_dir() for split in ("train", "test")):
        raise UserError(data, "holds neither train/ nor test/",
                        "give the folder that holds train_labels.csv, train/ and test/")


def is_case_id(text: str) -> bool:
    """Whether `text` is a case id: five digits."""
    return re.fullmatch(r"[0-9]{5}", text) is not None


def series_folder(data: Path, split: Split, case: str, sequence: str) -> Path:
    """The folder of one series; it need not exist."""
    return Path(data) / split / case / sequence


def sequences_present(data: Path, split: Split, case: str) -> tuple[str, ...]:
    """The sequences for which this case has a folder, in the order of `SEQUENCES`."""
    return tuple(name for name in SEQUENCES if series_folder(data, split, case, name).is_dir())
