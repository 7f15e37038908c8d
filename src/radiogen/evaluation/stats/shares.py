"""A share of cases with its interval: sensitivity, specificity, predictive values."""

from dataclasses import dataclass

import numpy as np

from radiogen.core.types import BoolArray
from radiogen.evaluation.stats.intervals import wilson_interval


@dataclass(frozen=True)
class Share:
    """found of cases, with Wilson's 95 % interval; NaN where there are no cases."""

    found: int
    cases: int
    value: float
    low: float
    high: float


def share_of(found: BoolArray) -> Share:
    """The share of True in `found`, bool (cases,)."""
    if not len(found):
        return Share(0, 0, np.nan, np.nan, np.nan)
    low, high = wilson_interval(np.array([found.sum()]), np.array([len(found)]))
    return Share(int(found.sum()), len(found), float(found.mean()), float(low[0]), float(high[0]))
