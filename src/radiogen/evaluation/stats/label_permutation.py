"""Where a run lies among trainings of itself on permuted labels: a p-value, and what it means.

In: the run's AUC and the AUCs of those trainings. Out: a `PermutationTest`. The p-value counts the run itself as one of
the draws, so that it is never 0 and holds however few draws there are.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
LEAST_DRAWS = round(1 / LEVEL) - 1
"""So many draws can show p = 0.05."""


class Reach(StrEnum):
    """Whether trainings on permuted labels reach the run's AUC; the value is what a reader is shown."""

    TOO_FEW_DRAWS = f"{LEAST_DRAWS} draws are the least that can show p = {LEVEL:g}"
    NOT_REACHED = "its own training does not reach this without the labels"
    REACHED = "its own training reaches this on labels that mean nothing"


@dataclass(frozen=True)
class PermutationTest:
    """The run beside its trainings on permuted labels.

    within: `folds` or `planes`, within what labels were exchanged. areas: the AUC of each draw, (draws,). auc: the
    run's. p: how often a draw does at least as well, one-sided.
    """

    within: str
    areas: NDArray[np.float64]
    auc: float
    p: float
    outcome: Reach

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
    p = one_sided_p(area, areas)
    few = 1 / (len(areas) + 1) > LEVEL
    outcome = Reach.TOO_FEW_DRAWS if few else Reach.NOT_REACHED if p <= LEVEL else Reach.REACHED
    return PermutationTest(within, areas, area, p, outcome)


def one_sided_p(area: float, areas: np.ndarray) -> float:
    """How often a training on permuted labels does at least as well: (1 + number) / (draws + 1), one-sided.

    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 2010;9:39.
    """
    return float((1 + (areas >= area - 1e-12).sum()) / (len(areas) + 1))
