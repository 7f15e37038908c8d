"""A run as evaluation sees it: its folder, what it says of itself, its predictions.

In: a folder under models/. Out: a `PredictedRun`, which report and page share.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError, as_run
from radiogen.dataset.labels import ID, LABEL
from radiogen.evaluation.stats.metrics import measure
from radiogen.runs.folds import TEST
from radiogen.runs.predictions import out_of_fold, read_predictions


@dataclass(frozen=True)
class PredictedRun:
    """A run as evaluation sees it: its name, folder, what run.json says of it, its predictions."""

    name: str
    folder: Path
    facts: dict
    predictions: pd.DataFrame


def open_predictions(models: Path, name: str) -> PredictedRun:
    """Read a run's predictions and its run.json (an absent one is empty). Raises UserError if nothing can be judged."""
    folder = Path(models) / name
    predictions = read_predictions(folder / "predictions.csv")
    if predictions[LABEL].isna().all():
        raise UserError(folder / "predictions.csv", "holds no labelled case: there is nothing to judge",
                        f"train a fold and predict: python scripts/predict.py --run {as_run(folder)}")
    facts = files.read_json(folder / "run.json") if (folder / "run.json").is_file() else {}
    return PredictedRun(name, folder, facts, predictions)


def slice_sentence(run: PredictedRun) -> str:
    """A 2D run's figures per slice, "" for others; slices of a case are no independent witnesses: no interval."""
    path = run.folder / "predictions_slices.csv"
    if not path.is_file():
        return ""
    slices = pd.read_csv(path, dtype={ID: str, "fold": str})
    if not {"fold", LABEL, "probability"} <= set(slices.columns):
        return ""
    told = measure(out_of_fold(slices[slices["fold"] != TEST]))
    return (f"per slice, not per case: {told['cases']:,} slices out-of-fold, accuracy {told['accuracy']:.3f}, "
            f"precision {told['precision']:.3f}, recall {told['recall']:.3f}, F1 {told['f1']:.3f}, "
            f"AUC {told['auc']:.3f}")
