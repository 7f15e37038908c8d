"""What a data set's series say of their scanners: vendor, model, software, field, times, raw air outside the head.

In: `scanner.csv`, a row a series, as a cache or a run keeps it beside the geometry. Out: the same, checked. What a
network can know of the scanner without looking at the head is in here.
"""

from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.geometry import check_series
from radiogen.dataset.labels import read_cells, shown
from radiogen.dataset.layout import SCANNER_TABLE
from radiogen.task import ID, read_task

TEXTS = ("manufacturer", "model", "software")
HEADER_NUMBERS = ("field_strength_t", "repetition_ms", "echo_ms", "inversion_ms", "flip_angle_degrees")
AIR = ("air_mean", "air_deviation", "air_q90", "air_q99", "air_zeros", "signal")
"""Stored values of the corners of one slice: mean, deviation, quantiles, share of zeros; the slice's 99 % quantile."""
NUMBERS = (*HEADER_NUMBERS, *AIR)
COLUMNS = (ID, "split", "sequence", *TEXTS, *NUMBERS)


def read_scanner(folder: Path) -> pd.DataFrame | None:
    """The table `scanner.csv` of a cache or a run: `COLUMNS`, texts as text, numbers NaN where empty; None: no table.

    Raises UserError with the row for a malformed id, a doubled series or a value that is no number.
    """
    path = Path(folder) / SCANNER_TABLE
    if not path.is_file():
        return None
    task = read_task(folder)
    table = task.from_file(read_cells(path, [task.column(name) for name in COLUMNS]))
    missing = [name for name in (ID, "split", "sequence") if name not in table]
    if missing:
        raise UserError(path, f"row 1: has no column {' or '.join(map(task.column, missing))}",
                        "make it again: preprocess writes it")
    check_series(path, table, task)
    for name in TEXTS:
        table[name] = table.get(name, "")
    for name in NUMBERS:
        cells = table[name] if name in table else pd.Series("", index=table.index)
        values = pd.to_numeric(cells.replace("", None), errors="coerce").astype(float)
        bad = (values.isna() & (cells != "")).to_numpy().nonzero()[0]
        if len(bad):
            raise UserError(path, f"row {bad[0] + 2}: {name} is {shown(cells.iloc[bad[0]])}",
                            "write a number or leave the cell empty")
        table[name] = values
    return table[list(COLUMNS)]
