"""How sure one may be of an AUC: intervals, tests, what a number of cases can resolve.

In: labels and probabilities of the same cases. Out: intervals and p-values. The patient is the unit throughout. All of
it takes the predictions as given: what another training on other cases would give varies more, which only training
again can tell. What they mean is decided in verdicts.py.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.evaluation.stats.metrics import auc, midranks

LEVEL = 0.95
DRAWS = 2000
POWER = 0.8


@dataclass(frozen=True)
class Estimate:
    """An AUC or a difference of two, the ends of its 95 % interval, and the p-value of 0.5 or of no difference."""

    value: float
    low: float
    high: float
    p: float


def stratified_auc(labels: np.ndarray, probabilities: np.ndarray, strata: np.ndarray, *, draws: int = DRAWS,
                   seed: int = 42) -> Estimate:
    """The AUC among cases alike in `strata`, (cases,): only pairs of one stratum are compared, each pair counts once.

    A stratum of one class has no pair. The interval is the bootstrap's, the p-value the two-sided permutation test's;
    both draw within each stratum. With one stratum it is the AUC of all. NaN where no stratum has both classes.
    """
    wins, drawn, shuffled, pairs = 0.0, np.zeros(draws), np.zeros(draws), 0
    for number, name in enumerate(pd.unique(np.asarray(strata))):
        inside = np.asarray(strata) == name
        own, scores = labels[inside], probabilities[inside]
        weight = int(own.sum()) * int((~own).sum())
        if not weight:
            continue
        pairs += weight
        wins += weight * auc(own, scores)
        drawn += weight * bootstrap_auc(own, scores, draws=draws, seed=seed + 1000 * number)
        shuffled += weight * _shuffled_auc(own, scores, draws, seed + 1000 * number)
    if not pairs:
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    low, high = np.quantile(drawn / pairs, _tails())
    gap = abs(wins / pairs - 0.5)
    p = (1 + (np.abs(shuffled / pairs - 0.5) >= gap - 1e-12).sum()) / (draws + 1)
    return Estimate(wins / pairs, float(low), float(high), float(p))


def bootstrap_interval(labels: np.ndarray, probabilities: np.ndarray, *, draws: int = DRAWS,
                       seed: int = 42) -> tuple[float, float]:
    """The 95 % percentile interval of the AUC over `draws` resamples of patients, within each class.

    Where the classes are fully apart no resample differs and the interval would be one point; then the far end comes
    from `_one_sided_limit`. NaN unless both classes are there.
    """
    value = auc(labels, probabilities)
    if np.isnan(value):
        return np.nan, np.nan
    if value in (0.0, 1.0):
        limit = _one_sided_limit(int(labels.sum()), int((~labels).sum()))
        return (limit, 1.0) if value == 1 else (0.0, 1 - limit)
    low, high = np.quantile(bootstrap_auc(labels, probabilities, draws=draws, seed=seed), _tails())
    return float(low), float(high)


def bootstrap_auc(labels: np.ndarray, probabilities: np.ndarray, *, draws: int = DRAWS, seed: int = 42) -> np.ndarray:
    """The AUC of `draws` resamples of the cases, shape (draws,).

    Patients are drawn with replacement within each class, so every resample keeps the class counts and has an AUC.
    The same seed and labels draw the same patients: two runs on the same cases may be subtracted draw by draw.
    """
    return _weighted_auc(labels, probabilities, draw_patients(labels, draws, seed))


def roc_band(labels: np.ndarray, probabilities: np.ndarray, rates: np.ndarray, *, draws: int = DRAWS,
             seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % band of the ROC curve: low and high true positive rate at each false positive rate of `rates`.

    Point by point, over the same resamples as `bootstrap_auc`. Both classes are needed.
    """
    positive, negative = _group_weights(labels, -probabilities, draw_patients(labels, draws, seed))
    heights = np.empty((draws, len(rates)))
    for number, (true, false) in enumerate(zip(positive, negative, strict=True)):
        across, up = (np.append(0, np.cumsum(part)) / part.sum() for part in (false, true))
        heights[number] = np.interp(rates, across, up)
    low, high = np.quantile(heights, _tails(), axis=0)
    return low, high


