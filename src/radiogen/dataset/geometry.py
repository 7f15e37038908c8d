"""The geometry of a data set's series: which plane, how many slices, rows and columns, how far apart. No voxel.

In: a CSV with one row a series, as a run or a cache keeps it, or as the competition's training set was measured by
others. Out: one form of both. A case stands in it once for every sequence and split; a cell may be empty.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.labels import check_ids, read_cells, shown
from radiogen.task import ID, Task, read_task

SIZES = ("slices", "rows", "columns", "slice_spacing_mm", "row_mm", "column_mm")
COLUMNS = (ID, "split", "sequence", "plane", *SIZES)
OTHER_NAMES = {"series": "sequence", "pixel_spacing_row_mm": "row_mm", "pixel_spacing_col_mm": "column_mm"}
UNKNOWN = "unknown"
"""Stands for the plane of a series that is missing or whose plane nobody knows."""


def read_geometry(path: Path, task: Task | None = None) -> pd.DataFrame:
    """Read a table of geometry, checked; task: that of the `dataset.json` beside it, unless another is given.

    Returns `COLUMNS`: `ID` as text, `split` train or test (train where the column is missing),
    `plane` as text or missing, `SIZES` as floats, NaN where a cell is empty. Columns called as in `OTHER_NAMES` are
    taken for ours. Raises UserError with the row for a malformed id, a doubled series or a size that is no number.
    """
    path = Path(path)
    task = task or read_task(path.parent)
    table = _table(path, task)
    check_series(path, table, task)
    for name in SIZES:
        table[name] = _sizes(path, table[name], name)
    return table.assign(plane=table["plane"].replace("", None))[list(COLUMNS)]


def check_series(path: Path, table: pd.DataFrame, task: Task) -> None:
    """Raise UserError with the row for a malformed id, or a series that stands twice in a table of series."""
    check_ids(path, table[ID], task)
    doubled = table.duplicated([ID, "split", "sequence"]).to_numpy().nonzero()[0]
    if len(doubled):
        case, split, sequence = table.loc[doubled[0], [ID, "split", "sequence"]]
        raise UserError(path, f"row {doubled[0] + 2}: {sequence} of {split} case {case} stands twice",
                        "keep one row a series")


def planes_together(geometry: pd.DataFrame, cases: pd.Series, sequences: Sequence[str] | None = None) -> np.ndarray:
    """The planes of each training case's series as one text (`axial/coronal`), str (cases,); UNKNOWN where missing.

    sequences: whose planes, in this order; None: of all that the geometry has, by name.
    """
    rows = geometry[(geometry["split"] == "train") & geometry[ID].isin(cases)]
    wide = rows.assign(plane=rows["plane"].fillna(UNKNOWN)).pivot(index=ID, columns="sequence", values="plane")
    wide = wide.reindex(index=cases, columns=wide.columns if sequences is None else list(sequences))
    return wide.fillna(UNKNOWN).agg("/".join, axis=1).to_numpy(str)


def _table(path: Path, task: Task) -> pd.DataFrame:
    columns = [task.column(name) for name in COLUMNS]
    table = task.from_file(read_cells(path, columns))
    table = table.rename(columns={old: new for old, new in OTHER_NAMES.items() if new not in table})
    table = table if "split" in table else table.assign(split="train")
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise UserError(path, f"row 1: has no column {' or '.join(map(task.column, missing))}",
                        f"save it with the heading {','.join(columns)}")
    return table


def _sizes(path: Path, column: pd.Series, name: str) -> pd.Series:
    values = pd.to_numeric(column.replace("", None), errors="coerce").astype(float)
    bad = ((values.isna() & (column != "")) | (values < 0) | np.isinf(values)).to_numpy().nonzero()[0]
    if len(bad):
        raise UserError(path, f"row {bad[0] + 2}: {name} is {shown(column.iloc[bad[0]])}",
                        "write a number from 0 up or leave the cell empty")
    return values
