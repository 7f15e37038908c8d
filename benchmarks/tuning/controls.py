"""How often the best of many trials on labels without meaning passes for a finding: naively, and nested.

In: nothing but settings; features and labels are drawn. Out: a Markdown table of facts. Exit code 1 where a fact fails.
The search is the package's own (`radiogen.tuning`); k-nearest neighbours and a ridge stand in for the networks.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tyro
from numpy.typing import NDArray

from benchmarks.accuracy.controls import Fact, exit_unless_held, write_facts
from radiogen.core.errors import run_command
from radiogen.core.parallel import map_items

if TYPE_CHECKING:
    import pandas as pd

    from radiogen.tuning.nested import Training
    from radiogen.tuning.space import Space

MOST_FALSE, LEAST_NAIVE, LEAST_FOUND = 0.05, 0.5, 0.8
BLOCKS, WIDTH = 60, 4
"""Sets of features that the search chooses among, as it would among sequences, regions or filters; features of each."""


class Study(NamedTuple):
    """number: of the repetition. effect: by how many standard deviations label 1 moves the features of the first
    quarter of the blocks."""

    number: int
    effect: float
    cases: int
    trials: int
    seed: int


class Called(NamedTuple):
    """interval: whether DeLong's 95 % interval lies above 0.5; verdict: whether a run with these predictions is called
    better than chance, which allows for the overlap of training sets, too; auc: within folds."""

    interval: bool
    verdict: bool
    auc: float


class Outcome(NamedTuple):
    """naive: the best trial, by the folds that chose it; p_best: its p as the best of all trials, as the ledger counts
    them; nested: the outer folds; optimism: of the inner folds."""

    naive: Called
    p_best: float
    nested: Called
    optimism: float


def main(repetitions: int = 200, cases: int = 120, trials: int = 30, effect: float = 1.0, seed: int = 5,
         workers: int | None = None, output: Path | None = None) -> None:
    """Tune in each of many data sets of noise, and in some with a signal in a quarter of the blocks.

    Args:
        repetitions: Data sets of noise; a tenth as many have a signal.
        cases: Of each, in five outer folds.
        trials: Of each search.
        effect: Of the signal, in standard deviations of each feature of the block.
        seed: Of the first.
        workers: Processes (default: one per available core).
        output: Markdown file to write the table to as well.
    """
    noise = [Study(number, 0.0, cases, trials, seed) for number in range(repetitions)]
    signal = [Study(number, effect, cases, trials, seed) for number in range(max(1, repetitions // 10))]
    found = map_items(judge_study, [*noise, *signal], "studies", workers=workers, unit="study")
    null, real = found[:repetitions], found[repetitions:]
    naive, nested, kept = [one.naive for one in null], [one.nested for one in null], [one.nested for one in real]
    ledger, powerful = (float(np.mean([one.p_best < 0.05 for one in part])) for part in (null, real))
    about = f"{cases} cases, {trials} trials"
    facts = [
        Fact(f"noise, {about}: the best trial, by the folds that chose it",
             f"interval above 0.5 in more than {LEAST_NAIVE:.0%}", _text(naive),
             bool(np.mean([one.interval for one in naive]) > LEAST_NAIVE)),
        Fact("the same, as the best of all trials (the ledger's p)", f"p below 0.05 in at most {MOST_FALSE:.0%}",
             f"{ledger:.1%} of {repetitions}", ledger <= MOST_FALSE),
        Fact("noise: the nested procedure", f"*better than chance* in at most {MOST_FALSE:.0%}",
             f"{_text(nested)}; optimism {np.mean([one.optimism for one in null]):+.3f}",
             bool(np.mean([one.verdict for one in nested]) <= MOST_FALSE)),
        Fact(f"a signal in {BLOCKS // 4} of {BLOCKS} blocks: the nested procedure",
             f"*better than chance* in {LEAST_FOUND:.0%} or more",
             f"{_text(kept)}; optimism {np.mean([one.optimism for one in real]):+.3f}",
             bool(np.mean([one.verdict for one in kept]) >= LEAST_FOUND)),
        Fact("the same: the best trial, as the best of all trials (the ledger's p)",
             f"p below 0.05 in {LEAST_FOUND:.0%} or more", f"{powerful:.1%} of {len(real)}", powerful >= LEAST_FOUND)]
    write_facts(facts, output, about="data set")
    exit_unless_held(facts)


def judge_study(study: Study) -> Outcome:
    """Draw a data set, tune on it, and judge both what the last search says of itself and the outer folds."""
    import pandas as pd

    from radiogen.evaluation.stats.selection import best_of_looks
    from radiogen.tuning.nested import ALL, outer_folds, search_fold
    from radiogen.tuning.search import Plan

    features, table = _drawn(study)
    kept: dict[int, pd.DataFrame] = {}

    def learner(training: "Training") -> NDArray[np.float64]:
        return fit_predict(training, features)

    plan = Plan(_space(), study.trials, 3, (study.seed, study.number))
    found = [search_fold(table, outer, plan, learner, _inner_folds, seen=lambda outer, trial, scored: (
        kept.update({trial.number: scored}) if outer == ALL else None)) for outer in outer_folds(table)]
    best = found[-1].chosen.number
    ids, chosen = table["case"], kept[best].set_index("case")
    look = chosen["probability"].reindex(ids).to_numpy(float)
    p_best = best_of_looks(table["label"].to_numpy(bool), chosen["fold"].reindex(ids).to_numpy(int), look[None],
                           0, more=len(kept) - 1).p_best
    outer = pd.concat([one.scored for one in found[:-1]])
    optimism = float(np.mean([one.chosen.score - (one.auc or 0) for one in found[:-1]]))
    return Outcome(_called(kept[best]), p_best, _called(outer), optimism)


def fit_predict(training: "Training", features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of the scored cases; features: (cases, BLOCKS, WIDTH), in the order of the ids."""
    chosen = training.parameters
    inside, scored = (features[part["case"].astype(int), chosen["block"]]
                      for part in (training.training, training.scored))
    labels = training.training["label"].to_numpy(float)
    if chosen["learner"] == "k-nearest":
        distance = ((scored[:, None] - inside[None]) ** 2).sum(axis=-1)
        return labels[np.argsort(distance, axis=1, kind="stable")[:, :chosen["neighbours"]]].mean(axis=1)
    centre = inside.mean(axis=0)
    inner = (inside - centre).T @ (inside - centre) + chosen["penalty"] * np.eye(WIDTH)
    weights = np.linalg.solve(inner, (inside - centre).T @ (labels - labels.mean()))
    return 1 / (1 + np.exp(-4 * (scored - centre) @ weights))


