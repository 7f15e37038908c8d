"""The tumour masks of a data set before any recipe reads them: which cases have one, and what does not fit.

In: a data set. Out: a table with a row a case (`COLUMNS`), and what can be said of it in lines. Nothing is written, and
nothing stops at a bad mask: it is a row with its reason.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.memory import translate_memory_errors
from radiogen.core.parallel import map_items
from radiogen.core.wording import listing
from radiogen.dataset.layout import Split, case_ids, is_data_set, mask_path, sequences_present, series_path
from radiogen.dataset.source import MASK
from radiogen.imaging.findings import FindingCode
from radiogen.imaging.masks import read_mask
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume
from radiogen.task import ID, Task, read_task

COLUMNS = (ID, "split", "mask", "tumour_ml", "unnamed_numbers", "grid_of", "findings", "refused")
"""Of the table. `mask`: `present`, `missing` or `refused`, with the reason in `refused`. `unnamed_numbers`: those that
the task's `mask_values` do not name, which count as background. `grid_of`: the sequences whose grid the mask lies on;
it need not lie on any."""

_SAME = 0.05
"""Of a voxel, up to which the corners of two grids are the same."""

_SHOWN = 8


def inspect_masks(data: Path, *, workers: int | None = None, scheduler: str | None = None) -> pd.DataFrame:
    """The table of a data set's masks; empty where no case has one, and for a folder that is no data set."""
    data = Path(data)
    if not is_data_set(data):
        return pd.DataFrame(columns=list(COLUMNS))
    task = read_task(data)
    splits: tuple[Split, ...] = ("train", "test")
    jobs = [(data, task, split, case) for split in splits for case in case_ids(data, split)]
    if not any(_mask(job)[0] is not None for job in jobs):
        return pd.DataFrame(columns=list(COLUMNS))
    rows = map_items(_inspect, jobs, "masks", workers=workers, scheduler=scheduler)
    return pd.DataFrame(rows, columns=list(COLUMNS)).fillna({name: "" for name in COLUMNS if name != "tumour_ml"})


def summarise_masks(table: pd.DataFrame) -> list[str]:
    """What a reader of the table would count first, in lines to print; none where no case has a mask."""
    if table.empty:
        return []
    read = table[table["mask"] == "present"]
    missing, refused = table[table["mask"] == "missing"], table[table["mask"] == "refused"]
    lines = [f"masks of the tumour: {len(table) - len(missing)} of {len(table)} cases have one, "
             f"{len(read)} can be read"]
    unnamed, apart = read[read["unnamed_numbers"] != ""], read[read["grid_of"] == ""]
    numbers = sorted({number for cell in unnamed["unnamed_numbers"] for number in cell.split()}, key=int)
    lines += [f"{len(rows):7} {what}: {listing(rows[ID].tolist(), _SHOWN)}" for rows, what in (
        (missing, "without a mask"),
        (unnamed, f"with numbers that mask_values does not name, {listing(numbers)}, which count as background"),
        (apart, "on a grid that none of its series has (it is resampled)")) if len(rows)]
    return lines + [f"  {row['split']}/{row[ID]}/{MASK}: {row['refused']}" for row in refused.to_dict("records")]


def _mask(job: tuple[Path, Task, Split, str]) -> tuple[Path | None, str]:
    """Where a case's mask is, and why it is not known which one it is."""
    data, _, split, case = job
    try:
        return mask_path(data, split, case), ""
    except UserError as error:
        return data, error.problem


def _inspect(job: tuple[Path, Task, Split, str]) -> dict[str, Any]:
    data, task, split, case = job
    path, several = _mask(job)
    row = {ID: case, "split": split, "mask": "missing" if path is None else "refused", "refused": several}
    if path is None or several:
        return row
    try:
        with translate_memory_errors(path):
            mask = read_mask(path, task.mask_values)
    except UserError as error:
        return {**row, "refused": error.problem}
    numbers = [number for one in mask.findings if one.code is FindingCode.MASK_VALUES_UNNAMED
               for number in one.values["numbers"]]
    on = [name for name in sequences_present(data, split, case, task)
          if _same_grid(mask, _series(series_path(data, split, case, name)))]
    return {**row, "mask": "present", "tumour_ml": _millilitres(mask), "unnamed_numbers": " ".join(map(str, numbers)),
            "grid_of": " ".join(on), "findings": "; ".join(map(str, mask.findings))}


def _series(path: Path) -> Volume | None:
    """The series; None where it cannot be read, which the table of series says."""
    try:
        with translate_memory_errors(path):
            return read_series(path)
    except UserError:
        return None


def _millilitres(mask: Volume) -> float | None:
    if mask.affine is None:
        return None
    return round(float(mask.voxels.sum() * abs(np.linalg.det(mask.affine[:3, :3])) / 1000), 3)


def _same_grid(mask: Volume, series: Volume | None) -> bool:
    """Whether each corner of one grid is a corner of the other, whatever the order and direction of their axes."""
    if series is None or mask.affine is None or series.affine is None or mask.voxels.size != series.voxels.size:
        return False
    to_series = np.linalg.inv(series.affine) @ mask.affine
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*np.subtract(mask.voxels.shape, 1), 1]
    places, ends = (corners @ to_series.T)[:, :3], np.subtract(series.voxels.shape, 1)
    return bool((np.minimum(np.abs(places), np.abs(places - ends)) < _SAME).all()) and (
        len(np.unique(np.rint(places), axis=0)) == len(np.unique(corners, axis=0)))

