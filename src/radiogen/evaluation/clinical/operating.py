"""The error rates of calls at a threshold, and what a call would mean where the class is more, or less, common.

In: labels and calls of the same cases. Out: `ErrorRates`, and predictive values under stated prevalences.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from radiogen.core.types import BoolArray
from radiogen.evaluation.stats.intervals import LEVEL, Estimate
from radiogen.evaluation.stats.shares import Share, share_of

PREVALENCES = (0.1, 0.3, 0.5, 0.7)
"""Shares of positive patients for which predictive values are shown."""
_UNKNOWN = Estimate(np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class ErrorRates:
    """sensitivity, specificity: of class 1. positive_value, negative_value: how many of those called 1, and of those
    called 0, are; they hold for the share of positive cases that these cases have, `prevalence`."""

    sensitivity: Share
    specificity: Share
    positive_value: Share
    negative_value: Share
    prevalence: float


def error_rates(labels: BoolArray, calls: BoolArray) -> ErrorRates:
    """Of calls (True: class 1) on these cases, both bool (cases,)."""
    return ErrorRates(share_of(calls[labels]), share_of(~calls[~labels]), share_of(labels[calls]),
                      share_of(~labels[~calls]), float(labels.mean()) if len(labels) else np.nan)


def predictive_values(rates: ErrorRates, prevalence: float) -> tuple[Estimate, Estimate]:
    """Positive and negative predictive value where a share `prevalence` of patients are of class 1, by Bayes's rule.

    95 % intervals on the logit scale: Mercaldo, Lau, Zhou, Stat. Med. 2007;26:2170, with half a case added to each
    count where a rate is 0 or 1. NaN where a class has no case. There is no null hypothesis: p is NaN.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence {prevalence:g}: a share between 0 and 1 is needed")
    found, correct = rates.sensitivity, rates.specificity
    if not found.cases or not correct.cases:
        return _UNKNOWN, _UNKNOWN
    edge = 0.5 if {found.value, correct.value} & {0.0, 1.0} else 0.0
    true, false = ((one.found + edge) / (one.cases + 2 * edge) for one in (found, correct))
    odds = np.log(prevalence / (1 - prevalence))
    positive = odds + np.log(true / (1 - false))
    negative = -odds + np.log(false / (1 - true))
    positive_error = np.sqrt((1 - true) / true / found.cases + false / (1 - false) / correct.cases)
    negative_error = np.sqrt(true / (1 - true) / found.cases + (1 - false) / false / correct.cases)
    return _from_logit(positive, positive_error), _from_logit(negative, negative_error)


def predictive_value_table(rates: ErrorRates) -> pd.DataFrame:
    """`prevalence, positive_value, negative_value`, both with `_low` and `_high`; a row for each of `PREVALENCES`."""
    rows = []
    for prevalence in PREVALENCES:
        found = zip(("positive_value", "negative_value"), predictive_values(rates, prevalence), strict=True)
        rows.append({"prevalence": prevalence} | {f"{name}{end}": value for name, one in found for end, value in (
            ("", one.value), ("_low", one.low), ("_high", one.high))})
    return pd.DataFrame(rows)


def _from_logit(value: float, error: float) -> Estimate:
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * error
    value, low, high = (float(1 / (1 + np.exp(-one))) for one in (value, value - reach, value + reach))
    return Estimate(value, low, high, np.nan)
