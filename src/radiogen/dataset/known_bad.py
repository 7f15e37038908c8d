"""Cases of the competition's training set of which one sequence holds no image; nothing is known of other data sets.

In: a data set's folder and the sequences that are read. Out: the cases to leave out, each with the reason. The
competition's data is recognised by its label table, wherever it lies; a case is bad for who reads its blank sequence.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.labels import ID, LABEL, read_labels
from radiogen.dataset.layout import BLANK, SEQUENCES

LABELS_SHA256 = "cc28ba1e433d496afe02cce0177683c8328f2664d73d60ed087c098b51abe813"
"""`labels_fingerprint` of the competition's train_labels.csv (Kaggle; 585 rows, of which 582 are not in `BLANK`)."""


def known_bad(data: Path, sequences: Collection[str] = SEQUENCES) -> dict[str, str]:
    """The training cases of which one of `sequences` is known to be blank, with the reason; {} but for the competition.

    A table that is missing or wrong is not the competition's; whoever needs the labels says what is wrong with it.
    """
    path = Path(data) / "train_labels.csv"
    try:
        labels = read_labels(path) if path.is_file() else None
    except UserError:
        labels = None
    if labels is None or labels_fingerprint(labels) != LABELS_SHA256:
        return {}
    return {case: f"its {sequence} holds no image" for case, sequence in BLANK.items() if sequence in sequences}


def labels_fingerprint(labels: pd.DataFrame) -> str:
    """SHA-256 of the lines `id,label` in the order of ids, without those of `BLANK`: some have taken these rows out."""
    rows = labels.loc[~labels[ID].isin(BLANK), [ID, LABEL]].sort_values(ID)
    lines = "".join(f"{case},{label}\n" for case, label in rows.itertuples(index=False))
    return hashlib.sha256(lines.encode()).hexdigest()
