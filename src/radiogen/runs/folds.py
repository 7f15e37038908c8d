"""Who trains and who judges: a stratified holdout, then stratified folds on the rest, by patient.

In: a label table. Out: a table `ID, LABEL, fold` with fold 0..4 or `holdout`. The split is the report's
(8:2 holdout, StratifiedKFold of 5, shuffled, seed 42) and depends on nothing but the labels and the seed, so that runs
of different recipes on one data set can be compared and joined case by case.
"""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels, read_table
from radiogen.task import ID, LABEL, read_task

HOLDOUT, TEST = "holdout", "test"


def make_folds(labels: pd.DataFrame, *, folds: int = 5, holdout_fraction: float = 0.2, seed: int = 42,
               leave_out: Collection[str] = (), last: Collection[str] = ()) -> pd.DataFrame:
    """Assign every case of `labels` but those in `leave_out` to `holdout` or to one of `folds` folds (as text).

    Rows are sorted by id first, so the order of the label file does not matter. `last` are cases that some runs leave
    out: they go to the folds in turn when all others have theirs, which therefore are the same with and without them.
    Raises UserError where a class has too few cases for that many folds, or the seed is below 0.
    """
    from sklearn.model_selection import StratifiedKFold, train_test_split

    if not 0 <= seed < 2 ** 32:
        raise UserError(f"seed {seed}", "is none that a split can have", "give a number from 0 to 4294967295")
    table = labels[~labels[ID].isin([*leave_out, *last])].sort_values(ID, ignore_index=True)
    _check_sizes(table, folds, holdout_fraction)
    table["fold"] = HOLDOUT
    rest = table.index.to_numpy()
    if holdout_fraction > 0:
        rest, _ = train_test_split(rest, test_size=holdout_fraction, stratify=table[LABEL], random_state=seed)
        rest.sort()
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (_, judged) in enumerate(splitter.split(rest, table.loc[rest, LABEL])):
        table.loc[rest[judged], "fold"] = str(number)
    turns = {case: str(number % folds) for number, case in enumerate(sorted(last))}
    late = labels[labels[ID].isin(turns) & ~labels[ID].isin(list(leave_out))]
    if late.empty:
        return table
    return pd.concat([table, late.assign(fold=late[ID].map(turns))]).sort_values(ID, ignore_index=True)


def read_folds(path: Path) -> pd.DataFrame:
    """Read a table of folds, checked: ids once each, labels 0 or 1, fold a number from 0 up or `holdout`."""
    task = read_task(Path(path).parent)
    table = read_table(path, (ID, LABEL, "fold"), task)
    table[LABEL] = read_labels(path, task)[LABEL]
    bad = ~(table["fold"].str.fullmatch("[0-9]+") | (table["fold"] == HOLDOUT))
    if bad.any():
        row = int(bad.to_numpy().nonzero()[0][0])
        raise UserError(path, f"row {row + 2}: fold is {table['fold'].iloc[row]!r}",
                        "write a number from 0 up, or holdout")
    return table[[ID, LABEL, "fold"]]


def fold_names(folds: pd.DataFrame) -> list[str]:
    """The folds that train a model, in order; the holdout is not one of them."""
    return sorted(set(folds["fold"]) - {HOLDOUT, TEST}, key=int)


def _check_sizes(table: pd.DataFrame, folds: int, holdout_fraction: float) -> None:
    kept = table[LABEL].value_counts()
    for label in (0, 1):
        count = int(kept.get(label, 0) * (1 - holdout_fraction))
        if count < folds:
            raise UserError("train_labels.csv", f"only {count} cases with label {label} are left for {folds} folds",
                            "add labelled cases or use fewer folds")
