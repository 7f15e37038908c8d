"""Probabilities bent until they mean what they say, by a map that the judged cases had no part in.

In: a table of predictions. Out: recalibrated probabilities. The map of a fold is fitted to the out-of-fold cases of the
other folds, that of new patients to all of them, and it is a map of what one network says: a mean of networks is less
extreme, and no out-of-fold case has one to fit to. Logistic: Platt, Advances in Large Margin
Classifiers 1999:61, with his smoothed targets, so that a fit exists where a line parts the classes. Isotonic: Zadrozny
and Elkan, KDD 2002:694. Neither turns the order round: where a fit would, the share of positive cases is all that is
left to say, and every case gets it.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import pandas as pd

from radiogen.core.types import FloatArray
from radiogen.evaluation.stats.metrics import scored_logits
from radiogen.evaluation.stats.thresholds import scored_by_mean
from radiogen.runs.predictions import out_of_fold, scored
from radiogen.task import LABEL

Method = Literal["logistic", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)
Recalibration = Callable[[np.ndarray], FloatArray]
"""Probabilities (cases,) to recalibrated ones, (cases,) float64."""


def fit_recalibration(labels: np.ndarray, probabilities: np.ndarray, method: Method = "logistic") -> Recalibration:
    """A map fitted to cases of both classes; labels bool, probabilities float64, both (cases,).

    Where a class is missing, or all probabilities are the same, the map returns the smoothed share of positive cases,
    (positives + 1) / (cases + 2), for every case.
    """
    positives, cases = int(labels.sum()), len(labels)
    share = (positives + 1) / (cases + 2)
    if not 0 < positives < cases or np.ptp(probabilities) == 0:
        return lambda new: np.full(len(new), share)
    return _isotonic(labels, probabilities) if method == "isotonic" else _logistic(labels, probabilities, share)


def recalibrate(predictions: pd.DataFrame, method: Method = "logistic") -> pd.Series:
    """Recalibrated probabilities, float64, with the index of `predictions`; NaN where a mean of networks scored a case
    (`thresholds.scored_by_mean`)."""
    judged = out_of_fold(predictions)
    result = pd.Series(np.nan, index=predictions.index, dtype=float)
    for fold, cases in predictions[~scored_by_mean(predictions)].groupby("fold"):
        others = judged[(judged["fold"] != fold) & judged[LABEL].notna()]
        fitted = fit_recalibration(*scored(others), method)
        result[cases.index] = fitted(cases["probability"].to_numpy(float))
    return result


def _logistic(labels: np.ndarray, probabilities: np.ndarray, share: float) -> Recalibration:
    from sklearn.linear_model import LogisticRegression

    positives, negatives = int(labels.sum()), int((~labels).sum())
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    logits = scored_logits(probabilities)
    middle, scale = logits.mean(), max(float(logits.std()), 1e-9)
    inputs = np.tile((logits - middle) / scale, 2)[:, None]
    truths = np.repeat([True, False], len(labels))
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(inputs, truths, np.concatenate([target, 1 - target]))
    if model.coef_[0, 0] <= 0:
        return lambda new: np.full(len(new), share)
    return lambda new: model.predict_proba(((scored_logits(new) - middle) / scale)[:, None])[:, 1]


def _isotonic(labels: np.ndarray, probabilities: np.ndarray) -> Recalibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probabilities, labels)
    return lambda new: np.asarray(model.predict(new), float)
