"""The competition's own metric: what a submission has to hold for it, and what it is of the predictions made here.

In: probabilities, labels and the task. Out: the values to submit, and a score by scikit-learn, as Kaggle computes it.
Runs are judged by the AUC with its interval all the same (evaluation/): a metric without one decides nothing here.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from radiogen.runs.predictions import THRESHOLD, out_of_fold
from radiogen.task import LABEL, METRICS, Task

_OF_CLASSES = ("accuracy", "balanced_accuracy", "f1", "matthews_corrcoef")
"""Metrics of classes: a submission holds 0 and 1, not probabilities."""


def submitted(probabilities: pd.Series, task: Task) -> pd.Series:
    """What is written into a submission: the probabilities, or the classes where the metric compares classes."""
    return (probabilities >= THRESHOLD).astype(int) if task.metric in _OF_CLASSES else probabilities


def score(labels: np.ndarray, probabilities: np.ndarray, metric: str) -> float:
    """The metric of these cases, as scikit-learn's function of that name returns it.

    labels: bool or 0 and 1, (cases,). metric: one of `METRICS`; those with `neg_` before their name are negative, so
    that more is better in all of them. NaN where the metric is not defined, as an AUC of one class.
    """
    from sklearn import metrics

    functions: dict[str, Callable[..., float]] = {
        "auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score,
        "neg_log_loss": lambda true, found: -metrics.log_loss(true, found, labels=[0, 1]),
        "neg_brier_score": lambda true, found: -metrics.brier_score_loss(true, found),
        "accuracy": metrics.accuracy_score, "balanced_accuracy": metrics.balanced_accuracy_score,
        "f1": metrics.f1_score, "matthews_corrcoef": metrics.matthews_corrcoef}
    assert set(functions) == set(METRICS)
    true, found = np.asarray(labels, dtype=int), np.asarray(probabilities, dtype=float)
    if len(set(true.tolist())) < 2:
        return float("nan")
    return float(functions[metric](true, (found >= THRESHOLD).astype(int) if metric in _OF_CLASSES else found))


def out_of_fold_score(predictions: pd.DataFrame, task: Task) -> float | None:
    """The task's metric of a run's out-of-fold predictions; None where no labelled case has one."""
    cases = out_of_fold(predictions)
    cases = cases[cases[LABEL].notna()]
    found = score(cases[LABEL].to_numpy(int), cases["probability"].to_numpy(float), task.metric)
    return None if np.isnan(found) else found
