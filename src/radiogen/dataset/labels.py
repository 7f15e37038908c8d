"""Tables with ids: labels, sample submissions and predictions are read here, so that `00000` never becomes `0`.

In: a CSV. Out: a table whose ids (`task.ID`) are text, each once, checked column by column. Whatever is wrong with a
table is said in one line that names file, row and remedy; rows count from 1, the heading is row 1. The columns of a
file are the task's own: that of the `dataset.json` beside the file, unless another is given.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.source import read_source
from radiogen.task import FILE, ID, LABEL, Task, read_task


def read_labels(path: Path, task: Task | None = None) -> pd.DataFrame:
    """Read a label table: `ID` (text), `LABEL` (int, 1 for the positive class).

    Raises UserError for a missing file, column or row, a doubled or malformed id, or a label that is not 0 or 1.
    """
    task = task or read_task(Path(path).parent)
    table = read_table(path, (ID, LABEL), task)
    table[LABEL] = _labels(path, table[LABEL], task)
    return table[[ID, LABEL]]


def data_labels(data: Path) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """The labels of a data set's cases, as `read_labels` returns them, and by cell the cases that have no label.

    Where `dataset.json` has `label_values`, cells are looked up there, and cases with any other cell (an empty one,
    `indeterminate`) have no label; numbers agree however they are written (`1` and `1.0`).
    Raises UserError as `read_labels`, and where no case has a label.
    """
    source, task = read_source(data), read_task(data)
    if not source.label_values:
        return read_labels(source.labels, task), {}
    table = read_table(source.labels, (ID, LABEL), task)
    classes = {_cell(text): label for text, label in source.label_values.items()}
    labels = table[LABEL].map(lambda cell: classes.get(_cell(cell)))
    without = {str(cell): rows[ID].tolist() for cell, rows in table[labels.isna()].groupby(LABEL)}
    if labels.isna().all():
        raise UserError(source.labels, f"no {task.label_column} is one of {', '.join(source.label_values)}",
                        f"correct label_values in {Path(data) / FILE}")
    table[LABEL] = labels
    return table.loc[labels.notna(), [ID, LABEL]].astype({LABEL: int}).reset_index(drop=True), without


def read_sample_submission(path: Path, task: Task | None = None) -> pd.DataFrame:
    """Read the sample submission: `ID` in the order that the competition wants, `LABEL` as float."""
    task = task or read_task(Path(path).parent)
    table = read_table(path, (ID, LABEL), task)
    table[LABEL] = numbers(path, table[LABEL], task.label_column, low=0, high=1)
    return table[[ID, LABEL]]


def read_table(path: Path, columns: Sequence[str], task: Task | None = None) -> pd.DataFrame:
    """Read a CSV with at least these `columns` as text, `ID` among them and checked. Empty cells are ''."""
    path = Path(path)
    task = task or read_task(path.parent)
    columns = [task.column(name) for name in columns]
    table = read_cells(path, columns)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(path, f"row 1: has no column {' or '.join(missing)} (it has: {shown(','.join(table.columns))})",
                        f"save it as comma-separated text with the heading {','.join(columns)}")
    if table.empty:
        raise UserError(path, "has a heading and no row", "add a row a case")
    table = task.from_file(table)
    check_ids(path, table[ID], task)
    doubled = table.loc[table[ID].duplicated(), ID]
    if len(doubled):
        rows = ", ".join(str(row + 2) for row in np.flatnonzero(table[ID] == doubled.iloc[0]))
        raise UserError(path, f"rows {rows}: {task.id_column} {doubled.iloc[0]} stands more than once",
                        "keep one row a case")
    return table


def read_cells(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Every cell of a CSV as text without the spaces around it; `columns` are named where the file is empty.

    A byte order mark, any kind of line end and empty lines at the end are a spreadsheet's. Raises UserError for a file
    that is no CSV, a name that stands twice in the heading, and a row with too few or too many cells: pandas would
    take the first of the two, or the wrong one.
    """
    rows: list[list[str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file, strict=True):
                rows.append([cell.strip() for cell in row])
    except FileNotFoundError:
        raise UserError(path, "is missing", "put the table there or name another file") from None
    except csv.Error as error:
        raise UserError(path, f"row {len(rows) + 1}: cannot be read ({error})",
                        "close its quotes, or save the table as comma-separated text in UTF-8") from error
    except OSError as error:
        raise UserError(path, f"cannot be read ({error.strerror})", "make it readable, or name another file") from error
    except UnicodeDecodeError as error:
        raise UserError(path, f"cannot be read as a CSV ({str(error).strip()})",
                        "save it as comma-separated text in UTF-8") from error
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        raise UserError(path, "is empty", f"it needs the columns {','.join(columns)} and a row a case")
    doubled = next((name for name in rows[0] if name and rows[0].count(name) > 1), None)
    if doubled is not None:
        raise UserError(path, f"row 1: {shown(doubled)} stands more than once", "keep one column of that name")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise UserError(path, f"row {number}: has {len(row)} cell{'s' * (len(row) != 1)}, the heading has "
                            f"{len(rows[0])}", "give each row a cell a column, divided by commas; take empty rows out")
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=str)


def shown(text: str) -> str:
    """A cell as an error shows it: quoted, of at most 60 characters."""
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}..."


def numbers(path: Path, cells: pd.Series, column: str, low: float, high: float) -> pd.Series:
    """Cells as finite floats within [low, high]; UserError with the first row of `column` for which that fails."""
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    bad = ~np.isfinite(values) | (values < low) | (values > high)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(path, f"row {row + 2}: {column} is {shown(cells.iloc[row])}",
                        f"write a number from {low:g} to {high:g}")
    return values


def check_ids(path: Path, ids: pd.Series, task: Task) -> None:
    """Raise UserError, with the first row, for an id that is none of the task's."""
    for row, value in enumerate(ids, start=2):
        if not task.is_id(value):
            raise UserError(path, f"row {row}: {task.id_column} is {shown(value)}, which is no case id",
                            task.id_fault(value))


def _cell(text: str) -> str:
    """A cell as it is looked up: a number in one spelling, other text without regard to case."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.strip().casefold()


def _labels(path: Path, column: pd.Series, task: Task) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    bad = ~values.isin([0, 1])
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(path, f"row {row + 2}: {task.label_column} is {shown(column.iloc[row])}, not 0 or 1",
                        f"write 1 for {task.positive} and 0 for {task.negative}, or take the row out")
    return values.astype(int)
