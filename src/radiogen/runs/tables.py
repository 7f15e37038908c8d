"""The smaller tables of a run: its folds, its arrays, its geometry, what a 2D run says of each slice.

In and out: `folds.csv` (`ID, LABEL, fold`), `arrays.csv` (`ID, split, sha256, perceptual_hash`: of each case's array),
`geometry.csv` and `scanner.csv` (a row a series), `patients.csv` (a row a case of which a patient is known), `saw.csv`
(`ID`, and where known `patient, cohort`: what the initial weights have seen) and `predictions_slices.csv` (`ID, fold,
sequence, slice, LABEL, probability`); files have the task's names for `ID` and `LABEL`. They outlive the cache and the
files from which they were made.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError, short_reason
from radiogen.core.wording import as_run, command
from radiogen.dataset.patients import to_patients_file
from radiogen.runs import layout
from radiogen.task import ID, LABEL, read_task

ARRAYS = [ID, "split", "sha256", "perceptual_hash"]
SLICES = [ID, "fold", "sequence", "slice", LABEL, "probability"]


def write_folds(folder: Path, folds: pd.DataFrame) -> Path:
    """Write `folds.csv`, as `folds.make_folds` makes it."""
    return _write(Path(folder) / layout.FOLDS, folds)


def write_arrays(folder: Path, index: pd.DataFrame) -> Path:
    """Write `arrays.csv`: of the index of a cache the cases that have an array."""
    return _write(Path(folder) / layout.ARRAYS, index.loc[index["sha256"] != "", ARRAYS])


def read_arrays(folder: Path, columns: Sequence[str] = tuple(ARRAYS)) -> pd.DataFrame | None:
    """`arrays.csv` as text; None where it is missing or has not these columns."""
    return read_as_text(Path(folder) / layout.ARRAYS, columns)


def write_patients(folder: Path, patients: pd.DataFrame | None) -> None:
    """Write `patients.csv`, as `read_patients` reads it; where nothing is known there is none."""
    path = Path(folder) / layout.PATIENTS
    if patients is None:
        path.unlink(missing_ok=True)
    else:
        files.write_csv(path, to_patients_file(read_task(folder), patients))


def copy_geometry(cache: Path, folder: Path) -> Path:
    """Copy the table of geometry from the folder of the run's arrays, and beside it that of scanners, if there is one.
    """
    for name in (layout.SCANNER, layout.GEOMETRY):
        if (Path(cache) / name).is_file():
            path = files.write_bytes(Path(folder) / name, (Path(cache) / name).read_bytes())
    return path


def write_seen_cases(folder: Path, seen: pd.DataFrame) -> Path:
    """Write `saw.csv`: the cases that the run's initial weights were trained on."""
    return _write(Path(folder) / layout.SEEN_CASES, seen)


def read_seen_cases(folder: Path) -> pd.DataFrame | None:
    """`saw.csv` as text: `ID`, and where known `patient` and `cohort`; None where it is missing or has no ids."""
    return read_as_text(Path(folder) / layout.SEEN_CASES, (ID,))


def write_slices(folder: Path, inputs: pd.DataFrame) -> Path:
    """Write `predictions_slices.csv`."""
    return _write(Path(folder) / layout.SLICE_PREDICTIONS, inputs[SLICES])


def read_slices(folder: Path) -> pd.DataFrame | None:
    """`predictions_slices.csv` with ids and folds as text; None where there is none. Raises UserError where damaged."""
    path, task = Path(folder) / layout.SLICE_PREDICTIONS, read_task(folder)
    if not path.is_file():
        return None
    try:
        return task.from_file(pd.read_csv(path, dtype={task.id_column: str, "fold": str}))
    except (OSError, ValueError) as error:
        raise UserError(path, f"cannot be read ({short_reason(error)})",
                        f"write it again: {command('predict')} --run {as_run(folder)}") from error


def read_as_text(path: Path, columns: Sequence[str]) -> pd.DataFrame | None:
    """A table of a run with all its cells as text, doubled ids and all; None where it is missing or lacks a column."""
    if not Path(path).is_file():
        return None
    try:
        table = read_task(Path(path).parent).from_file(pd.read_csv(path, dtype=str, keep_default_na=False))
    except ValueError:
        return None
    return table if set(columns) <= set(table.columns) else None


def _write(path: Path, table: pd.DataFrame) -> Path:
    """A table of a run, with the columns that its task's files have."""
    return files.write_csv(path, read_task(path.parent).to_file(table))
