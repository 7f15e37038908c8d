"""How good the best of many looks is by chance alone: a max-statistic over the predictions of all looks.

In: the predictions of every look at the same cases, and labels. Out: p-values of one of them, by itself and as the best
of all. Labels are permuted within the folds of that look, for out-of-fold predictions know their fold; one permutation
holds for all looks, so that looks which are alike count less than looks which are not (Westfall and Young 1993). Looks
that a search chose by what it saw before are no such fixed set: each of them counts like one that is unlike all others
(Bonferroni). An ensemble is compared with the best ensembles of its size that the same looks allow, chosen anew for
each permutation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiogen.evaluation.stats.cross_validation import within_folds
from radiogen.evaluation.stats.resampling import blocks, permutations

DRAWS = 2000
SEED = 42
FINER = 200
"""Permutations for each look that is corrected for by p alone: fewer could not tell a p below 0.05 / looks."""

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class BestOfLooks:
    """p, p_best: how often a permutation of the labels makes of this look, or of the best of all, as much; two-sided,
    twice the share of permutations."""

    p: float
    p_best: float


class _Null(NamedTuple):
    """Permuted labels, bool (cases, draws), the observed ones first; strata, (cases,); `weight`: by case, covariance
    of its stratum's labels, so that a sum of centred values has the variance of weight * value ** 2."""

    labels: NDArray[np.bool_]
    strata: Groups
    weight: Floats


