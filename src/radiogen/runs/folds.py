"""Who trains and who judges: a stratified holdout, then stratified folds on the rest, by patient or by site.

In: a label table, and which cases belong together. Out: a table `ID, LABEL, fold` with fold 0..4 or `holdout`. The
split is the report's (8:2 holdout, StratifiedKFold of 5, shuffled, seed 42) and depends on nothing but the labels, the
seed and the groups, so that runs of different recipes on one data set can be compared and joined case by case.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels, read_table
from radiogen.dataset.layout import PATIENTS_TABLE
from radiogen.task import ID, LABEL, read_task

HOLDOUT, TEST = "holdout", "test"
UNKNOWN_SITE = "unknown"


@dataclass(frozen=True)
class Groups:
    """Which cases a split keeps together.

    patients: the patient of a case, where a data set's table says it; where one has several cases, folds are those of
    StratifiedGroupKFold. followers: a few cases known to be of the same patient as another; the split is made without
    regard to them, then each goes where the first of its group is. sites: of each case; folds are sites then, None:
    they are not.
    """

    patients: Mapping[str, str] = field(default_factory=dict)
    followers: tuple[tuple[str, ...], ...] = ()
    sites: Mapping[str, str] | None = None


def make_folds(labels: pd.DataFrame, *, folds: int = 5, holdout_fraction: float = 0.2, seed: int = 42,
               leave_out: Collection[str] = (), last: Collection[str] = (), groups: Groups | None = None
               ) -> pd.DataFrame:
    """Assign every case of `labels` but those in `leave_out` to `holdout` or to one of `folds` folds (as text).

    Rows are sorted by id first, so the order of the label file does not matter. `last` are cases that some runs leave
    out: they go to the folds in turn when all others have theirs, which therefore are the same with and without them.
    groups: cases that lie on one side of every split; where no patient has several, the folds are those without.
    Raises UserError where a class has too few cases for that many folds, or there are fewer sites than folds, or the
    seed is below 0.
    """
    if not 0 <= seed < 2 ** 32:
        raise UserError(f"seed {seed}", "is none that a split can have", "give a number from 0 to 4294967295")
    groups = groups or Groups()
    table = labels[~labels[ID].isin([*leave_out, *last])].sort_values(ID, ignore_index=True)
    _check_sizes(table, folds, holdout_fraction)
    patients = table[ID].map(lambda case: groups.patients.get(case, case)).to_numpy(str)
    table["fold"] = HOLDOUT
    rest = _not_held_out(table, patients, holdout_fraction, seed)
    table.loc[rest, "fold"] = (_patient_folds(table.loc[rest], patients[rest], folds, seed) if groups.sites is None
                               else _site_folds(table.loc[rest], patients[rest], groups.sites, folds))
    turns = {case: str(number % folds) for number, case in enumerate(sorted(last))}
    late = labels[labels[ID].isin(turns) & ~labels[ID].isin(list(leave_out))]
    late = late.assign(fold=late[ID].map(turns))
    return _beside_their_patient(pd.concat([table, late]).sort_values(ID, ignore_index=True) if len(late) else table,
                                 groups)


def site_of_folds(folds: pd.DataFrame, sites: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """By fold its sites, each with its number of cases, the largest first."""
    named = folds[ID].map(lambda case: sites.get(case) or UNKNOWN_SITE)
    return {fold: {str(site): int(count) for site, count in named[folds["fold"] == fold].value_counts().items()}
            for fold in fold_names(folds)}


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


def _not_held_out(table: pd.DataFrame, patients: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """The rows that are not of the holdout, in order: a stratified share of the patients, each with all cases."""
    from sklearn.model_selection import train_test_split

    if fraction == 0:
        return np.arange(len(table))
    first = np.flatnonzero(~pd.Series(patients).duplicated())
    kept, _ = train_test_split(first, test_size=fraction, stratify=table.loc[first, LABEL], random_state=seed)
    return np.flatnonzero(np.isin(patients, patients[kept]))


def _patient_folds(rest: pd.DataFrame, patients: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, str (rows,)."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    repeated = pd.Series(patients).duplicated().any()
    splitter = (StratifiedGroupKFold if repeated else StratifiedKFold)(folds, shuffle=True, random_state=seed)
    found = np.empty(len(rest), dtype=object)
    for number, (_, judged) in enumerate(splitter.split(rest, rest[LABEL], patients if repeated else None)):
        found[judged] = str(number)
    return found


def _site_folds(rest: pd.DataFrame, patients: np.ndarray, sites: Mapping[str, str], folds: int) -> np.ndarray:
    """The fold of each row, str (rows,): the largest sites have one each, all others share the last.

    A patient seen at several sites belongs to that of the first case. Raises UserError where there are fewer sites than
    folds, or training without a fold would have one class alone.
    """
    home: dict[str, str] = {}
    for case, patient in zip(rest[ID], patients, strict=True):
        home.setdefault(patient, sites.get(case) or UNKNOWN_SITE)
    site = pd.Series([home[patient] for patient in patients])
    counts = site.value_counts()
    order = sorted(counts.index, key=lambda name: (name == UNKNOWN_SITE, -counts[name], name))
    if len(order) < folds:
        raise UserError(PATIENTS_TABLE, f"names {len(order)} sites for {folds} folds by site ({', '.join(order)})",
                        f"use {len(order)} folds" if len(order) > 1 else "use folds by patient")
    fold = {name: str(min(number, folds - 1)) for number, name in enumerate(order)}
    found = site.map(fold).to_numpy(object)
    for name in sorted(set(found)):
        if rest[LABEL].to_numpy()[found != name].min() == rest[LABEL].to_numpy()[found != name].max():
            raise UserError(PATIENTS_TABLE, f"without the sites of fold {name} one class alone is left for training",
                            "use folds by patient")
    return found


def _beside_their_patient(table: pd.DataFrame, groups: Groups) -> pd.DataFrame:
    """Each follower where the first case of its group is, and each late case where its patient is."""
    fold = dict(zip(table[ID], table["fold"], strict=True))
    for group in groups.followers:
        there = [case for case in group if case in fold]
        fold |= dict.fromkeys(there, fold[there[0]] if there else HOLDOUT)
    place: dict[str, str] = {}
    for case in table[ID]:
        patient = groups.patients.get(case, case)
        place.setdefault(patient, fold[case])
        fold[case] = place[patient]
    return table.assign(fold=table[ID].map(fold))


def _check_sizes(table: pd.DataFrame, folds: int, holdout_fraction: float) -> None:
    kept = table[LABEL].value_counts()
    for label in (0, 1):
        count = int(kept.get(label, 0) * (1 - holdout_fraction))
        if count < folds:
            raise UserError("train_labels.csv", f"only {count} cases with label {label} are left for {folds} folds",
                            "add labelled cases or use fewer folds")
