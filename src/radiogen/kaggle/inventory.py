"""Count the files of a data set, and compare with the competition's.

In: a data set's folder. Out: cases, series and files of each split, and a line for each with the differences.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from radiogen.dataset.layout import Split, case_ids, series_path
from radiogen.task import Task, read_task


@dataclass(frozen=True)
class Count:
    """Cases, series folders with a file in them, and `.dcm` files of a split; None where it is not known."""

    cases: int
    series: int
    files: int | None



def published_counts(task: Task) -> dict[str, Count] | None:
    """What the task's competition has, every sequence in every case; None where it is of none or says no number.

    The number of test images is not published.
    """
    said, sequences = task.competition, len(task.sequences)
    if said is None or not said.train_cases:
        return None
    return {"train": Count(said.train_cases, said.train_cases * sequences, said.train_images or None),
            "test": Count(said.test_cases, said.test_cases * sequences, None)}


def count(data: Path) -> dict[str, Count]:
    """Count each split that `data` has. Raises UserError for a folder that is no data set."""
    found = {}
    for split in get_args(Split):
        if not (Path(data) / split).is_dir():
            continue
        cases, sequences = case_ids(data, split), read_task(data).sequences
        series = [_images(series_path(data, split, case, sequence)) for case in cases for sequence in sequences]
        found[split] = Count(len(cases), sum(images > 0 for images in series), sum(series))
    return found


def count_lines(found: Mapping[str, Count], expected: Mapping[str, Count] | None = None) -> list[str]:
    """A line a split; with `expected`, a warning after each number that differs and a line for a missing split."""
    lines = [f"{split}: {_text(there, (expected or {}).get(split))}" for split, there in found.items()]
    return lines + [f"warning: {split}/ is missing" for split in (expected or {}) if split not in found]


def _text(there: Count, expected: Count | None) -> str:
    words = f"{there.cases} cases, {there.series} series, {there.files} files"
    if expected is None:
        return words
    wanted = [f"{want} {name}" for name, have, want in (
        ("cases", there.cases, expected.cases), ("series", there.series, expected.series),
        ("files", there.files, expected.files)) if want not in (None, have)]
    return f"{words} (warning: the competition has {', '.join(wanted)})" if wanted else f"{words}, as the competition"


def _images(folder: Path) -> int:
    """How many images a series has; one that is a NIfTI file counts as one."""
    if folder.is_file():
        return 1
    try:
        with os.scandir(folder) as entries:
            return sum(entry.name.endswith(".dcm") for entry in entries)
    except FileNotFoundError:
        return 0
