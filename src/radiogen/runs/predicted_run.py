"""A run as whoever judges it sees it: its folder, what it says of itself, its predictions.

In: a folder under models/. Out: a `PredictedRun`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.runs import layout
from radiogen.runs.predictions import read_predictions
from radiogen.runs.records import read_facts
from radiogen.task import LABEL, RSNA_MICCAI, Task, read_task


@dataclass(frozen=True)
class PredictedRun:
    """A run with predictions: its name, folder, what run.json says of it, its predictions, its data set's task."""

    name: str
    folder: Path
    facts: dict[str, Any]
    predictions: pd.DataFrame
    task: Task = RSNA_MICCAI


def open_predictions(models: Path, name: str) -> PredictedRun:
    """Read a run's predictions and its run.json (an absent one is empty). Raises UserError if nothing can be judged."""
    folder = Path(models) / name
    predictions = read_predictions(folder / layout.PREDICTIONS)
    if predictions[LABEL].isna().all():
        raise UserError(folder / layout.PREDICTIONS, "holds no labelled case: there is nothing to judge",
                        f"train a fold and predict: {command('predict')} --run {as_run(folder)}")
    return PredictedRun(name, folder, read_facts(folder), predictions, read_task(folder))
