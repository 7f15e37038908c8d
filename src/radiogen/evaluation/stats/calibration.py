"""Whether probabilities mean what they say: slope and intercept of a logistic regression of the label on their logit.

In: labels and probabilities of the same cases. Out: a `Calibration` with intervals. Cox, Biometrika 1958;45:562;
Van Calster et al., BMC Medicine 2019;17:230. Nothing is penalised: a slope is to be measured and not improved.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from radiogen.evaluation.stats.intervals import LEVEL, Estimate
from radiogen.evaluation.stats.metrics import scored_logits

STEPS = 50
"""Of Newton's method; it converges in about six, or never where a line parts the classes."""
LARGEST_SLOPE = 1e3
"""Beyond this the classes are fully apart and the fit has no end."""
_UNKNOWN = Estimate(np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Calibration:
    """How probabilities have to be bent until they are right: logit(truth) = intercept + slope * logit(probability).

    slope: 1 is right, below 1 probabilities are too extreme; its p-value is that of 1. intercept: 0 is right; p that of
    0. in_the_large: the intercept where the slope is held at 1: above 0 the cases are positive more often than the
    probabilities say on average. Estimates are NaN where one class is missing, the classes are fully apart, or all
    probabilities are the same.
    """

    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> Calibration:
    """Slope and intercept with Wald's 95 % intervals; labels bool, probabilities float64, both (cases,).

    Examples
    --------
    >>> labels = np.repeat([True, False, True, False], [2, 8, 8, 2])
    >>> found = calibration(labels, np.repeat([0.2, 0.8], 10))
    >>> round(found.slope.value, 2)
    1.0
    """
    logits = scored_logits(probabilities)
    fitted = None
    if len(logits) and np.ptp(logits) > 0:
        fitted = _fit(np.stack([np.ones_like(logits), logits], axis=1), np.zeros_like(logits), labels)
    shifted = _fit(np.ones((len(logits), 1)), logits, labels)
    large = _estimate(*shifted, place=0, null=0.0) if shifted else _UNKNOWN
    if fitted is None:
        return Calibration(_UNKNOWN, _UNKNOWN, large)
    return Calibration(_estimate(*fitted, place=1, null=1.0), _estimate(*fitted, place=0, null=0.0), large)


def _fit(inputs: np.ndarray, offset: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Coefficients (inputs,) and their covariance by maximum likelihood; None where there is no maximum."""
    if not len(labels) or labels.all() or not labels.any():
        return None
    found = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        expected = 1 / (1 + np.exp(-np.clip(inputs @ found + offset, -500, 500)))
        information = inputs.T @ (inputs * (expected * (1 - expected))[:, None])
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, inputs.T @ (labels - expected))
        largest = np.abs(step).max()
        found = found + step * min(1.0, 5.0 / max(largest, 1e-300))  # far from the maximum a whole step overshoots
        if np.abs(found).max() > LARGEST_SLOPE:
            return None
        if largest < 1e-10:
            return found, np.linalg.inv(information)
    return None


def _estimate(found: np.ndarray, covariance: np.ndarray, *, place: int, null: float) -> Estimate:
    value, error = float(found[place]), float(np.sqrt(covariance[place, place]))
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    return Estimate(value, value - reach, value + reach, 2 * NormalDist().cdf(-abs(value - null) / error))
