"""From which probability on a case is called positive, chosen without a look at the cases that are then judged.

In: a table of predictions. Out: a threshold for each fold, and the figures at it beside those at 0.5. A fold's
threshold comes from the out-of-fold probabilities of the other folds. The networks of those other folds were trained on
this fold's cases; that is so in every choice by cross-validation, and no probability of the judged fold has a part in
it. Holdout and test set are scored by the mean of all networks, which is less extreme than single ones and of which no
out-of-fold case has one: no threshold can be learnt for it here, and none is made up.
"""

import numpy as np
import pandas as pd

from radiogen.evaluation.stats.metrics import DEVIATION, MEAN, counts, roc_points
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.predictions import THRESHOLD, out_of_fold, scored
from radiogen.task import LABEL

COUNTS = ("accuracy", "precision", "recall", "f1")


def youden_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The threshold with the largest sensitivity + specificity - 1 (Youden, Cancer 1950;3:32) on these cases.

    labels: bool, (cases,). The same as the largest balanced accuracy. It lies halfway between two probabilities that
    were seen, so that it does not depend on their last digit; of equally good ones the nearest to 0.5 is taken.
    `THRESHOLD` where one class is missing or nothing is better than calling all cases alike.
    """
    if labels.all() or not labels.any():
        return THRESHOLD
    false, true = roc_points(labels, probabilities)
    gain = true - false
    if gain.max() <= 0:
        return THRESHOLD
    levels = np.unique(probabilities)[::-1]
    middles = (levels[:-1] + levels[1:]) / 2
    best = middles[gain[1:-1] >= gain.max() - 1e-12]  # the first and the last point call all cases alike
    return float(best[np.argmin(np.abs(best - THRESHOLD))])


def scored_by_mean(predictions: pd.DataFrame) -> pd.Series:
    """Whether each case is scored by a mean of networks, as holdout and test set are where there is more than one fold;
    bool, with the index of `predictions`."""
    judged = out_of_fold(predictions)
    return ~predictions["fold"].isin(judged["fold"]) & (judged["fold"].nunique() > 1)


def fold_thresholds(predictions: pd.DataFrame) -> dict[str, float]:
    """The threshold of each fold, holdout and test set that `predictions` holds, by its name; see the file's head.

    NaN where a mean of networks scores.
    """
    judged = out_of_fold(predictions)
    means = set(predictions.loc[scored_by_mean(predictions), "fold"])
    return {name: np.nan if name in means else youden_threshold(*scored(judged[judged["fold"] != name]))
            for name in sorted(predictions["fold"].unique(), key=_order)}


def called(predictions: pd.DataFrame) -> pd.Series:
    """Whether each case is called positive at the threshold of its fold; bool, with the index of `predictions`.

    Raises ValueError where a mean of networks scores a case.
    """
    if scored_by_mean(predictions).any():
        raise ValueError("cases that a mean of networks scored have no threshold")
    return predictions["probability"] >= predictions["fold"].map(fold_thresholds(predictions))


def threshold_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Figures at the chosen threshold and at 0.5, one row a fold, mean and deviation of the folds, the holdout last.

    Columns: `fold, cases, threshold, scored_by` (one network, or the mean of how many), then accuracy, precision,
    recall and F1 at it (NaN without one), then the same at 0.5 with the ending `_at_half`. Positive class: 1. The
    deviation is the sample's. Cases without label do not count.
    """
    thresholds = fold_thresholds(predictions)
    known = predictions[predictions[LABEL].notna()]
    networks = out_of_fold(predictions)["fold"].nunique()
    rows = [{"fold": name, "scored_by": f"mean of {networks}" if name == HOLDOUT and networks > 1 else "one network",
             **_figures(known[known["fold"] == name], thresholds[name])}
            for name in thresholds if name != TEST and (known["fold"] == name).any()]
    columns = ["fold", "cases", "threshold", "scored_by", *COUNTS, *(f"{name}_at_half" for name in COUNTS)]
    table = pd.DataFrame(rows, columns=columns)
    held = table["fold"] == HOLDOUT
    figures = table.loc[~held].drop(columns=["fold", "scored_by"]).astype(float)
    ends = pd.DataFrame([{"fold": name, "scored_by": "", **ends} for name, ends in (
        (MEAN, figures.mean()), (DEVIATION, figures.std(ddof=1)))])[table.columns]
    parts = [table[~held].astype({"cases": float}), ends, table[held].astype({"cases": float})]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _figures(cases: pd.DataFrame, threshold: float) -> dict[str, float]:
    labels, probabilities = scored(cases)
    half = {f"{name}_at_half": value for name, value in counts(labels, probabilities).items()}
    own = dict.fromkeys(COUNTS, np.nan) if np.isnan(threshold) else counts(labels, probabilities, threshold)
    return {"cases": len(labels), "threshold": threshold, **own, **half}


def _order(name: str) -> tuple[bool, int, str]:
    return (not name.isdigit(), int(name) if name.isdigit() else 0, name)
