"""What a data set's publishers say of single cases: which sequence holds no image, which cases are of one patient.

In: a data set's folder. Out: the cases to leave out, each with the reason, and the groups of cases of one patient. The
competition's data is recognised by its label table, wherever it lies; of other data sets `dataset.json` says it.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.labels import data_labels
from radiogen.task import ID, LABEL, RSNA_MICCAI, Task, read_task

_PUBLISHED = Path(__file__).with_name("published_labels.csv")
"""Test cases of the competition and their ids in UCSF-PDGM, whose metadata (TCIA, CC BY 4.0) states the label."""


def known_bad(data: Path, sequences: Collection[str] | None = None) -> dict[str, str]:
    """The training cases of which one of `sequences` (default: all) is known to be blank, with the reason.

    Where the task names a label table by its fingerprint, {} for every other; a table that is missing or wrong is not
    that one, and whoever needs the labels says what is wrong with it.
    """
    task = read_task(data)
    if not task.blank_series or not _holds(data, task):
        return {}
    return {case: f"its {sequence} holds no image" for case, sequence in task.blank_series.items()
            if sequences is None or sequence in sequences}


def same_patients(data: Path) -> tuple[tuple[str, ...], ...]:
    """Groups of training cases that are known to be of one patient each; () where none is, as in `known_bad`."""
    task = read_task(data)
    return task.same_patient if task.same_patient and _holds(data, task) else ()


def published_labels(cases: Collection[str], data: Path) -> list[str]:
    """Of these test cases those whose label a public table states (UCSF-PDGM's), sorted; [] but for the competition's
    own data, as in `known_bad`: other data sets number their cases alike."""
    task = read_task(data)
    if task.name != RSNA_MICCAI.name or not _holds(data, task):
        return []
    table = pd.read_csv(_PUBLISHED, dtype=str)
    return sorted(set(table[ID]) & set(cases))


def labels_fingerprint(labels: pd.DataFrame, without: Collection[str]) -> str:
    """SHA-256 of the lines `id,label` in the order of ids, without some cases: their rows may have been taken out."""
    rows = labels.loc[~labels[ID].isin(list(without)), [ID, LABEL]].sort_values(ID)
    lines = "".join(f"{case},{label}\n" for case, label in rows.itertuples(index=False))
    return hashlib.sha256(lines.encode()).hexdigest()


def _holds(data: Path, task: Task) -> bool:
    """Whether what the task says of cases is said of this data set's."""
    if not task.labels_sha256:
        return True
    try:
        labels, _ = data_labels(data)
    except UserError:
        return False
    return labels_fingerprint(labels, task.blank_series) == task.labels_sha256
