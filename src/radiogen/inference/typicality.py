"""Whether a patient looks like those that trained a run; where not, the run has nothing to say and abstains.

In: a `Reference` of training cases and a patient's own numbers. Out: a `Typicality`. Each sequence is compared by the
mean distance to its nearest training cases, once in coarse images and intensities as they are, once along the
directions in which the training cases vary, in units of how much they do (Lee et al., NeurIPS 2018, use the same
distance; nearest neighbours allow for several planes and hospitals). The distances of training cases to the others, by
five folds of their own, say how far is too far: so far that in nine of ten draws of the training cases at most 5 % of
patients like them lie beyond (Vovk, Asian Conference on Machine Learning 2012:475). The spread of the networks over
folds, which is often shown for this, is no measure of it: networks agree on an upside-down head.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from radiogen.core.types import FloatArray
from radiogen.inference.reference import Reference

NEIGHBOURS = 5
FOLDS = 5
MOST_DECLINED, CONFIDENCE = 0.05, 0.9
"""The share of usual patients that may be declined, and in what share of draws of the training cases that holds."""
FEWEST = 45
"""With fewer training cases no limit keeps that promise: the farthest of them does not."""
_SMALLEST_SPREAD = 0.02
"""Of a number over the training cases; a background that is black in all of them would make any other grey infinite."""
_LARGE = 1e6


@dataclass(frozen=True)
class Typicality:
    """How far off a patient is, in units of what is usual, and from where on that is too far.

    sequences: those that alone are too far off.
    """

    distance: float
    limit: float
    sequences: tuple[str, ...]

    @property
    def atypical(self) -> bool:
        """Whether the run should abstain."""
        return self.distance > self.limit


class Usual(NamedTuple):
    """How far training cases lie from the others: known (cases, sequences, numbers), of how many directions, the usual
    distances (2 sequences,) by which others are divided, and the limit."""

    known: FloatArray
    directions: int
    scale: FloatArray
    limit: float


def usual_distances(reference: Reference, leave_out: str = "") -> Usual | None:
    """How far training cases lie from those of the other folds; None where they are fewer than `FEWEST`.

    leave_out: the id of the training case that the patient is, if any.
    """
    known = reference.summaries[reference.ids != leave_out]
    if len(known) < FEWEST:
        return None
    directions = max(2, len(known) * (FOLDS - 1) // FOLDS // 4)
    usual = np.full((len(known), 2 * known.shape[1]), np.nan)
    for fold in range(FOLDS):
        own = np.arange(len(known)) % FOLDS == fold
        usual[own] = _distances(known[~own], known[own], directions)
    scale = np.nanquantile(usual, 0.9, axis=0)
    farthest = np.sort(np.nanmax(usual / scale, axis=1))[::-1]
    return Usual(known, directions, scale, float(farthest[limit_rank(len(known)) - 1]))


def limit_rank(cases: int) -> int:
    """The limit is the distance of the training case that is so many-th farthest off, of `cases`; 0: none will do.

    Where patients come as training cases do, the share of them that lies beyond the k-th farthest is distributed as
    Beta(k, cases + 1 - k), whatever the distances are. The largest k is taken for which it is at most `MOST_DECLINED`
    with a probability of `CONFIDENCE`. A patient is held against all training cases and they against four fifths of the
    others, so that it lies rather nearer than they do.
    """
    from scipy.stats import beta

    ranks = np.arange(1, cases + 1)
    return int((beta.cdf(MOST_DECLINED, ranks, cases + 1 - ranks) >= CONFIDENCE).sum())


def judge_typicality(usual: Usual, summary: FloatArray, sequences: Sequence[str]) -> Typicality:
    """Compare a patient with the training cases.

    summary: (sequences, numbers), NaN where a sequence is missing, which does not count here.
    """
    there = np.flatnonzero(np.isfinite(summary).all(axis=1))
    found = _distances(usual.known, summary[None], usual.directions)[0] / usual.scale
    by_sequence = np.nan_to_num(found, nan=0.0, posinf=_LARGE).reshape(2, -1).max(axis=0)
    return Typicality(float(by_sequence[there].max()) if len(there) else _LARGE, usual.limit,
                      tuple(sequences[int(place)] for place in there if by_sequence[place] > usual.limit))


def _distances(known: FloatArray, cases: FloatArray, directions: int) -> FloatArray:
    """(cases, 2 sequences): of each case to its nearest known ones, as they are, then along so many directions."""
    columns = []
    for count in (0, directions):
        for place in range(known.shape[1]):
            own = known[np.isfinite(known[:, place]).all(axis=1), place]
            columns.append(_nearest(own, cases[:, place], count) if len(own) > NEIGHBOURS else
                           np.full(len(cases), np.nan))
    return np.stack(columns, axis=1)


def _nearest(known: FloatArray, cases: FloatArray, directions: int) -> FloatArray:
    project = _along_directions(known, directions) if directions else _standardised(known)
    own, others = project(cases), project(known)
    squares = (own ** 2).sum(axis=1)[:, None] + (others ** 2).sum(axis=1)[None] - 2 * own @ others.T
    return np.sort(np.sqrt(np.maximum(squares, 0)), axis=1)[:, :NEIGHBOURS].mean(axis=1)


def _standardised(known: FloatArray) -> Callable[[FloatArray], FloatArray]:
    middle, spread = known.mean(axis=0), np.maximum(known.std(axis=0), _SMALLEST_SPREAD)
    return lambda values: (values - middle) / spread


def _along_directions(known: FloatArray, count: int) -> Callable[[FloatArray], FloatArray]:
    """Numbers as multiples of their spread along the main directions of the known cases, and what is left beside."""
    standard = _standardised(known)
    values = standard(known)
    _, spreads, directions = np.linalg.svd(values, full_matrices=False)
    kept = min(count, len(spreads) - 1)
    rest = max(len(spreads) - kept, 1)
    floor = max(float(np.sqrt((spreads[kept:] ** 2).sum() / len(known) / rest)), 1e-9)
    spread = np.maximum(spreads[:kept] / np.sqrt(len(known)), floor)
    weight = floor * max(values.shape[1] - kept, 1) ** 0.25

    def project(cases: FloatArray) -> FloatArray:
        numbers = standard(cases)
        along = numbers @ directions[:kept].T
        return np.concatenate([along / spread, (numbers - along @ directions[:kept]) / weight], axis=1)
    return project
