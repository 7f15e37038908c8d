"""Labels as other people write them: two values in any words, in a table of their own or beside the predictions.

In: cells of text, or a table with ids. Out: 0 and 1, what both are called, and which cells are neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import listing, parameter
from radiogen.dataset.labels import read_cells, shown
from radiogen.evaluation.others.columns import LABELS, Naming, find_column, find_id, required, safe_id
from radiogen.task import FILE, ID, LABEL, read_task

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "not available", "unknown", "missing", "?", "-", "."})
"""Cells that say nothing, whatever their case."""
_POSITIVE = frozenset({"positive", "pos", "yes", "true", "mutant", "mutated", "malignant", "present",
                       "responder", "event"})
_NEGATIVE = frozenset({"negative", "neg", "no", "false", "wildtype", "wild-type", "wt", "benign",
                       "absent", "control"})
_NUMBERS = (("1", "0"), ("1", "-1"))
"""Positive and negative."""
_DENIALS = ("un", "non", "non-", "not ", "no ")


@dataclass(frozen=True)
class Labels:
    """label: 0 and 1, by id. classes: what both are called. without: how many cases have which other cell.

    column: the name of the column of labels.
    """

    label: Mapping[str, int]
    classes: tuple[str, str]
    without: Mapping[str, int]
    column: str


def read_label_table(path: Path, naming: Naming) -> Labels:
    """Labels from a table of ids and labels; other columns do not matter.

    Where the table lies beside a `dataset.json`, its columns and the names of the classes are taken from there.
    Raises UserError where a column is not recognised, an id stands twice or the labels are no two values.
    """
    path = Path(path)
    cells = read_cells(path, (ID, LABEL))
    heading = list(cells.columns)
    task = read_task(path.parent)
    described = (path.parent / FILE).is_file() or {task.id_column, task.label_column} <= set(heading)
    own = (task.id_column, task.label_column) if described else (None, None)
    by_option = find_id(heading, naming.id_column) if naming.id_column else None
    name = required(path, heading, by_option or find_column(heading, (), own[0]) or find_id(heading),
                    "the cases' ids", "id_column", None)
    others = [one for one in heading if one and one != name]
    column = find_column(heading, (() if naming.label_column else (own[1] or "", *LABELS)), naming.label_column)
    if column is None and naming.label_column is None and len(others) == 1:
        column = others[0]
    column = required(path, heading, column, "the labels", "label_column", naming.label_column)
    check_ids_once(path, cells[name], name)
    values, classes = two_classes(path, cells[column], column, naming)
    if described and column == task.label_column and set(classes) <= {"0", "1", "class 0", "class 1"}:
        classes = task.classes
    known = values.notna()
    without = {cell or "(empty)": int(count) for cell, count in cells.loc[~known, column].value_counts().items()}
    return Labels({case: int(value) for case, value in zip(cells.loc[known, name], values[known], strict=True)},
                  classes, without, column)


def two_classes(path: Path, cells: pd.Series, column: str, naming: Naming) -> tuple[pd.Series, tuple[str, str]]:
    """Cells as 0, 1 or missing (Int64, the same index), and what 0 and 1 are called.

    An empty cell, `NA` and the like are missing. With `naming.positive` and `naming.negative` every other cell is.
    Raises UserError, with the row, where there are not two values, or nobody said which is the positive one.
    """
    keys = cells.map(_key)
    asked = {_key(name): number for number, name in enumerate((naming.negative, naming.positive)) if name is not None}
    absent = next((name for name in (naming.positive, naming.negative) if name is not None
                   and _key(name) not in set(keys)), None)
    if absent is not None:
        raise UserError(path, f"no {column} is {absent!r}",
                        f"name a value that is there: {listing([shown(cell) for cell in cells.unique()[:5]])}")
    if len(asked) == 2:
        found = keys.map(asked).astype("Int64")
    else:
        found = keys.map(_numbered(path, cells, keys.where(~keys.isin(MISSING)), column, asked)).astype("Int64")
    if found.dropna().nunique() < 2:
        raise UserError(path, f"{column} has one class alone", "give cases of both classes")
    names = [str(cells[found == number].iloc[0]) for number in (0, 1)]
    numeric = all(_key(name) in ("0", "1", "-1") for name in names)
    return found, (("class 0", "class 1") if numeric else (names[0], names[1]))


def check_ids_once(path: Path, ids: pd.Series, column: str) -> None:
    """Raise UserError for an empty id, or one that stands in two rows."""
    empty = ids.index[ids == ""]
    if len(empty):
        raise UserError(path, f"row {empty[0] + 2}: {column} is empty", "give each row the case's id")
    doubled = ids[ids.map(safe_id).duplicated(keep=False)]
    if len(doubled):
        rows = [str(row + 2) for row in doubled.index[doubled.map(safe_id) == safe_id(doubled.iloc[0])]]
        raise UserError(path, f"rows {', '.join(rows)}: {column} {shown(doubled.iloc[0])} stands more than once",
                        "keep one row a case: of several predictions of a case take the mean first")


def _numbered(path: Path, cells: pd.Series, keys: pd.Series, column: str, asked: Mapping[str, int]) -> dict[str, int]:
    """0 and 1 of the two values that there are."""
    values = list(keys.dropna().unique())
    both = f"{parameter('positive')} VALUE {parameter('negative')} VALUE"
    if len(values) > 2:
        row = int(keys.index[keys == values[2]][0])
        raise UserError(path, f"row {row + 2}: {column} is {shown(cells[row])}, a third value beside "
                        f"{shown(cells[keys == values[0]].iloc[0])} and {shown(cells[keys == values[1]].iloc[0])}",
                        f"empty that cell, or say which two count: {both}")
    if len(values) < 2:
        return dict.fromkeys(values, 0)
    first, second = values
    for name, number in asked.items():
        return {name: number, (second if name == first else first): 1 - number}
    for positive, negative in ((first, second), (second, first)):
        known = (positive in _POSITIVE or negative in _NEGATIVE) and not (
            positive in _NEGATIVE or negative in _POSITIVE)
        if known or (positive, negative) in _NUMBERS or any(negative == denial + positive for denial in _DENIALS):
            return {positive: 1, negative: 0}
    raise UserError(path, f"{column} is {shown(cells[keys == first].iloc[0])} or "
                    f"{shown(cells[keys == second].iloc[0])}, and nothing says which is the positive class",
                    f"name it: {parameter('positive')} VALUE")


def _key(cell: str) -> str:
    """A cell as it is compared: a number in one spelling, text without regard to case."""
    text = str(cell).strip().casefold()
    try:
        return "" if text == "nan" else f"{float(text):g}"
    except ValueError:
        return text
