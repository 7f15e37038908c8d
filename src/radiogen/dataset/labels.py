"""Tables with ids: labels, sample submissions and predictions are read here, so that `00000` never becomes `0`.

In: a CSV. Out: a table whose `BraTS21ID` is text of five digits, each once, checked column by column. Whatever is wrong
with a table is told in one line that names file, row and remedy; rows count from 1, the heading is row 1.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.dataset.layout import is_case_id
from radiogen.errors import UserError

ID, LABEL = "BraTS21ID", "MGMT_value"


def read_labels(path: Path) -> pd.DataFrame:
    """Read a label table: `BraTS21ID` (text of five digits), `MGMT_value` (int, 1 = methylated).

    Raises UserError for a missing file, column or row, a doubled or malformed id, or a label that is not 0 or 1.
    """
    table = read_table(path, (ID, LABEL))
    table[LABEL] = _labels(path, table[LABEL])
    return table[[ID, LABEL]]


def read_sample_submission(path: Path) -> pd.DataFrame:
    """Read the sample submission: `BraTS21ID` in the order that the competition wants, `MGMT_value` as float."""
    table = read_table(path, (ID, LABEL))
    table[LABEL] = numbers(path, table, LABEL, low=0, high=1)
    return table[[ID, LABEL]]


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV with at least these `columns` as text, `BraTS21ID` among them and checked. Empty cells are ''."""
    path = Path(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except FileNotFoundError:
        raise UserError(path, "is missing", "put the table there or name another file") from None
    except pd.errors.EmptyDataError:
        raise UserError(path, "is empty", f"it needs the columns {','.join(columns)} and a row a case") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise UserError(path, f"cannot be read as a CSV ({str(error).strip()})",
                        "save it as comma-separated text in UTF-8") from error
    table.columns = table.columns.str.strip()
    missing = [name for name in columns if name not in table.columns]
    if missing:
        found = ",".join(table.columns)
        raise UserError(path, f"row 1: has no column {' or '.join(missing)} (it has: {found})",
                        f"save it as comma-separated text with the heading {','.join(columns)}")
    if table.empty:
        raise UserError(path, "has a heading and no row", "add a row a case")
    _check_ids(path, table[ID])
    return table


def numbers(path: Path, table: pd.DataFrame, column: str, low: float, high: float) -> pd.Series:
    """The column as finite floats within [low, high]; UserError with the first row for which that fails."""
    values = pd.to_numeric(table[column], errors="coerce").astype(float)
    bad = ~np.isfinite(values) | (values < low) | (values > high)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(path, f"row {row + 2}: {column} is {table[column].iloc[row]!r}",
                        f"write a number from {low:g} to {high:g}")
    return values


def _check_ids(path: Path, ids: pd.Series) -> None:
    for row, value in enumerate(ids, start=2):
        if not is_case_id(value):
            hint = "leading zeros were lost: write it" if value.isdigit() and len(value) < 5 else "write ids"
            raise UserError(path, f"row {row}: {ID} is {value!r}, not five digits", f"{hint} as in 00042")
    doubled = ids[ids.duplicated()]
    if len(doubled):
        rows = ", ".join(str(row + 2) for row in np.flatnonzero(ids == doubled.iloc[0]))
        raise UserError(path, f"rows {rows}: {ID} {doubled.iloc[0]} stands more than once", "keep one row a case")


def _labels(path: Path, column: pd.Series) -> pd.Series:
    values = pd.to_numeric(column, errors="coerce")
    bad = ~values.isin([0, 1])
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(path, f"row {row + 2}: {LABEL} is {column.iloc[row]!r}, not 0 or 1",
                        "write 1 for methylated and 0 for unmethylated, or take the row out")
    return values.astype(int)