def draw_patients(labels: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """How often each case is in each resample, int, shape (draws, cases); class counts are kept."""
    random = np.random.default_rng([seed, 0])
    times = np.zeros((draws, len(labels)), dtype=np.int64)
    for group in (labels, ~labels):
        size = int(group.sum())
        if size:
            times[:, group] = random.multinomial(size, np.full(size, 1 / size), size=draws)
    return times


def bootstrap_difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray, *, draws: int = DRAWS,
                         seed: int = 42) -> tuple[float, float]:
    """The 95 % percentile interval of AUC(first) - AUC(second): both on the same cases and the same resamples."""
    gaps = (bootstrap_auc(labels, first, draws=draws, seed=seed)
            - bootstrap_auc(labels, second, draws=draws, seed=seed))
    low, high = np.quantile(gaps, _tails())
    return float(low), float(high)


def permutation_p(labels: np.ndarray, probabilities: np.ndarray, *, draws: int = DRAWS, seed: int = 42) -> float:
    """Two-sided p-value of AUC = 0.5: how often shuffled labels lie at least as far from 0.5.

    The observed order counts as one of the draws (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 2010;9:39), so the
    smallest p is 1 / (draws + 1). NaN unless both classes are there.
    """
    if labels.all() or not labels.any():
        return np.nan
    areas = _shuffled_auc(labels, probabilities, draws, seed)
    gap = abs(auc(labels, probabilities) - 0.5)
    return float((1 + (np.abs(areas - 0.5) >= gap - 1e-12).sum()) / (draws + 1))


