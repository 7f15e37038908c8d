"""A table of predictions from any program, as this package's own table of predictions.

In: a CSV with ids, labels (or a table of them beside it), probabilities or scores, perhaps folds or splits. Out: an
`OtherPredictions`. Without folds, and for rows of a test set, the cases are one holdout. Rows of a training set are
left out: a model's own training cases say nothing of it. What is wrong is one line with file, row and remedy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import listing, parameter
from radiogen.dataset.labels import read_cells, shown
from radiogen.evaluation.others.columns import (
    FOLDS,
    LABELS,
    PROBABILITIES,
    SPLITS,
    Naming,
    find_column,
    find_id,
    folded,
    required,
    safe_id,
)
from radiogen.evaluation.others.labels import MISSING, Labels, check_ids_once, two_classes
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.predictions import complete
from radiogen.task import ID, LABEL

_HELD_OUT = ("test", "testing", "holdout", "heldout", "external", "externaltest")
_VALIDATION = ("val", "valid", "validation", "dev", "tune", "tuning")
_TRAINING = ("train", "training")


@dataclass(frozen=True)
class OtherPredictions:
    """Predictions that another program made.

    file: where they were read; sha256: of it. table: `ID, fold, LABEL, probability, predicted`, fold a number or
    holdout. classes: what labels 0 and 1 are called. columns: what was read from which column. folds: whether the table
    has any; left_out: rows that are not judged, by why; scores: how probabilities came about; validation: whether the
    cases are a validation set's; calls: whether no probability but 0 and 1 is there.
    """

    file: Path
    sha256: str
    table: pd.DataFrame
    classes: tuple[str, str]
    columns: Mapping[str, str]
    folds: bool
    left_out: Mapping[str, int]
    scores: str
    validation: bool
    calls: bool


def read_other_predictions(path: Path, naming: Naming, labels: Labels | None = None) -> OtherPredictions:
    """Read a table of predictions; labels: from a table of their own, where the predictions have none.

    Raises UserError, with row and remedy, for a column that is not recognised, an id that stands twice, a label that is
    missing or a third value, a probability that is no number from 0 to 1, rows of several test sets.
    """
    path = Path(path)
    cells = read_cells(path, ("case", "fold", "label", "probability"))
    heading = list(cells.columns)
    columns = _columns(path, heading, naming, labels)
    rows, fold, facts = _judged_rows(path, cells, heading, columns, naming)
    chosen = cells.loc[rows]
    check_ids_once(path, chosen[columns["case"]], columns["case"])
    label, classes, without = _labels(path, chosen, columns, naming, labels)
    facts["left_out"] |= {f"{columns.get('label', 'label')} is {cell}": count for cell, count in without.items()}
    chosen, fold = chosen.loc[label.index], fold.loc[label.index]
    probability = _probabilities(path, chosen[columns["probability"]], columns["probability"], naming.scores)
    table = complete(pd.DataFrame({ID: chosen[columns["case"]].map(safe_id), "fold": fold, LABEL: label.astype("Int64"),
                                   "probability": probability}))
    return OtherPredictions(path, files.sha256(path), table, classes, columns, bool((fold != HOLDOUT).any()),
                            facts["left_out"], naming.scores, facts["validation"],
                            bool(np.isin(probability, (0.0, 1.0)).all()))


def check_same_labels(tables: list[OtherPredictions]) -> None:
    """Raise UserError where two tables contradict each other about the label of a case."""
    first, *others = tables
    known = dict(zip(first.table[ID], first.table[LABEL], strict=True))
    for other in others:
        for case, label in zip(other.table[ID], other.table[LABEL], strict=True):
            if known.setdefault(case, label) != label:
                raise UserError(other.file, f"{case} is {other.classes[label]}, and in {first.file} "
                                f"{first.classes[known[case]]}", "correct one of them")


def _columns(path: Path, heading: list[str], naming: Naming, labels: Labels | None) -> dict[str, str]:
    """Which column is which: `case, probability`, and where there are any `fold, split, label`."""
    fold = find_column(heading, FOLDS, naming.fold_column)
    if naming.fold_column is not None:
        fold = required(path, heading, fold, "folds", "fold_column", naming.fold_column)
    split = find_column(heading, SPLITS) if naming.fold_column is None else None
    label = None if labels is not None else required(
        path, heading, find_column(heading, LABELS, naming.label_column), "the labels",
        "label_column", naming.label_column)
    case = required(path, heading, find_id(heading, naming.id_column, (fold, split, label)), "the cases' ids",
                    "id_column", naming.id_column)
    taken = {case, fold, split, label}
    probability = find_column([name for name in heading if name not in taken], PROBABILITIES,
                              naming.probability_column)
    rest = [name for name in heading if name and name not in taken]
    if probability is None and naming.probability_column is None:
        if labels is not None and labels.column in rest:  # a submission: the label's column holds the probability
            probability = labels.column
        elif len(rest) == 1:
            probability = rest[0]
    found = {"case": case, "fold": fold, "split": split, "label": label, "probability": required(
        path, heading, probability, "the probability", "probability_column", naming.probability_column)}
    return {what: name for what, name in found.items() if name is not None}


def _judged_rows(path: Path, cells: pd.DataFrame, heading: list[str], columns: Mapping[str, str], naming: Naming
                 ) -> tuple[pd.Index, pd.Series, dict]:
    """The rows that are judged, the fold of each, and `left_out` and `validation`."""
    facts: dict = {"left_out": {}, "validation": False}
    if cells.empty:
        raise UserError(path, "has a heading and no row", "add a row a case")
    fold = cells[columns["fold"]] if "fold" in columns else pd.Series("", index=cells.index)
    split = cells[columns["split"]] if "split" in columns else pd.Series("", index=cells.index)
    if naming.split is not None:
        asked = folded(naming.split)
        chosen = (split.map(folded) == asked) | (fold.map(folded) == asked)
        if not chosen.any():
            there = sorted({*split, *fold} - {""})
            raise UserError(path, f"has no row of {parameter('split', naming.split)}",
                            f"name one that is there: {listing(there) or 'the table has no folds and no splits'}")
        facts["left_out"] = {"another split or fold": int((~chosen).sum())} if (~chosen).any() else {}
        cells, fold, split = cells[chosen], fold[chosen], split[chosen]
    kinds = [_kind(one) if one and _kind(one) != "fold" else _kind(other)
             for one, other in zip(split, fold.where(fold != "", split), strict=True)]
    kind = pd.Series(kinds, index=cells.index)
    names = pd.Series([other if other else one for one, other in zip(split, fold, strict=True)], index=cells.index)
    if (kind == "train").all():
        raise UserError(path, "every row is of a training set, which says nothing of the model",
                        "give predictions of cases that did not train it")
    if (kind == "train").any():
        facts["left_out"]["rows of the training set"] = int((kind == "train").sum())
    if (kind == "validation").any() and kind.isin(["held out"]).any():
        facts["left_out"]["rows of the validation set"] = int((kind == "validation").sum())
        kind = kind.mask(kind == "validation", "train")
    facts["validation"] = bool((kind == "validation").any())
    kind = kind.mask(kind == "validation", "held out")
    _one_test_set(path, split.where(split != "", fold)[kind == "held out"])
    rows = kind.index[kind != "train"]
    return rows, _fold_names(path, names[rows], kind[rows]), facts


def _kind(name: str) -> str:
    word = folded(name)
    return ("train" if word in _TRAINING else "validation" if word in _VALIDATION else
            "held out" if word in _HELD_OUT or not word else "fold")


def _one_test_set(path: Path, names: pd.Series) -> None:
    different = sorted({name for name in names if name})
    if len(different) > 1:
        raise UserError(path, f"has rows of {listing(different)}, which are no one set",
                        f"judge each by itself: {parameter('split')} {different[0]}")


def _fold_names(path: Path, names: pd.Series, kind: pd.Series) -> pd.Series:
    """Folds as numbers from 0 up; one fold alone, and what is of no fold, is the holdout."""
    inside = names[kind == "fold"]
    numbers = inside.str.extract(r"([0-9]+)(?:\.0*)?$", expand=False)
    if numbers.notna().all() and numbers.nunique() == inside.nunique():
        known = {name: str(int(number)) for name, number in zip(inside, numbers, strict=True)}
    else:
        known = {name: str(number) for number, name in enumerate(sorted(inside.unique()))}
    if len(known) == 1 and len(inside) == len(names):
        return pd.Series(HOLDOUT, index=names.index)
    if len(known) > 50:
        raise UserError(path, f"has {len(known)} different folds", f"name the right column: {parameter('fold_column')}")
    return names.map(known).where(kind == "fold", HOLDOUT)


def _labels(path: Path, cells: pd.DataFrame, columns: Mapping[str, str], naming: Naming, labels: Labels | None
            ) -> tuple[pd.Series, tuple[str, str], dict[str, int]]:
    """0 or 1 of each judged row, what they are called, and how many rows are left out for which cell."""
    case = cells[columns["case"]]
    if labels is None:
        column = columns["label"]
        found, classes = two_classes(path, cells[column], column, naming)
        if naming.positive is None or naming.negative is None:
            _refuse_unlabelled(path, case[found.isna()], cells[column][found.isna()], column)
        left_out = {cell or "empty": int(count) for cell, count in cells.loc[found.isna(), column].value_counts()
                    .items()}
        return found.dropna().astype(int), classes, left_out
    found = case.map(labels.label)
    if found.isna().all():
        raise UserError(path, f"row {case.index[0] + 2}: {columns['case']} {shown(case.iloc[0])}, and no other, is in "
                        "the table of labels",
                        f"write ids alike in both; there they are as {listing(list(labels.label), 2)}")
    if naming.positive is None or naming.negative is None:
        missing = case[found.isna()]
        _refuse_unlabelled(path, missing, pd.Series("", index=missing.index), labels.column)
    left_out = {"not in the table of labels": int(found.isna().sum())} if found.isna().any() else {}
    return found.dropna().astype(int), labels.classes, left_out


def _refuse_unlabelled(path: Path, cases: pd.Series, cells: pd.Series, column: str) -> None:
    if len(cases):
        more = f" ({len(cases)} such cases)" if len(cases) > 1 else ""
        what = f"is {shown(cells.iloc[0])}" if cells.iloc[0] else "is missing"
        raise UserError(path, f"row {cases.index[0] + 2}: {column} of {shown(cases.iloc[0])} {what}{more}",
                        f"add the label, take the row out, or leave such cases out by naming both classes: "
                        f"{parameter('positive')} VALUE {parameter('negative')} VALUE")


def _probabilities(path: Path, cells: pd.Series, column: str, scores: str) -> pd.Series:
    """The cells as probabilities, float in [0, 1], the same index."""
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    bad = ~np.isfinite(values)
    if bad.any():
        row = cells.index[bad][0]
        what = "is empty" if cells[row].casefold() in MISSING else f"is {shown(cells[row])}"
        raise UserError(path, f"row {row + 2}: {column} {what}", "write a number, or take the row out")
    if scores == "any":
        return (values.rank() - 0.5) / len(values)
    if scores == "logits":
        found = 1 / (1 + np.exp(-values.clip(-700, 700)))
        if found.nunique() < values.nunique():
            row = values.abs().idxmax()
            raise UserError(path, f"row {row + 2}: {column} is {cells[row]}, which is no logit: different scores would "
                            "become one probability", f"judge their order alone: {parameter('scores', 'any')}")
        return found
    outside = (values < 0) | (values > 1)
    if outside.any():
        row = cells.index[outside][0]
        raise UserError(path, f"row {row + 2}: {column} is {cells[row]}, and a probability lies from 0 to 1",
                        f"correct it; for logits {parameter('scores', 'logits')}, for scores on another scale "
                        f"{parameter('scores', 'any')}")
    return values
