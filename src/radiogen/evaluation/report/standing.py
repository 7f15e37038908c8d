"""What a run's own predictions say of it, in a few lines: to stand beside whatever it says of one more patient.

In: a run's folder. Out: sentences: AUC with interval and verdict, the same of the holdout, whether the acquisition
alone explains it where the run was judged, and how often an answer like this one was right. Nothing is computed that
is not from cases that the network had not seen.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.evaluation.stats.intervals import wilson_interval
from radiogen.evaluation.stats.metrics import scored
from radiogen.evaluation.stats.verdicts import verdict
from radiogen.evaluation.wording import verdict_sentence
from radiogen.runs import layout
from radiogen.runs.predictions import holdout, out_of_fold, read_predictions
from radiogen.task import LABEL, read_task

NEAR = 0.1
"""Answers that lie so near to another's probability are counted as like it."""


def reliability_summary(folder: Path, probability: float) -> list[str]:
    """What the run in `folder` is worth, and what came true of its answers near `probability`, a line each."""
    try:
        predictions = read_predictions(Path(folder) / layout.PREDICTIONS)
    except UserError as error:
        return [f"how good it is, is not known: {error}"]
    positive_class = read_task(folder).positive
    parts = {"out-of-fold": out_of_fold(predictions), "holdout": holdout(predictions)}
    parts = {name: part[part[LABEL].notna()] for name, part in parts.items()}
    lines = [f"{name}, {len(part)} cases: {verdict_sentence(verdict(*scored(part)))}" for name, part in parts.items()
             if len(part)]
    lines += _without_images(Path(folder) / layout.IMAGE_FREE_GAIN)
    near = pd.concat(parts.values())
    near = near[(near["probability"] - probability).abs() <= NEAR]
    if len(near):
        positive = int((near[LABEL] == 1).sum())
        low, high = wilson_interval(np.array([positive]), np.array([len(near)]))
        lines.append(f"of its {len(near)} answers within {NEAR:g} of this one {positive} were of "
                     f"{positive_class} patients (95 % interval {low[0]:.0%} to {high[0]:.0%})")
    else:
        lines.append(f"none of its answers on known patients lies within {NEAR:g} of this one")
    return lines


def _without_images(path: Path) -> list[str]:
    """The best model without images beside the run, as the judge found it; nothing where no judge was called."""
    if not path.is_file():
        return [f"not yet held against models that see no image: {command('evaluate')}"]
    table = pd.read_csv(path)
    table = table[(table["set"] == "out-of-fold") & table["gain"].notna()]
    if table.empty:
        return []
    row = table.loc[table["baseline_auc"].idxmax()]
    return [f"a model that sees no image ({row['model']}) reaches {row['baseline_auc']:.3f} on the same cases; the "
            f"run's gain is {row['gain']:+.3f} (95 % interval {row['low']:+.3f} to {row['high']:+.3f}): {row['words']}"]