def delong(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """The AUC with the interval and two-sided p-value (of 0.5) of DeLong et al., Biometrics 1988;44:837.

    The interval is symmetric, cut at 0 and 1. NaN unless each class has two cases.
    """
    areas, covariance = delong_covariance(labels, [probabilities])
    return _normal_estimate(areas[0], covariance[0, 0], null=0.5, low=0.0)


def delong_difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> Estimate:
    """AUC(first) - AUC(second) on the same cases, with DeLong's paired interval and p-value of no difference."""
    areas, covariance = delong_covariance(labels, [first, second])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return _normal_estimate(areas[0] - areas[1], variance, null=0.0, low=-1.0)


def delong_unpaired(labels: np.ndarray, probabilities: np.ndarray, other_labels: np.ndarray,
                    other_probabilities: np.ndarray) -> Estimate:
    """AUC of the first cohort - AUC of the other, whose cases are other patients, with interval and p of no difference.

    The variances by DeLong are added, for the cohorts are independent. labels bool, each pair of shape (cases,). NaN
    unless both classes of both cohorts have two cases.
    """
    areas, covariance = delong_covariance(labels, [probabilities])
    others, other_covariance = delong_covariance(other_labels, [other_probabilities])
    return _normal_estimate(areas[0] - others[0], covariance[0, 0] + other_covariance[0, 0], null=0.0, low=-1.0)


def delong_covariance(labels: np.ndarray, scores: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """AUCs, shape (runs,), and their covariance, shape (runs, runs), by mid-ranks.

    Sun and Xu, IEEE Signal Process. Lett. 2014;21:1389: the structural components of DeLong et al. in n log n.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if min(positives, negatives) < 2:
        return np.full(len(scores), np.nan), np.full((len(scores), len(scores)), np.nan)
    above, below = [], []
    for score in scores:
        ranks = midranks(score)
        above.append((ranks[labels] - midranks(score[labels])) / negatives)
        below.append(1 - (ranks[~labels] - midranks(score[~labels])) / positives)
    covariance = np.atleast_2d(np.cov(above)) / positives + np.atleast_2d(np.cov(below)) / negatives
    return np.mean(above, axis=1), covariance


def resolvable_auc(positives: int, negatives: int) -> float:
    """The smallest AUC above 0.5 which that many cases find in 80 % of studies at the two-sided 5 % level.

    Variance by Hanley and McNeil, Radiology 1982;143:29. 1 where even a perfect ranking would not do.
    """
    from scipy.optimize import brentq

    if not positives or not negatives:
        return 1.0
    null = NormalDist().inv_cdf(1 - _tails()[0]) * hanley_mcneil_error(0.5, positives, negatives)
    reach = NormalDist().inv_cdf(POWER)

    def shortfall(area: float) -> float:
        return area - 0.5 - null - reach * hanley_mcneil_error(area, positives, negatives)

    return 1.0 if shortfall(1.0) <= 0 else float(brentq(shortfall, 0.5, 1.0))


def resolvable_difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """The smallest difference of these two runs' AUCs which these cases find with 80 % power at the 5 % level.

    From DeLong's standard error of this very pair, for it depends on how alike the two runs are.
    """
    _, covariance = delong_covariance(labels, [first, second])
    return _resolvable(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def resolvable_unpaired(labels: np.ndarray, probabilities: np.ndarray, other_labels: np.ndarray,
                        other_probabilities: np.ndarray) -> float:
    """`resolvable_difference` of two cohorts of different patients, from the standard error of `delong_unpaired`."""
    _, covariance = delong_covariance(labels, [probabilities])
    _, other = delong_covariance(other_labels, [other_probabilities])
    return _resolvable(covariance[0, 0] + other[0, 0])


def hanley_mcneil_error(area: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC of this size by the formula of Hanley and McNeil, Radiology 1982;143:29."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (positives - 1) * (first - area**2) + (negatives - 1) * (second - area**2))
    return float(np.sqrt(max(variance, 0.0) / (positives * negatives)))


def wilson_interval(found: NDArray[np.integer], cases: NDArray[np.integer]
                    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high end of the 95 % interval of each share found / cases: Wilson, J. Am. Stat. Assoc. 1927;22:209."""
    from scipy.stats import binomtest

    ends = [binomtest(int(count), int(total)).proportion_ci(1 - 2 * _tails()[0], method="wilson")
            for count, total in zip(found, cases, strict=True)]
    return np.array([end.low for end in ends]), np.array([end.high for end in ends])


def holm_adjusted(p: np.ndarray) -> np.ndarray:
    """P-values of several tests, (tests,), adjusted by Holm, Scand. J. Stat. 1979;6:65; NaN stays and counts for none.

    Their order does not matter.
    """
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[:int(np.isfinite(p).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps) if len(steps) else steps, 1.0)
    return adjusted


def _resolvable(variance: float) -> float:
    """The smallest difference that an estimate of this variance finds with 80 % power at the 5 % level."""
    return float((NormalDist().inv_cdf(1 - _tails()[0]) + NormalDist().inv_cdf(POWER)) * np.sqrt(max(variance, 0.0)))


def _one_sided_limit(positives: int, negatives: int) -> float:
    """The AUC that lies just 1.96 of its own standard errors (Hanley and McNeil) below 1."""
    from scipy.optimize import brentq

    reach = NormalDist().inv_cdf(1 - _tails()[0])

    def gap(area: float) -> float:
        return 1 - area - reach * hanley_mcneil_error(area, positives, negatives)

    return float(brentq(gap, 0.0, 1 - 1e-9)) if gap(0.0) > 0 > gap(1 - 1e-9) else 0.0


def _shuffled_auc(labels: np.ndarray, probabilities: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """The AUC of `draws` permutations of the labels, shape (draws,); both classes are needed."""
    positives = int(labels.sum())
    ranks = np.tile(midranks(probabilities), (draws, 1))
    sums = np.random.default_rng([seed, 1]).permuted(ranks, axis=1)[:, :positives].sum(axis=1)
    return (sums - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))


def _weighted_auc(labels: np.ndarray, probabilities: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The AUC where case j counts times[i, j] times, shape (draws,)."""
    positive, negative = _group_weights(labels, probabilities, times)
    below = np.cumsum(negative, axis=1) - negative / 2
    return (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def _group_weights(labels: np.ndarray, scores: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each distinct score, from low to high, is drawn with label 1 and with label 0, each (draws, scores)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    weights = times[:, order]
    return (np.add.reduceat(weights * labels[order], starts, axis=1),
            np.add.reduceat(weights * ~labels[order], starts, axis=1))


def _normal_estimate(value: float, variance: float, null: float, low: float) -> Estimate:
    if np.isnan(value):
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    error = float(np.sqrt(max(variance, 0.0)))
    reach = NormalDist().inv_cdf(1 - _tails()[0]) * error
    if error > 0:
        p = 2 * NormalDist().cdf(-abs(value - null) / error)
    else:
        p = 1.0 if value == null else 0.0
    return Estimate(float(value), float(max(value - reach, low)), float(min(value + reach, 1.0)), p)


def _tails() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2
