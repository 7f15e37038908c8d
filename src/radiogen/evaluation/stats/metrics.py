"""How good predictions are: counts at a threshold, ranking and calibration, per fold and for whole runs.

In: a table of predictions. Out: tables of numbers. The positive class is 1; a case counts as positive
from a probability of 0.5 up, or from a threshold that thresholds.py chose. What cannot be computed is NaN and never an
error, so that a small or one-sided fold leaves a gap in the table instead of ending the evaluation.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.runs.predictions import THRESHOLD, holdout, out_of_fold, scored

METRICS = ("accuracy", "precision", "recall", "f1", "auc", "average_precision", "brier", "calibration_error")
MEAN, DEVIATION = "mean", "standard deviation"


def fold_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row a fold with `fold, cases` and `METRICS`, then their mean and their standard deviation over the folds.

    The standard deviation is the sample's (divided by n - 1; NaN with one fold). A fold in which a figure is not
    defined does not count in that figure's mean and deviation. Holdout and test cases have no part in it.
    """
    judged = out_of_fold(predictions)
    names = sorted(judged["fold"].unique(), key=int)
    rows = pd.DataFrame([{"fold": name, **measure(judged[judged["fold"] == name])} for name in names],
                        columns=["fold", "cases", *METRICS])
    figures = rows[["cases", *METRICS]].astype(float)
    ends = pd.DataFrame([{"fold": MEAN, **figures.mean()}, {"fold": DEVIATION, **figures.std(ddof=1)}])
    return pd.concat([rows.astype({"cases": float}), ends], ignore_index=True)


def summary_table(runs: Mapping[str, pd.DataFrame],
                  interval: Callable[[np.ndarray, np.ndarray], tuple[float, float]]) -> pd.DataFrame:
    """One row a run, in the order given: AUC with its interval and the other figures, out-of-fold and on the holdout.

    runs: predictions by the run's name. interval: (labels, probabilities) to the low and high end of the pooled AUC's.
    Columns: `run`, then for each of `out_of_fold` and `holdout`: `<set>_cases`, `_auc`, `_auc_low`, `_auc_high`,
    `_accuracy`, `_precision`, `_recall`, `_f1`, `_average_precision`, `_brier`, `_calibration_error`. Out-of-fold
    figures are of all folds' cases pooled; NaN where a run has no such case.
    """
    rows = []
    for name, predictions in runs.items():
        row: dict[str, object] = {"run": name}
        for prefix, cases in (("out_of_fold", out_of_fold(predictions)), ("holdout", holdout(predictions))):
            figures = measure(cases)
            low, high = interval(*scored(cases))
            ordered = {"cases": figures.pop("cases"), "auc": figures.pop("auc"), "auc_low": low, "auc_high": high}
            row |= {f"{prefix}_{key}": value for key, value in {**ordered, **figures}.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def measure(predictions: pd.DataFrame) -> dict[str, float]:
    """`cases` and every one of `METRICS` for the labelled cases given, all pooled."""
    labels, probabilities = scored(predictions)
    return {"cases": len(labels), **counts(labels, probabilities), "auc": auc(labels, probabilities),
            "average_precision": average_precision(labels, probabilities), "brier": brier(labels, probabilities),
            "calibration_error": calibration_error(labels, probabilities)}


def scored_logits(probabilities: np.ndarray) -> np.ndarray:
    """The logits of probabilities, (cases,), which are cut a millionth before 0 and 1."""
    kept = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))


def counts(labels: np.ndarray, probabilities: np.ndarray, threshold: float = THRESHOLD) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of the positive class; a case is called so from `threshold` up.

    Nothing called positive: precision is 0, as in the usual tables. No positive case: recall and F1 are NaN, for
    there was nothing to find.

    Examples
    --------
    >>> labels, probabilities = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
    >>> counts(labels, probabilities)
    {'accuracy': 0.5, 'precision': 0.5, 'recall': 0.5, 'f1': 0.5}
    """
    called = probabilities >= threshold
    found = int((called & labels).sum())
    positives, total = int(labels.sum()), len(labels)
    return {"accuracy": float((called == labels).mean()) if total else np.nan,
            "precision": found / max(int(called.sum()), 1) if total else np.nan,
            "recall": found / positives if positives else np.nan,
            "f1": 2 * found / (positives + int(called.sum())) if positives else np.nan}


def roc_points(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates from (0, 0) to (1, 1), one point a distinct probability; both classes needed."""
    called, found = _cumulative(labels, probabilities)
    return (np.concatenate([[0.0], (called - found) / max((~labels).sum(), 1)]),
            np.concatenate([[0.0], found / max(labels.sum(), 1)]))


def precision_recall_points(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall, one point a distinct probability, the highest first; positive cases needed."""
    called, found = _cumulative(labels, probabilities)
    return found / called, found / labels.sum()


def average_precision(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Precision averaged over the steps in recall, without interpolation; NaN without a positive case.

    Examples
    --------
    >>> labels, probabilities = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
    >>> round(average_precision(labels, probabilities), 3)
    0.833
    """
    if not labels.any():
        return np.nan
    called, found = _cumulative(labels, probabilities)
    return float((np.diff(found, prepend=0) / labels.sum() * found / called).sum())


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared difference of probability and outcome: 0 is perfect, 0.25 is what 0.5 everywhere gets.

    Examples
    --------
    >>> labels, probabilities = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
    >>> round(brier(labels, probabilities), 3)
    0.185
    """
    return float(((probabilities - labels) ** 2).mean()) if len(labels) else np.nan


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over `bins` of equal width: mean gap of probability and observed share.

    Each bin counts by its cases (Guo et al., arXiv 1706.04599, section 2, for the probability of the positive class).
    With few cases it is above 0 even for perfect probabilities.

    Examples
    --------
    >>> round(calibration_error(np.array([True, False]), np.array([0.8, 0.3])), 3)
    0.25
    """
    return float(sum(row["cases"] * abs(row["probability"] - row["observed"])
                     for row in calibration_bins(labels, probabilities, bins)) / len(labels)) if len(labels) else np.nan


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """For each bin with cases: `cases`, mean `probability` and `observed` share of positive cases."""
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [{"cases": int(inside.sum()), "probability": float(probabilities[inside].mean()),
             "observed": float(labels[inside].mean())}
            for inside in (places == place for place in range(bins)) if inside.any()]


def _cumulative(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cases called and positive cases found at each distinct probability taken as threshold, from high to low."""
    order = np.argsort(-probabilities, kind="stable")
    last = np.flatnonzero(np.append(np.diff(probabilities[order]) != 0, True))
    return last + 1.0, np.cumsum(labels[order])[last].astype(float)
