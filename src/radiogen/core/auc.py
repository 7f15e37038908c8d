"""The area under the ROC curve, and the covariance of several on the same cases.

In: labels and scores. Out: numbers. Below every room that trains or judges, so that all of them count pairs alike.
"""

import numpy as np
import pandas as pd


def auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive case is placed above a negative one, a tie counting half.

    NaN unless both classes are there. Mann and Whitney, Ann. Math. Stat. 1947;18:50.

    Examples
    --------
    >>> labels, probabilities = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.6, 0.1])
    >>> auc(labels, probabilities)
    0.75
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return np.nan
    ranks = midranks(probabilities)[labels].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def midranks(scores: np.ndarray) -> np.ndarray:
    """Ranks from 1 up, shape (cases,); equal scores share the mean of their ranks."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def delong_covariance(labels: np.ndarray, scores: list[np.ndarray], strata: np.ndarray | None = None
                      ) -> tuple[np.ndarray, np.ndarray]:
    """AUCs, shape (runs,), and their covariance, shape (runs, runs), by mid-ranks.

    Sun and Xu, IEEE Signal Process. Lett. 2014;21:1389: the structural components of DeLong et al. in n log n. strata:
    only pairs of one stratum are compared, each counting once; the components' covariance is pooled over the strata,
    each about its own mean. AUCs are NaN where there is no pair, the covariance where no stratum has two cases of a
    class.
    """
    runs, sizes = len(scores), stratum_sizes(labels, strata)
    pairs, free = sum(one * no for one, no in sizes), np.array([sum(one - 1 for one, _ in sizes),
                                                               sum(no - 1 for _, no in sizes)])
    sums, spread = np.zeros(runs), np.zeros((2, runs, runs))
    for inside in compared_strata(labels, strata):
        own = labels[inside]
        positives, negatives = int(own.sum()), int((~own).sum())
        ranks = [(midranks(score[inside]), midranks(score[inside][own]), midranks(score[inside][~own]))
                 for score in scores]
        above = np.array([(every[own] - among) / negatives for every, among, _ in ranks])
        below = np.array([1 - (every[~own] - among) / positives for every, _, among in ranks])
        sums += above.sum(axis=1) * negatives
        for place, part in enumerate((above, below)):
            part = part - part.mean(axis=1, keepdims=True)
            spread[place] += part @ part.T
    if not pairs or not free.all():
        return sums / pairs if pairs else np.full(runs, np.nan), np.full((runs, runs), np.nan)
    weights = [sum((one * no / pairs)**2 / (one, no)[place] for one, no in sizes) for place in (0, 1)]
    return sums / pairs, weights[0] * spread[0] / free[0] + weights[1] * spread[1] / free[1]


def delong_gap(labels: np.ndarray, first: np.ndarray, second: np.ndarray, strata: np.ndarray | None = None
               ) -> tuple[float, float]:
    """AUC(first) - AUC(second) on the same cases and its variance, both of `delong_covariance`."""
    areas, covariance = delong_covariance(labels, [first, second], strata)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(areas[0] - areas[1]), float(np.maximum(variance, 0))


def stratum_sizes(labels: np.ndarray, strata: np.ndarray | None) -> list[tuple[int, int]]:
    """(positive, negative) cases of each stratum that has both, all in one where `strata` is None."""
    return [(int(labels[inside].sum()), int((~labels[inside]).sum())) for inside in compared_strata(labels, strata)]


def compared_strata(labels: np.ndarray, strata: np.ndarray | None) -> list[np.ndarray]:
    """The places of each stratum with cases of both classes, in the order in which they come."""
    groups = [np.arange(len(labels))] if strata is None else [
        np.flatnonzero(np.asarray(strata) == name) for name in pd.unique(np.asarray(strata))]
    return [inside for inside in groups if labels[inside].any() and not labels[inside].all()]
