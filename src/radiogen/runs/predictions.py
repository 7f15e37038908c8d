"""The table of predictions of a run: what learning writes and what evaluation, ensembles and submissions read.

In and out: `models/<run>/predictions.csv` with one row a case, `<id>, fold, <label>, probability, predicted`; id and
label are the task's columns, in memory `ID` and `LABEL`. `fold` is the one that did not train the network which scored
the case, or `holdout`, `test` or, in the table of an external cohort, its name; `probability` is of class 1 and
`predicted` is 1 where it is at least 0.5. Test cases have no label: the cell is empty.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.dataset.labels import numbers, read_table
from radiogen.runs import layout
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.task import ID, LABEL, read_task

COLUMNS = [ID, "fold", LABEL, "probability", "predicted"]
THRESHOLD = 0.5


def read_predictions(path: Path, cohort: str | None = None) -> pd.DataFrame:
    """Read a table of predictions, checked row by row; cohort: the name of the external one whose table it is.

    Returns `COLUMNS`: ids and folds as text, `LABEL` as Int64 (missing for test cases), `probability` as float in
    [0, 1], `predicted` as int. Raises UserError with the file, the row and the remedy; for a run without predictions,
    with the command that makes them.
    """
    path = Path(path)
    if not path.is_file():
        raise _no_predictions(path)
    task = read_task(path.parent)
    table = read_table(path, COLUMNS, task)
    again = f"write them again: {command('predict')} --run {as_run(path.parent)}"
    if cohort is None:
        _require(path, table, "fold", table["fold"].str.fullmatch(f"[0-9]+|{HOLDOUT}|{TEST}"),
                 f"write a number from 0 up, {HOLDOUT} or {TEST}")
    else:
        _require(path, table, "fold", table["fold"] == cohort, f"write {cohort}, the cohort's name")
    labels = pd.to_numeric(table[LABEL], errors="coerce")
    unlabelled = (table["fold"] == TEST) & (table[LABEL] == "") & (cohort is None)
    _require(path, task.to_file(table), task.label_column, labels.isin([0, 1]) | unlabelled,
             f"write 1 for {task.positive} and 0 for {task.negative}; only test cases may go without")
    probability = numbers(path, table["probability"], "probability", low=0, high=1)
    expected = (probability >= THRESHOLD).astype(int)
    _require(path, table, "predicted", pd.to_numeric(table["predicted"], errors="coerce") == expected,
             f"it has to be 1 where probability is at least {THRESHOLD:g}, else 0: {again}")
    table = table.assign(probability=probability, predicted=expected)
    table[LABEL] = labels.astype("Int64")
    return table[COLUMNS]


def read_with_hash(path: Path) -> tuple[pd.DataFrame, str]:
    """`read_predictions`, and the SHA-256 of the very file that was read: it may be replaced at any moment."""
    while True:
        before = files.sha256(path) if Path(path).is_file() else ""
        table = read_predictions(path)
        if files.sha256(path) == before:
            return table, before


def write_predictions(path: Path, table: pd.DataFrame) -> Path:
    """Write `table`, which holds `COLUMNS` and one row a case; other columns are left out. Returns `path`."""
    return files.write_csv(path, read_task(Path(path).parent).to_file(
        table[COLUMNS].astype({LABEL: "Int64", "predicted": int})))


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with `predicted` set from `probability`, and its columns and rows in the order of `COLUMNS`."""
    return table.assign(predicted=(table["probability"] >= THRESHOLD).astype(int))[COLUMNS].reset_index(drop=True)


def scores_digest(cases: pd.DataFrame) -> str:
    """The SHA-256 of ids, labels and probabilities, whatever the order of the rows."""
    rows = cases.astype({LABEL: "Int64"}).sort_values(ID).to_dict("records")
    text = "\n".join(f"{row[ID]},{row[LABEL]},{row['probability']!r}" for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def out_of_fold(predictions: pd.DataFrame) -> pd.DataFrame:
    """The training cases, each scored by the one network that did not see it."""
    return predictions[~predictions["fold"].isin([HOLDOUT, TEST])]


def holdout(predictions: pd.DataFrame) -> pd.DataFrame:
    """The cases that no network saw, scored by all of them."""
    return predictions[predictions["fold"] == HOLDOUT]


def scored(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels (bool, True = positive) and probabilities (float64) of the cases that have a label, shape (cases,)."""
    known = predictions[predictions[LABEL].notna()]
    return known[LABEL].to_numpy(dtype=int) == 1, known["probability"].to_numpy(dtype=float)


def scored_folds(predictions: pd.DataFrame) -> np.ndarray:
    """The folds of the cases that have a label, text, (cases,), in the order of `scored`."""
    return predictions.loc[predictions[LABEL].notna(), "fold"].to_numpy(str)


def submission_cases(predictions: pd.DataFrame) -> pd.DataFrame:
    """The cases of the test set, whose labels nobody here knows."""
    return predictions[predictions["fold"] == TEST]


def predicted_runs(models: Path) -> list[str]:
    """The names of the runs under `models` that have predictions, oldest predictions first."""
    tables = [path for path in Path(models).glob(f"*/{layout.PREDICTIONS}") if not path.parent.name.startswith(".")]
    return [path.parent.name for path in sorted(tables, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))]


def chosen_runs(models: Path, names: Sequence[str]) -> list[str]:
    """`names`, each once and in their order; without any, all predicted runs. Raises UserError for what is no name."""
    chosen = list(dict.fromkeys(files.checked_name("RUN", name) for name in names)) or predicted_runs(models)
    if not chosen:
        raise UserError(models, "holds no predicted run",
                        f"{command('train')} --fold all, then {command('predict')} --run NAME")
    return chosen


def _require(path: Path, table: pd.DataFrame, column: str, good: pd.Series, remedy: str) -> None:
    wrong = (~good.astype(bool)).to_numpy().nonzero()[0]
    if len(wrong):
        raise UserError(path, f"row {wrong[0] + 2}: {column} is {table[column].iloc[wrong[0]]!r}", remedy)


def _no_predictions(path: Path) -> UserError:
    if path.parent.is_dir():
        return UserError(path, "is missing", f"make it: {command('predict')} --run {as_run(path.parent)}")
    return layout.no_such_run(path.parent)
