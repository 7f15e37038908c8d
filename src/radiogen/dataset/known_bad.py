"""Cases of which a data set's publisher says that one sequence holds no image; nothing is known of other data sets.

In: a data set's folder and the sequences that are read. Out: the cases to leave out, each with the reason. The
competition's data is recognised by its label table, wherever it lies; a case is bad for who reads its blank sequence.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels
from radiogen.task import ID, LABEL, Task, read_task


def known_bad(data: Path, sequences: Collection[str] | None = None) -> dict[str, str]:
    """The training cases of which one of `sequences` (default: all) is known to be blank, with the reason.

    Where the task names a label table by its fingerprint, {} for every other; a table that is missing or wrong is not
    that one, and whoever needs the labels says what is wrong with it.
    """
    task = read_task(data)
    if task.labels_sha256 and task.blank_series and not _is_known(Path(data) / "train_labels.csv", task):
        return {}
    return {case: f"its {sequence} holds no image" for case, sequence in task.blank_series.items()
            if sequences is None or sequence in sequences}


def labels_fingerprint(labels: pd.DataFrame, without: Collection[str]) -> str:
    """SHA-256 of the lines `id,label` in the order of ids, without some cases: their rows may have been taken out."""
    rows = labels.loc[~labels[ID].isin(list(without)), [ID, LABEL]].sort_values(ID)
    lines = "".join(f"{case},{label}\n" for case, label in rows.itertuples(index=False))
    return hashlib.sha256(lines.encode()).hexdigest()


def _is_known(path: Path, task: Task) -> bool:
    try:
        labels = read_labels(path, task) if path.is_file() else None
    except UserError:
        labels = None
    return labels is not None and labels_fingerprint(labels, task.blank_series) == task.labels_sha256
