"""What an AUC, or a difference of two, means: the decision as data; wording.py says it in words.

In: labels and probabilities of the same cases, and the fold of each where they are out-of-fold. Out: a `Verdict` or a
`Comparison`. The rule is one: a two-sided p below 0.05 by a test that holds its level (`decide`, `decide_change`).
Where nothing is to be found, *better* is then said in at most 2.5 % of studies (docs/judgement.md).
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from radiogen.core.auc import delong_covariance, delong_gap, stratum_sizes
from radiogen.evaluation.stats.cross_validation import corrected_p, variance_factor, within_folds
from radiogen.evaluation.stats.intervals import (
    LEVEL,
    Estimate,
    bootstrap_auc,
    bootstrap_difference,
    delong,
    delong_difference,
    delong_unpaired,
    permutation_p,
    stratified_error,
)
from radiogen.evaluation.stats.power import resolvable_auc, resolvable_gap


class Outcome(StrEnum):
    """Of a run against chance; the value is what a reader is shown. NOT_ESTABLISHED is never that of an AUC, but of a
    run whose AUC is better than chance while something forbids to believe it (audit/run_verdict.py)."""

    BETTER = "better than chance"
    UNCLEAR = "not distinguishable from chance"
    WORSE = "worse than chance"
    NOT_ESTABLISHED = "not established"


class Change(StrEnum):
    """Of a run against another on the same cases; the value is what a reader is shown."""

    BETTER = "better"
    NONE_SHOWN = "no difference shown"
    WORSE = "worse"


@dataclass(frozen=True)
class Verdict:
    """What an AUC means.

    estimate: the AUC with `delong`'s interval, which takes the predictions as they are, and p: of out-of-fold
    predictions within folds and corrected (`within_folds`), else the permutation test's. cases, positives: how many
    were scored, and how many of them are positive. resolvable: the AUC that is called better than chance in 80 % of
    studies of so many cases. pooled: of out-of-fold predictions the AUC of all folds pooled, which decides nothing;
    None elsewhere, and without a p-value, for none of it is valid.
    """

    outcome: Outcome
    estimate: Estimate
    cases: int
    positives: int
    resolvable: float
    pooled: Estimate | None = None

    @property
    def significant(self) -> bool:
        """Whether p is below 0.05."""
        return is_significant(self.estimate)


@dataclass(frozen=True)
class Comparison:
    """What a difference of two AUCs means, of two runs on the same cases or of one run in two cohorts.

    estimate: DeLong's, p corrected where predictions are out-of-fold; cases: how many there are, of both cohorts
    together; bootstrap: the ends of the patient bootstrap's 95 % interval; resolvable: the difference that is called
    one in 80 % of studies of so many cases; NaN where the cases are too few to compare.
    """

    outcome: Change
    estimate: Estimate
    cases: int
    bootstrap: tuple[float, float]
    resolvable: float


def decide(estimate: Estimate) -> Outcome:
    """*Better than chance* needs a two-sided p below 0.05 and an AUC above 0.5; *worse* its mirror."""
    if np.isnan(estimate.value) or not is_significant(estimate):
        return Outcome.UNCLEAR
    return Outcome.BETTER if estimate.value > 0.5 else Outcome.WORSE


def decide_change(estimate: Estimate) -> Change:
    """A change needs a two-sided p below 0.05."""
    if np.isnan(estimate.value) or not is_significant(estimate):
        return Change.NONE_SHOWN
    return Change.BETTER if estimate.value > 0 else Change.WORSE


def is_significant(estimate: Estimate) -> bool:
    """Whether the p-value is below 0.05; one that is not defined is not."""
    return bool(estimate.p < 1 - LEVEL)


def verdict(labels: np.ndarray, probabilities: np.ndarray, folds: np.ndarray | None = None, *, seed: int = 42
            ) -> Verdict:
    """Whether the probabilities, shape (cases,), rank the cases better than chance would; labels bool, (cases,).

    folds: the fold that scored each case, where they are out-of-fold: then it is decided within folds. None, or one
    fold alone: of a set that is scored as a whole.
    """
    cases, positives, whole = len(labels), int(labels.sum()), delong(labels, probabilities)
    if folds is None or len(np.unique(folds)) < 2:
        whole = replace(whole, p=permutation_p(labels, probabilities, seed=seed))
        return Verdict(decide(whole), whole, cases, positives, resolvable_auc(stratum_sizes(labels, None)))
    inside = within_folds(labels, probabilities, folds)
    limit = resolvable_auc(stratum_sizes(labels, folds))
    return Verdict(decide(inside), inside, cases, positives, limit, replace(whole, p=np.nan))


def compare(labels: np.ndarray, first: np.ndarray, second: np.ndarray, folds: np.ndarray | None = None, *,
            seed: int = 42) -> Comparison:
    """Whether `first` ranks the cases better than `second`; labels bool, all of shape (cases,); folds: as in `verdict`.
    """
    gap = delong_difference(labels, first, second, folds)
    if np.isnan(gap.value):
        return Comparison(Change.NONE_SHOWN, gap, len(labels), (np.nan, np.nan), np.nan)
    error = _error(delong_gap(labels, first, second, folds)[1])
    factor = _factor(folds)
    gap = replace(gap, p=corrected_p(gap, error, factor))
    bounds = bootstrap_difference(labels, first, second, folds, seed=seed)
    return Comparison(decide_change(gap), gap, len(labels), bounds, resolvable_gap(error, factor))


def compare_cohorts(labels: np.ndarray, probabilities: np.ndarray, other_labels: np.ndarray,
                    other_probabilities: np.ndarray, other_folds: np.ndarray | None = None, *, seed: int = 42
                    ) -> Comparison:
    """Whether a run ranks the first cohort better than the other, whose cases are other patients.

    labels bool, each pair of shape (cases,); other_folds: as in `verdict`, of the other cohort. DeLong's interval is
    unpaired; the bootstrap draws each cohort by itself.
    """
    gap = delong_unpaired(labels, probabilities, other_labels, other_probabilities, other_folds)
    cases = len(labels) + len(other_labels)
    if np.isnan(gap.value):
        return Comparison(Change.NONE_SHOWN, gap, cases, (np.nan, np.nan), np.nan)
    variance = delong_covariance(labels, [probabilities])[1][0, 0]
    other = delong_covariance(other_labels, [other_probabilities], other_folds)[1][0, 0]
    error, null = _error(variance + other), _null_error(labels, probabilities, other_labels, other_probabilities,
                                                        other_folds)
    gap = replace(gap, p=corrected_p(gap, null, 1.0))
    factor = (null / error)**2 if error else 1.0
    drawn = (bootstrap_auc(labels, probabilities, seed=seed)
             - bootstrap_auc(other_labels, other_probabilities, other_folds, seed=seed + 1))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Comparison(decide_change(gap), gap, cases, (float(low), float(high)), resolvable_gap(error, factor))


def _factor(folds: np.ndarray | None) -> float:
    return 1.0 if folds is None else variance_factor(len(np.unique(folds)))


def _null_error(labels: np.ndarray, probabilities: np.ndarray, other_labels: np.ndarray,
                other_probabilities: np.ndarray, other_folds: np.ndarray | None) -> float:
    """The standard error of the difference of two cohorts' AUCs where both are the same, that of all cases together.

    DeLong's own error of a small cohort is too small where its AUC happens to be near 1.
    """
    sizes, others = stratum_sizes(labels, None), stratum_sizes(other_labels, other_folds)
    areas = (delong(labels, probabilities).value, delong(other_labels, other_probabilities, other_folds).value)
    common = float(np.average(areas, weights=(len(labels), len(other_labels))))
    return _error(stratified_error(common, sizes)**2 + _factor(other_folds) * stratified_error(common, others)**2)


def _error(variance: float) -> float:
    return float(np.sqrt(max(variance, 0.0)))
