"""Trainings on labels that mean nothing: how often is an out-of-fold AUC called better, or worse, than chance?

In: nothing but settings; features are normal numbers, labels are drawn within folds. Out: a Markdown table of facts, a
row a learner and size. Exit code 1 where a fact fails: *better* in more than 2.5 % of trainings. Beside it what the
pooled AUC and shuffled labels say, which hold no level for cross-validated predictions. Some minutes of a core.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import numpy as np

LEARNERS = ("ridge", "centroids", "neighbours")
SIZES = (25, 60, 160, 585)
FOLDS, FEATURES, NEIGHBOURS, PENALTY = 5, 20, 15, 0.1
PREVALENCE = 0.525
ALLOWED = 0.025
IMAGES = 10
"""Sets of features for each row; each carries its share of the drawn labels."""


def main(draws: int = 1000, seed: int = 7, output: Path | None = None) -> None:
    """Train on labels without meaning and judge each training.

    Args:
        draws: Trainings for each learner and size.
        seed: Of the first draw.
        output: Markdown file to write the table to as well.
    """

    facts = [null_fact(learner, cases, draws=draws, seed=seed) for cases in SIZES for learner in LEARNERS]
    write_facts(facts, output, about="trainings")
    exit_unless_held(facts, "the verdict cannot be trusted: a fact does not hold (above)")


def null_fact(learner: str, cases: int, *, draws: int, seed: int) -> Fact:
    """How often the verdict is *better than chance*, and how often shuffled labels would have said so."""
    import numpy as np

    from radiogen.evaluation.stats.cross_validation import corrected_p, null_variance
    from radiogen.evaluation.stats.intervals import delong
    from radiogen.evaluation.stats.verdicts import Outcome, verdict

    random, folds = np.random.default_rng([seed, cases, LEARNERS.index(learner)]), np.arange(cases) % FOLDS
    better, worse, shuffled = 0, 0, 0
    for number in range(draws):
        if number % max(1, draws // IMAGES) == 0:
            smoother = trained(learner, random.normal(size=(cases, FEATURES)), folds)
        labels = drawn_labels(random, folds)
        scores = smoother @ (labels - labels.mean())
        found, gap = verdict(labels, scores, folds).outcome, delong(labels, scores).value - 0.5
        better, worse = better + (found is Outcome.BETTER), worse + (found is Outcome.WORSE)
        error = np.sqrt(null_variance(labels, scores, np.zeros(cases)))
        shuffled += gap > 0 and _normal_p(corrected_p, gap, error) < 0.05
    return Fact(f"{learner}, {cases} cases", f"better than chance in {ALLOWED:.1%} or fewer",
                f"{better / draws:.1%} of {draws}; worse {worse / draws:.1%}; better by shuffled labels, pooled: "
                f"{shuffled / draws:.1%}", better / draws <= ALLOWED)


def drawn_labels(random: "np.random.Generator", folds: "np.ndarray") -> "np.ndarray":
    """Labels without meaning, bool (cases,); each fold has its share of positive cases, to a case."""
    import numpy as np

    labels = np.zeros(len(folds), dtype=bool)
    for fold in range(FOLDS):
        inside = np.flatnonzero(folds == fold)
        count = int(np.floor(PREVALENCE * len(inside) + 0.5 * (fold % 2)))
        labels[random.permutation(inside)[:min(max(count, 1), len(inside) - 1)]] = True
    return labels


def trained(learner: str, inputs: "np.ndarray", folds: "np.ndarray") -> "np.ndarray":
    """The learner as a matrix, (cases, cases): its scores are the product with the labels; a fold trains on others."""
    import numpy as np

    matrix = np.zeros((len(folds), len(folds)))
    for fold in range(FOLDS):
        judged, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        mean, spread = inputs[train].mean(axis=0), inputs[train].std(axis=0)
        own, other = (inputs[train] - mean) / spread, (inputs[judged] - mean) / spread
        if learner == "ridge":
            kernel = own @ own.T / FEATURES + PENALTY * np.eye(len(train))
            part = other @ own.T / FEATURES @ np.linalg.inv(kernel)
        elif learner == "centroids":
            part = other @ own.T
        else:
            distances = ((other[:, None] - own[None])**2).sum(axis=2)
            part = (distances.argsort(axis=1).argsort(axis=1) < min(NEIGHBOURS, len(train) // 2)).astype(float)
        matrix[np.ix_(judged, train)] = part
    return matrix


def _normal_p(corrected_p, gap: float, error: float) -> float:
    """Two-sided p of an AUC that lies `gap` from 0.5, its variance not corrected."""
    from radiogen.evaluation.stats.intervals import Estimate

    return corrected_p(Estimate(gap, gap, gap, 1.0), error, 1.0)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
