"""Which trial a search chooses: the best, if it is better than the recipe itself by more than chance.

In: what two trials scored in the same inner folds. Out: whether the second is better. The best of many trials is ahead
by luck alone, and more so the fewer the cases; the recipe that the search began with was not chosen by these cases.
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from radiogen.core.auc import delong_gap
from radiogen.runs.predictions import scored

LEVEL = 0.95


def is_better(itself: Sequence[pd.DataFrame], other: Sequence[pd.DataFrame]) -> bool:
    """Whether the 95 % interval of the difference of mean AUCs, other less itself, lies above 0.

    itself, other: `LABEL, probability` of the same cases in the same order, a table an inner fold. The variance is that
    of correlated AUCs (DeLong et al., Biometrics 1988;44:837), summed over the folds; it takes trainings as they are. A
    fold with fewer than two cases of a class has none, and then nothing is better.
    """
    gaps = [paired_difference(*both) for both in zip(itself, other, strict=True)]
    gap, variance = np.mean([one for one, _ in gaps]), np.sum([one for _, one in gaps]) / len(gaps) ** 2
    return bool(gap > NormalDist().inv_cdf((1 + LEVEL) / 2) * np.sqrt(variance))


def paired_difference(itself: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
    """The difference of two AUCs on the same cases, other less itself, and its variance; NaN where it has none."""
    (labels, first), (_, second) = scored(itself), scored(other)
    return delong_gap(labels, second, first)
