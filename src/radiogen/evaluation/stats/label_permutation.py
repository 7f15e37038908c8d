"""Where a run lies among trainings of itself on permuted labels: a p-value, and what it means.

In: the run's AUC and the AUCs of those trainings. Out: a `PermutationTest`. The p-value counts the run itself as one of
the draws, so that it is never 0 and holds however few draws there are. Labels that were exchanged within folds mean
nothing, so the draws themselves have to be at chance: draws that are not have seen labels of the cases that they score.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from radiogen.runs.label_permutations import FOLDS

LEVEL = 0.05
LEAST_DRAWS = round(1 / LEVEL) - 1
"""So many draws can show p = 0.05."""
LEAK_LEVEL = 0.01
"""Draws within folds whose mean AUC is above 0.5 with a smaller p (one-sided t-test) leak."""


class Reach(StrEnum):
    """Whether trainings on permuted labels reach the run's AUC; the value is what a reader is shown."""

    TOO_FEW_DRAWS = f"{LEAST_DRAWS} draws are the least that can show p = {LEVEL:g}"
    NOT_REACHED = "its own training does not reach this without the labels"
    REACHED = "its own training reaches this on labels that mean nothing"
    LEAKS = "its own training beats chance on labels that mean nothing, so labels of scored cases leak into it"


@dataclass(frozen=True)
class PermutationTest:
    """The run beside its trainings on permuted labels.

    within: `folds` or `planes`, within what labels were exchanged. areas: the AUC of each draw, (draws,). auc: the
    run's. p: how often a draw does at least as well, one-sided. chance_p: of draws within folds, that their mean AUC is
    0.5 or below, one-sided; None within planes, where labels that go with the plane still do.
    """

    within: str
    areas: NDArray[np.float64]
    auc: float
    p: float
    outcome: Reach
    chance_p: float | None = None

    @property
    def leaks(self) -> bool:
        """Whether the draws themselves are better than chance."""
        return self.outcome is Reach.LEAKS

    @property
    def too_few(self) -> bool:
        """Whether the draws are too few to show p = 0.05."""
        return self.outcome is Reach.TOO_FEW_DRAWS

    @property
    def median(self) -> float:
        """Of the draws' AUCs."""
        return float(np.median(self.areas))

    @property
    def highest(self) -> float:
        """Of the draws' AUCs."""
        return float(self.areas.max())


def permutation_test(within: str, areas: np.ndarray, area: float) -> PermutationTest:
    """The test of a run with AUC `area` against draws with these `areas`."""
    p, chance_p = one_sided_p(area, areas), _chance_p(areas) if within == FOLDS else None
    few = 1 / (len(areas) + 1) > LEVEL
    outcome = Reach.TOO_FEW_DRAWS if few else Reach.NOT_REACHED if p <= LEVEL else Reach.REACHED
    if chance_p is not None and chance_p < LEAK_LEVEL:
        outcome = Reach.LEAKS
    return PermutationTest(within, areas, area, p, outcome, chance_p)


def one_sided_p(area: float, areas: np.ndarray) -> float:
    """How often a training on permuted labels does at least as well: (1 + number) / (draws + 1), one-sided.

    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 2010;9:39.
    """
    return float((1 + (areas >= area - 1e-12).sum()) / (len(areas) + 1))


def _chance_p(areas: np.ndarray) -> float:
    """How surely the mean of the draws' AUCs is above 0.5, one-sided; 1 of fewer than two."""
    from scipy import stats

    if len(areas) < 2 or areas.mean() <= 0.5:
        return 1.0
    return float(stats.ttest_1samp(areas, 0.5, alternative="greater").pvalue) if np.ptp(areas) > 0 else 0.0
