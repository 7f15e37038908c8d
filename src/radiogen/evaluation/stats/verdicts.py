"""What an AUC, or a difference of two, means: the decision as data; wording.py says it in words.

In: labels and probabilities of the same cases. Out: a `Verdict` or a `Comparison`. *Better* is decided in one place
each, `decide` and `decide_change`: it needs a significant test and a value that this many cases would usually have
found; a lucky draw among few cases is not called a finding.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from radiogen.evaluation.stats.intervals import (
    LEVEL,
    Estimate,
    bootstrap_auc,
    bootstrap_difference,
    bootstrap_interval,
    delong_difference,
    delong_unpaired,
    permutation_p,
    resolvable_auc,
    resolvable_difference,
    resolvable_unpaired,
)
from radiogen.evaluation.stats.metrics import auc


class Outcome(StrEnum):
    """Of a run against chance; the value is what a reader is shown."""

    BETTER = "better than chance"
    UNCLEAR = "not distinguishable from chance"
    WORSE = "worse than chance"


class Change(StrEnum):
    """Of a run against another on the same cases; the value is what a reader is shown."""

    BETTER = "better"
    NONE_SHOWN = "no difference shown"
    WORSE = "worse"


@dataclass(frozen=True)
class Verdict:
    """What an AUC means.

    estimate: the AUC, the bootstrap's 95 % interval, the permutation test's p. cases, positives: how many were scored,
    and how many of them are positive. resolvable: the smallest AUC that so many cases find reliably.
    """

    outcome: Outcome
    estimate: Estimate
    cases: int
    positives: int
    resolvable: float

    @property
    def significant(self) -> bool:
        """Whether p is below 0.05, which alone is not yet *better*."""
        return is_significant(self.estimate)


@dataclass(frozen=True)
class Comparison:
    """What a difference of two AUCs means, of two runs on the same cases or of one run in two cohorts.

    estimate: DeLong's; cases: how many there are, of both cohorts together; bootstrap: the ends of the patient
    bootstrap's 95 % interval; resolvable: the smallest difference that these cases find reliably; NaN where the cases
    are too few to compare.
    """

    outcome: Change
    estimate: Estimate
    cases: int
    bootstrap: tuple[float, float]
    resolvable: float


def decide(estimate: Estimate, resolvable: float) -> Outcome:
    """*Better than chance* needs a two-sided p below 0.05 and an AUC of at least `resolvable`; *worse* its mirror."""
    if np.isnan(estimate.value) or not is_significant(estimate) or abs(estimate.value - 0.5) < resolvable - 0.5:
        return Outcome.UNCLEAR
    return Outcome.BETTER if estimate.value > 0.5 else Outcome.WORSE


def decide_change(estimate: Estimate, resolvable: float) -> Change:
    """A change needs a p below 0.05 and a difference of at least `resolvable`."""
    if np.isnan(estimate.value) or not is_significant(estimate) or abs(estimate.value) < resolvable:
        return Change.NONE_SHOWN
    return Change.BETTER if estimate.value > 0 else Change.WORSE


def is_significant(estimate: Estimate) -> bool:
    """Whether the p-value is below 0.05; one that is not defined is not."""
    return bool(estimate.p < 1 - LEVEL)


def verdict(labels: np.ndarray, probabilities: np.ndarray, *, seed: int = 42) -> Verdict:
    """Whether the probabilities, shape (cases,), rank the cases better than chance would; labels bool, (cases,)."""
    low, high = bootstrap_interval(labels, probabilities, seed=seed)
    estimate = Estimate(auc(labels, probabilities), low, high, permutation_p(labels, probabilities, seed=seed))
    limit = resolvable_auc(int(labels.sum()), int((~labels).sum()))
    return Verdict(decide(estimate, limit), estimate, len(labels), int(labels.sum()), limit)


def compare(labels: np.ndarray, first: np.ndarray, second: np.ndarray, *, seed: int = 42) -> Comparison:
    """Whether `first` ranks the cases better than `second`; labels bool, all three of shape (cases,)."""
    gap = delong_difference(labels, first, second)
    if np.isnan(gap.value):
        return Comparison(Change.NONE_SHOWN, gap, len(labels), (np.nan, np.nan), np.nan)
    limit = resolvable_difference(labels, first, second)
    bounds = bootstrap_difference(labels, first, second, seed=seed)
    return Comparison(decide_change(gap, limit), gap, len(labels), bounds, limit)


def compare_cohorts(labels: np.ndarray, probabilities: np.ndarray, other_labels: np.ndarray,
                    other_probabilities: np.ndarray, *, seed: int = 42) -> Comparison:
    """Whether a run ranks the first cohort better than the other, whose cases are other patients.

    labels bool, each pair of shape (cases,). DeLong's interval is unpaired; the bootstrap draws each cohort by itself.
    """
    gap = delong_unpaired(labels, probabilities, other_labels, other_probabilities)
    cases = len(labels) + len(other_labels)
    if np.isnan(gap.value):
        return Comparison(Change.NONE_SHOWN, gap, cases, (np.nan, np.nan), np.nan)
    limit = resolvable_unpaired(labels, probabilities, other_labels, other_probabilities)
    drawn = (bootstrap_auc(labels, probabilities, seed=seed)
             - bootstrap_auc(other_labels, other_probabilities, seed=seed + 1))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Comparison(decide_change(gap, limit), gap, cases, (float(low), float(high)), limit)
