"""How sure one may be of an AUC: intervals, tests, what a number of cases can resolve.

In: labels and probabilities of the same cases. Out: intervals and p-values. The patient is the unit throughout. All of
it takes the predictions as given: what another training on other cases would give varies more, which only training
again can tell. What they mean is decided in verdicts.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from radiogen.core.auc import auc, compared_strata, delong_covariance, delong_gap, midranks, stratum_sizes
from radiogen.evaluation.stats.resampling import blocks, draw_patients, permutations

LEVEL = 0.95
DRAWS = 2000
_REACH = NormalDist().inv_cdf((1 + LEVEL) / 2)


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

    A stratum of one class has no pair. The interval is `delong`'s, the p-value the two-sided permutation test's, which
    draws within each stratum. With one stratum it is the AUC of all. NaN where no stratum has both classes.
    """
    found, shuffled, pairs = delong(labels, probabilities, strata), np.zeros(draws), 0
    if np.isnan(found.value):
        return found
    for number, inside in enumerate(compared_strata(labels, strata)):
        own = labels[inside]
        weight = int(own.sum()) * int((~own).sum())
        pairs += weight
        shuffled += weight * _shuffled_auc(own, probabilities[inside], draws, seed + 1000 * number)
    gap = abs(found.value - 0.5)
    p = (1 + (np.abs(shuffled / pairs - 0.5) >= gap - 1e-12).sum()) / (draws + 1)
    return replace(found, p=float(p))


def bootstrap_interval(labels: np.ndarray, probabilities: np.ndarray, *, draws: int = DRAWS,
                       seed: int = 42) -> tuple[float, float]:
    """The 95 % percentile interval of the AUC over `draws` resamples of patients, within each class.

    Where the classes are fully apart no resample differs and the interval would be one point; then the far end comes
    from `_one_sided_limit`. NaN unless both classes are there.

    Examples
    --------
    >>> labels = np.arange(40) % 2 == 1
    >>> low, high = bootstrap_interval(labels, np.where(labels, 0.6, 0.4) + np.linspace(-0.2, 0.2, 40))
    >>> round(low, 2), round(high, 2)
    (0.78, 0.97)
    """
    value = auc(labels, probabilities)
    if np.isnan(value):
        return np.nan, np.nan
    if value in (0.0, 1.0):
        limit = _one_sided_limit(stratum_sizes(labels, None))
        return (limit, 1.0) if value == 1 else (0.0, 1 - limit)
    low, high = np.quantile(bootstrap_auc(labels, probabilities, draws=draws, seed=seed), _tails())
    return float(low), float(high)


def bootstrap_auc(labels: np.ndarray, probabilities: np.ndarray, strata: np.ndarray | None = None, *,
                  draws: int = DRAWS, seed: int = 42) -> np.ndarray:
    """The AUC of `draws` resamples of the cases, shape (draws,); NaN without a pair.

    Patients are drawn with replacement within each class, so every resample keeps the class counts and has an AUC.
    The same seed and labels draw the same patients: two runs on the same cases may be subtracted draw by draw. strata:
    only pairs of one stratum are compared, and patients are drawn within each.
    """
    total, pairs = np.zeros(draws), 0
    for number, inside in enumerate(compared_strata(labels, strata)):
        own = labels[inside]
        weight = int(own.sum()) * int((~own).sum())
        total += weight * _weighted_auc(own, probabilities[inside], draw_patients(own, draws, seed + 1000 * number))
        pairs += weight
    return total / pairs if pairs else np.full(draws, np.nan)


def roc_band(labels: np.ndarray, probabilities: np.ndarray, rates: np.ndarray, *, draws: int = DRAWS,
             seed: int = 42) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % band of the ROC curve: low and high true positive rate at each false positive rate of `rates`.

    Point by point, over the same resamples as `bootstrap_auc`. Both classes are needed.
    """
    times, heights = draw_patients(labels, draws, seed), np.empty((draws, len(rates)))
    for part in blocks(draws, len(labels)):
        for number, (true, false) in enumerate(zip(*_group_weights(labels, -probabilities, times[part]), strict=True),
                                               part.start):
            across, up = (np.append(0, np.cumsum(one)) / one.sum() for one in (false, true))
            heights[number] = np.interp(rates, across, up)
    low, high = np.quantile(heights, _tails(), axis=0)
    return low, high


def bootstrap_difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray, strata: np.ndarray | None = None,
                         *, draws: int = DRAWS, seed: int = 42) -> tuple[float, float]:
    """The 95 % percentile interval of AUC(first) - AUC(second): both on the same cases and the same resamples.

    strata: as in `bootstrap_auc`.
    """
    gaps = (bootstrap_auc(labels, first, strata, draws=draws, seed=seed)
            - bootstrap_auc(labels, second, strata, draws=draws, seed=seed))
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


def delong(labels: np.ndarray, probabilities: np.ndarray, strata: np.ndarray | None = None) -> Estimate:
    """The AUC with the variance of DeLong et al., Biometrics 1988;44:837, and the two-sided p-value of 0.5.

    The 95 % interval is symmetric on the logit scale (Pepe, The Statistical Evaluation of Medical Tests, 2003, section
    5.2.4), so that it holds its level near 0 and 1 too and never leaves them. Where the variance says nothing (classes
    fully apart, a class of one case) Hanley and McNeil's stands for it; a perfect order ends at the AUC that lies 1.96
    of its own errors below 1. strata: only pairs of one stratum are compared. NaN where there is no pair.

    Examples
    --------
    >>> labels = np.arange(40) % 2 == 1
    >>> found = delong(labels, np.where(labels, 0.6, 0.4) + np.linspace(-0.2, 0.2, 40))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (0.887, 0.75, 0.954)
    """
    sizes = stratum_sizes(labels, strata)
    if not sizes:
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    (value,), covariance = delong_covariance(labels, [probabilities], strata)
    error = float(np.sqrt(max(covariance[0, 0], 0.0))) if np.isfinite(covariance[0, 0]) else 0.0
    if error < 1e-9 and any(np.ptp(probabilities[inside]) > 0 for inside in compared_strata(labels, strata)):
        error = stratified_error(value, sizes)
    found = _normal_estimate(value, error**2, null=0.5, low=0.0)
    if min(value, 1 - value) < 1e-12:
        limit = _one_sided_limit(sizes)
        p = 2 * NormalDist().cdf(-0.5 / stratified_error(0.5, sizes))
        return Estimate(float(value), *((limit, 1.0) if value > 0.5 else (0.0, 1 - limit)), p)
    odds, reach = value / (1 - value), np.exp(_REACH * error / (value * (1 - value)))
    return replace(found, low=float(odds / (odds + reach)), high=float(1 - 1 / (1 + odds * reach)))


def auc_interval(labels: np.ndarray, probabilities: np.ndarray, strata: np.ndarray | None = None
                 ) -> tuple[float, float]:
    """The ends of `delong`'s 95 % interval."""
    found = delong(labels, probabilities, strata)
    return found.low, found.high


