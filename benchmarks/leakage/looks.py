"""How often the best of many looks at labels without meaning passes for a finding, with the ledger's p and without.

In: nothing but settings; predictions are drawn. Out: a Markdown table of facts. Exit code 1 where a fact fails.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro
from scipy.stats import rankdata

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from radiogen.evaluation.stats.selection import BestOfLooks

MOST_FALSE, LEAST_KEPT = 0.05, 0.8
LOOKS, MEMBERS = 50, 5
SETS = ((40, 1), (160, 5), (585, 5))
"""Cases and folds; 1: a holdout."""


def main(repetitions: int = 200, draws: int = 399, seed: int = 3, output: Path | None = None) -> None:
    """Draw studies of 50 looks each, and judge the best look, and the mean of the best five; a minute of a core.

    Args:
        repetitions: Studies for each fact.
        draws: Permutations of the labels in each.
        seed: Of the first.
        output: Markdown file to write the table to as well.
    """

    facts = []
    for cases, folds in SETS:
        for name, judge in (("the best of 50 looks", judge_best), ("the mean of the best 5 of 50", judge_mean)):
            found = [judge(np.random.default_rng([seed, cases, number]), cases, folds, 0.0, draws)
                     for number in range(repetitions)]
            by_itself, as_best = (np.mean([one[place] < 0.05 for one in found]) for place in (0, 1))
            facts.append(Fact(f"{cases} cases, noise: {name}", f"p below 0.05 in at most {MOST_FALSE:.0%}",
                              f"{as_best:.1%} of {repetitions}; by itself in {by_itself:.0%}",
                              bool(as_best <= MOST_FALSE)))
    found = [judge_best(np.random.default_rng([seed, 1, number]), 160, 5, 0.9, draws) for number in range(repetitions)]
    kept = np.mean([one[1] < 0.05 for one in found])
    facts.append(Fact("160 cases, AUC 0.74 in each look: the best of 50", f"p below 0.05 in {LEAST_KEPT:.0%} or more",
                      f"{kept:.1%} of {repetitions}", bool(kept >= LEAST_KEPT)))
    write_facts(facts, output, about="study")
    exit_unless_held(facts, "the p of many looks cannot be trusted: a fact does not hold (above)")


def judge_best(random: np.random.Generator, cases: int, folds: int, effect: float, draws: int) -> tuple[float, float]:
    """p of the look with the highest AUC, by itself and as the best."""
    return _judged(random, cases, folds, effect, draws, lambda looks, order: (looks, order[0], ()))


def judge_mean(random: np.random.Generator, cases: int, folds: int, effect: float, draws: int) -> tuple[float, float]:
    """p of the mean of the five looks with the highest AUC, by itself and as the best."""
    return _judged(random, cases, folds, effect, draws, lambda looks, order: (
        np.vstack([looks, looks[order[:MEMBERS]].mean(axis=0)]), LOOKS, (MEMBERS,)))


def _judged(random: np.random.Generator, cases: int, folds: int, effect: float, draws: int,
            chosen: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, int, tuple[int, ...]]]
            ) -> tuple[float, float]:
    from radiogen.evaluation.stats.selection import best_of_looks

    labels, places = random.permutation(np.arange(cases) % 2 == 0), random.permutation(np.arange(cases) % folds)
    looks = random.normal(size=(LOOKS, cases)) + effect * labels
    ranks = rankdata(looks, axis=1)
    order = np.argsort(-(ranks[:, labels].mean(axis=1) - ranks[:, ~labels].mean(axis=1)))
    table, own, sizes = chosen(looks, order)
    found: BestOfLooks = best_of_looks(labels, places, table, int(own), sizes=sizes, draws=draws)
    return found.p, found.p_best


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
