"""A trained run predicts test cases of a data set that it never saw, wherever both of them were moved.

In: runs, a folder with `test/` (labels and training cases are not needed), a folder for arrays. Out: a probability of
class 1 for each case that has a series to be predicted from. The arithmetic is prediction.py's, so the same cases
get the same probabilities as from `scripts/predict.py`.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from radiogen.arrays.cache import cache_folder
from radiogen.arrays.case_findings import unused_sequences
from radiogen.arrays.stored_arrays import check_arrays, read_index
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.runs.folds import TEST
from radiogen.task import ID, LABEL
from radiogen.training.runs import Run, cache_settings, trained_folds
from radiogen.training.workflow import preprocess


def prepare_test(runs: Sequence[Run], data: Path, cache: Path, *,
                 workers: int | None = None) -> tuple[list[Run], list[str]]:
    """Make the arrays of all `runs` from `data/test`; returns the runs that can predict it, and warnings.

    A run whose sequences are in no test case is left out with a warning. Each series is read once for all runs.
    """
    try:
        indexes = preprocess(data, [run.recipe for run in runs], cache, workers=workers, models=runs[0].folder.parent)
    except UserError as error:
        if len(runs) == 1:
            return [], [f"run {runs[0].folder.name} is left out: {error}"]
        able: list[Run] = []
        warnings: list[str] = []
        for run in runs:
            more, lines = prepare_test([run], data, cache, workers=workers)
            able, warnings = able + more, warnings + lines
        return able, warnings
    rows = pd.concat(indexes)
    rows = rows.assign(line=rows["failed"].where(rows["failed"] != "", rows["findings"]))
    odd = rows[(rows["failed"] != "") | rows["finding_codes"].map(unused_sequences).astype(bool)]
    odd = odd.sort_values("line", key=lambda texts: texts.str.len()).drop_duplicates(ID, keep="last").sort_values(ID)
    lines = odd[ID] + ": " + odd["line"].str.replace(f"{data}/", "", regex=False)
    return list(runs), lines.tolist()


def predict_test(run: Run, data: Path, cache: Path) -> pd.DataFrame:
    """`ID, probability` (float64) of the test cases whose arrays `prepare_test` could make, by all folds.

    Raises UserError where the run has no trained fold or an array was changed since.
    """
    from radiogen.inference.prediction import score_inputs

    folds = trained_folds(run)
    if not folds:
        raise UserError(run.folder, "is not trained", f"{command('train')} --run {as_run(run.folder)} --fold all")
    moved = dataclasses.replace(run, data=Path(data), cache=cache_folder(data, cache_settings(run.recipe.data), cache))
    index = read_index(moved.cache)
    made = index.loc[(index["split"] == TEST) & (index["sha256"] != ""), ID]
    if made.empty:
        return pd.DataFrame({ID: pd.Series(dtype=str), "probability": pd.Series(dtype=float)})
    check_arrays(moved.cache, index, made)
    cases = pd.DataFrame({ID: made, "fold": TEST, LABEL: pd.NA}).astype({LABEL: "Int64"}).reset_index(drop=True)
    return score_inputs(moved, index, cases, folds).by_case()
