"""The AUC of out-of-fold predictions: within folds, with a p-value that allows for what folds have in common.

In: labels, probabilities and the fold of each case. Out: an `Estimate`. Each fold is scored by a network of its own, so
only patients of one fold are compared. Two patients of different folds are used twice, each once to score the other:
without a signal the AUC therefore varies up to twice as much as shuffled labels say, and p is corrected for that.
benchmarks/leakage/null_trainings.py measures what is left: docs/judgement.md.
"""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from radiogen.core.auc import midranks
from radiogen.evaluation.stats.intervals import Estimate, delong


def within_folds(labels: np.ndarray, probabilities: np.ndarray, folds: np.ndarray,
                 groups: np.ndarray | None = None) -> Estimate:
    """The AUC where only cases of one fold are compared, each pair counting once.

    labels bool, probabilities float, folds: the name of the fold that scored each case, all (cases,). groups: only
    cases alike in these are compared, too. The interval is `delong`'s and takes the predictions as they are; p is
    two-sided, of 0.5, and allows for another training. NaN where no fold has both classes.
    """
    strata = folds if groups is None else pd.factorize(pd.MultiIndex.from_arrays([folds, groups]))[0]
    found = delong(labels, probabilities, strata)
    if np.isnan(found.value):
        return found
    deviation = np.sqrt(variance_factor(len(np.unique(folds))) * null_variance(labels, probabilities, strata))
    return replace(found, p=_two_sided(found.value - 0.5, deviation))


def corrected_p(gap: Estimate, deviation: float, factor: float) -> float:
    """The two-sided p of no difference for an estimate of this standard error, whose variance is `factor` times that.

    NaN where the difference is.
    """
    return float("nan") if np.isnan(gap.value) else _two_sided(gap.value, np.sqrt(factor) * deviation)


def variance_factor(folds: int) -> float:
    """How much the variance of an AUC over `folds` exceeds that of folds which have nothing in common.

    1 + test cases / training cases x folds: the corrected variance of cross-validation of Nadeau and Bengio, Machine
    Learning 2003;52:239, whose 1 / J + n2 / n1 here is J times as much. 2.25 for five folds; 1 for a single one.
    """
    return 1 + folds / (folds - 1) if folds > 1 else 1.0


def widened(estimate: Estimate, folds: int) -> Estimate:
    """The estimate with an interval for models that were trained in each fold's others, not for finished predictions.

    Both ends move away from the value by the square root of `variance_factor`: the factor of p in `within_folds`. One
    fold, as the holdout is, leaves the estimate as it was.
    """
    factor = float(np.sqrt(variance_factor(folds)))
    low = max(0.0, estimate.value - factor * (estimate.value - estimate.low))
    high = min(1.0, estimate.value + factor * (estimate.high - estimate.value))
    return replace(estimate, low=low, high=high)


def null_variance(labels: np.ndarray, probabilities: np.ndarray, strata: np.ndarray) -> float:
    """The variance of the stratified AUC over all permutations of the labels within strata, ties included."""
    total, pairs = 0.0, 0
    for name in pd.unique(strata):
        inside = strata == name
        positives, cases = int(labels[inside].sum()), int(inside.sum())
        if 0 < positives < cases:
            spread = midranks(probabilities[inside]).var(ddof=1)
            total += positives * (cases - positives) / cases * spread
            pairs += positives * (cases - positives)
    return float(total / pairs**2) if pairs else float("nan")


def _two_sided(gap: float, deviation: float) -> float:
    if deviation <= 0:
        return 1.0 if abs(gap) < 1e-12 else 0.0
    return 2 * NormalDist().cdf(-abs(gap) / float(deviation))