def best_of_looks(labels: NDArray[np.bool_], folds: Groups, looks: Floats, own: int, *, sizes: Sequence[int] = (),
                  more: int = 0, draws: int = DRAWS, seed: int = SEED) -> BestOfLooks:
    """How often chance makes as much of the look `own`, and of the best of all looks.

    Parameters
    ----------
    labels, folds
        Of each case, (cases,): the class, and the number of the fold in which the look `own` has it.
    looks
        Predictions, (looks, cases), NaN where a look has no such case.
    own
        Row of the look that is judged.
    sizes
        Of ensembles that were made of looks, where `own` is one: by how many members.
    more
        Looks beside these: trials of a search, or looks whose predictions nobody kept. Each adds p to `p_best`, and
        not less than the p of `within_folds`: a search finds what the overlap of training sets makes of noise, which
        permuted labels under fixed predictions do not show.
    draws, seed
        Permutations, of which all looks are judged by the same ones; p has `FINER` for each of `more`, where those are
        more.

    Returns
    -------
    BestOfLooks
        NaN where a p-value is not defined: no fold has both classes, or the look has one value alone.
    """
    null = _permuted(labels, folds, draws, seed)
    scores = _scores(np.stack([_centred_ranks(row, folds) for row in looks]), null)
    if not np.isfinite(scores[own, 0]):
        return BestOfLooks(np.nan, np.nan)
    highest = np.nanmax(np.where(np.isfinite(scores), scores, -np.inf), axis=0)
    for size in sorted({size for size in sizes if 1 < size <= len(looks)}):
        highest = np.maximum(highest, _best_ensemble(looks, scores, size, null))
    alone = scores[own, 1:]
    for block in range(1, -(-FINER * more // draws)):
        again = _permuted(labels, folds, draws, [seed, block])
        alone = np.append(alone, _scores(_centred_ranks(looks[own], folds)[None], again)[0, 1:])
    p = _two_sided(scores[own, 0], alone)
    each = max(p, within_folds(labels, looks[own], folds).p) if more else 0.0
    return BestOfLooks(p, min(1.0, _two_sided(scores[own, 0], highest[1:]) + more * each))


def _two_sided(found: float, chance: Floats) -> float:
    return min(1.0, 2 * float((1 + (chance >= found - 1e-9).sum()) / (len(chance) + 1)))


def _permuted(labels: NDArray[np.bool_], folds: Groups, draws: int, seed: int | Sequence[int]) -> _Null:
    random, permuted = np.random.default_rng(seed), np.empty((len(labels), draws + 1), bool)
    permuted[:, 0] = labels
    weight = np.zeros(len(labels))
    for fold in np.unique(folds):
        inside = np.flatnonzero(folds == fold)
        own, positive, first = labels[inside], float(labels[inside].sum()), 1
        for some in permutations(own, draws, random):
            permuted[inside, first:first + len(some)] = some.T
            first += len(some)
        if len(own) > 1:
            weight[inside] = positive * (len(own) - positive) / (len(own) * (len(own) - 1))
    return _Null(permuted, folds, weight)


def _centred_ranks(row: Floats, folds: Groups) -> Floats:
    """Ranks within each fold less their mean; 0 for a case that the look has not."""
    from scipy.stats import rankdata

    ranks = np.zeros(len(row))
    for fold in np.unique(folds):
        inside = (folds == fold) & np.isfinite(row)
        if inside.any():
            own = rankdata(row[inside])
            ranks[inside] = own - own.mean()
    return ranks


def _scores(values: Floats, null: _Null) -> Floats:
    """Of each row and permutation the sum over positive cases, in standard deviations of all permutations; NaN where
    a row does not vary. values: centred within each stratum; of ranks this is the AUC within folds, whatever the number
    of cases."""
    spread = np.sqrt(values ** 2 @ null.weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread[:, None] > 1e-9, _sums(values, null) / spread[:, None], np.nan)


def _sums(values: Floats, null: _Null) -> Floats:
    """Of each row and permutation the sum over positive cases."""
    return np.concatenate([values @ null.labels[:, part].astype(float)
                           for part in blocks(*null.labels.shape[::-1])], axis=1)


def _best_ensemble(looks: Floats, scores: Floats, size: int, null: _Null) -> Floats:
    """By permutation the score of the best mean of `size` looks: of those that score best one by one, or of those that
    are taken one by one because the mean gains most."""
    single = np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf)
    chosen = np.argpartition(-single, size - 1, axis=0)[:size].T
    filled = np.nan_to_num(_centred(looks, null.strata))
    answer = np.full(scores.shape[1], -np.inf)
    for members in (chosen, _greedy(filled, size, null)):
        for part in blocks(len(members), filled.shape[1] * size):
            joined = filled[members[part]].mean(axis=1)  # (some of the draws, cases)
            answer[part] = np.maximum(answer[part], _own_scores(joined, null.labels[:, part], null))
    return answer


def _centred(looks: Floats, strata: Groups) -> Floats:
    """Predictions less their mean within each stratum, over the cases that the look has."""
    out = looks.copy()
    for stratum in np.unique(strata):
        inside = strata == stratum
        known = np.isfinite(looks[:, inside])
        total = np.where(known, looks[:, inside], 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        out[:, inside] -= total[:, None]
    return out


def _greedy(filled: Floats, size: int, null: _Null) -> NDArray[np.int64]:
    """By permutation the looks, (draws, size), whose sum grows furthest in standard deviations, taken one by one."""
    gain, covariance = _sums(filled, null), (filled * null.weight) @ filled.T
    own, draws = np.diag(covariance)[:, None], gain.shape[1]
    total, spread = np.zeros(draws), np.zeros(draws)
    shared, taken = np.zeros_like(gain), np.zeros(gain.shape, bool)
    members = np.empty((draws, size), np.int64)
    for place in range(size):
        with np.errstate(divide="ignore", invalid="ignore"):
            score = (total + gain) / np.sqrt(spread + 2 * shared + own)
        best = np.argmax(np.where(taken | ~np.isfinite(score), -np.inf, score), axis=0)
        members[:, place], taken[best, range(draws)] = best, True
        total += gain[best, range(draws)]
        spread += 2 * shared[best, range(draws)] + own[best, 0]
        shared += covariance[:, best]
    return members


def _own_scores(joined: Floats, labels: NDArray[np.bool_], null: _Null) -> Floats:
    """Of each row, one a permutation, its score on the labels of that permutation, bool (cases, rows)."""
    from scipy.stats import rankdata

    answer, spread = np.zeros(len(joined)), np.zeros(len(joined))
    for stratum in np.unique(null.strata):
        inside = null.strata == stratum
        ranks = rankdata(joined[:, inside], axis=1)
        ranks -= ranks.mean(axis=1, keepdims=True)
        answer += np.einsum("dc,cd->d", ranks, labels[inside].astype(float))
        spread += ranks ** 2 @ null.weight[inside]
    return np.where(spread > 1e-18, answer / np.sqrt(np.maximum(spread, 1e-18)), -np.inf)