def delong_difference(labels: np.ndarray, first: np.ndarray, second: np.ndarray, strata: np.ndarray | None = None
                      ) -> Estimate:
    """AUC(first) - AUC(second) on the same cases, with DeLong's paired interval and p-value of no difference.

    strata: only pairs of one stratum are compared.
    """
    return _normal_estimate(*delong_gap(labels, first, second, strata), null=0.0, low=-1.0)


def delong_unpaired(labels: np.ndarray, probabilities: np.ndarray, other_labels: np.ndarray,
                    other_probabilities: np.ndarray, other_strata: np.ndarray | None = None) -> Estimate:
    """AUC of the first cohort - AUC of the other, whose cases are other patients, with interval and p of no difference.

    The variances by DeLong are added, for the cohorts are independent. labels bool, each pair of shape (cases,).
    other_strata: of the other cohort only pairs of one stratum are compared. NaN unless both classes of both cohorts
    have two cases.
    """
    areas, covariance = delong_covariance(labels, [probabilities])
    others, other_covariance = delong_covariance(other_labels, [other_probabilities], other_strata)
    return _normal_estimate(areas[0] - others[0], covariance[0, 0] + other_covariance[0, 0], null=0.0, low=-1.0)


def stratified_error(area: float, sizes: Sequence[tuple[int, int]]) -> float:
    """`hanley_mcneil_error` of an AUC over strata of these `stratum_sizes`, each pair counting once."""
    pairs = sum(one * no for one, no in sizes)
    return float(np.sqrt(sum((one * no / pairs * hanley_mcneil_error(area, one, no))**2 for one, no in sizes)))


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


def _one_sided_limit(sizes: Sequence[tuple[int, int]]) -> float:
    """The AUC that lies just 1.96 of its own standard errors (Hanley and McNeil) below 1."""
    from scipy.optimize import brentq

    def gap(area: float) -> float:
        return 1 - area - _REACH * stratified_error(area, sizes)

    return float(brentq(gap, 0.0, 1 - 1e-9)) if gap(0.0) > 0 > gap(1 - 1e-9) else 0.0


def _shuffled_auc(labels: np.ndarray, probabilities: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """The AUC of `draws` permutations of the labels, shape (draws,); both classes are needed."""
    positives, random = int(labels.sum()), np.random.default_rng([seed, 1])
    sums = np.concatenate([ranks[:, :positives].sum(axis=1)
                           for ranks in permutations(midranks(probabilities), draws, random)])
    return (sums - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))


def _weighted_auc(labels: np.ndarray, probabilities: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The AUC where case j counts times[i, j] times, shape (draws,)."""
    areas = np.empty(len(times))
    for part in blocks(*times.shape):
        positive, negative = _group_weights(labels, probabilities, times[part])
        below = np.cumsum(negative, axis=1) - negative / 2
        areas[part] = (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))
    return areas


def _group_weights(labels: np.ndarray, scores: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each distinct score, from low to high, is drawn with label 1 and with label 0, each int (draws,
    scores)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    weights = times[:, order].astype(np.int64)
    return (np.add.reduceat(weights * labels[order], starts, axis=1),
            np.add.reduceat(weights * ~labels[order], starts, axis=1))


def _normal_estimate(value: float, variance: float, null: float, low: float) -> Estimate:
    if np.isnan(value) or np.isnan(variance):
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    error = float(np.sqrt(max(variance, 0.0)))
    reach = _REACH * error
    if error > 0:
        p = 2 * NormalDist().cdf(-abs(value - null) / error)
    else:
        p = 1.0 if value == null else 0.0
    return Estimate(float(value), float(max(value - reach, low)), float(min(value + reach, 1.0)), p)


def _tails() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2