def _drawn(study: Study) -> "tuple[NDArray[np.float64], pd.DataFrame]":
    import pandas as pd

    from radiogen.runs.folds import make_folds

    random = np.random.default_rng([study.seed, study.number, int(study.effect > 0)])
    labels = random.permutation(np.arange(study.cases) % 2)
    features = random.normal(size=(study.cases, BLOCKS, WIDTH))
    features[:, :BLOCKS // 4] += study.effect * labels[:, None, None]
    table = pd.DataFrame({"case": [f"{number:05d}" for number in range(study.cases)], "label": labels})
    return features, make_folds(table, holdout_fraction=0, seed=study.number)


def _space() -> "Space":
    from radiogen.tuning.space import Choices, Range

    return {"block": Choices(tuple(range(BLOCKS))), "learner": Choices(("k-nearest", "ridge")),
            "neighbours": Range(1, 31, step=2, whole=True), "penalty": Range(0.01, 1000.0, log=True)}


def _inner_folds(cases: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    from radiogen.runs.folds import make_folds

    return make_folds(cases, folds=3, holdout_fraction=0, seed=seed)


def _called(scored: "pd.DataFrame") -> Called:
    from radiogen.evaluation.stats import verdicts
    from radiogen.runs import predictions

    found = verdicts.verdict(*predictions.scored(scored), predictions.scored_folds(scored))
    return Called(bool(found.estimate.low > 0.5), found.outcome == verdicts.Outcome.BETTER, found.estimate.value)


def _text(called: list[Called]) -> str:
    interval, verdict = (np.mean([getattr(one, name) for one in called]) for name in ("interval", "verdict"))
    low, middle, high = np.percentile([one.auc for one in called], [5, 50, 95])
    return (f"interval above 0.5 in {interval:.1%} of {len(called)}, *better than chance* in {verdict:.1%}; AUC "
            f"{middle:.3f} (median; 5 to 95 %: {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
