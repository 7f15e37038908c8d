"""One search with Optuna: parameters are drawn, scored fold by fold, pruned where they look poor, and kept.

In: a space, how many trials, a function that scores parameters fold by fold. Out: the trials. A trial is kept in the
SQLite file when it has ended, whole, and its sampler is made anew from the seed and the trial's number: so a search
that was killed draws the same trials again, the one that was cut off among them, as one that was not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radiogen.core.errors import UserError
from radiogen.tuning.space import Choices, Range, Space

if TYPE_CHECKING:
    import optuna

UNPRUNED = 5
"""Trials before the first that may be pruned."""
_NAME = "search"


@dataclass(frozen=True)
class Trial:
    """number: from 0. parameters: by path. scores: of each inner fold in which it was scored; pruned: whether it was
    stopped before the last."""

    number: int
    parameters: Mapping[str, Any]
    scores: tuple[float, ...]
    pruned: bool

    @property
    def score(self) -> float:
        """The mean over the inner folds."""
        return float(np.mean(self.scores))


Score = Callable[[int, Mapping[str, Any], int], float]
"""The score of a trial, by its number and its parameters, in an inner fold, by its number; more is better."""


@dataclass(frozen=True)
class Plan:
    """How a search goes. folds: inner ones; seed: of this search; first: parameters of trial 0, None: drawn as the
    others'; prune: whether a trial is stopped whose means over the inner folds so far are all below the median of
    those before."""

    space: Space
    trials: int
    folds: int
    seed: tuple[int, ...]
    first: Mapping[str, Any] | None = None
    prune: bool = True


def check_optuna() -> None:
    """Raise UserError, before anything is made, where Optuna is missing."""
    if not find_spec("optuna"):
        raise UserError("tuning", "needs Optuna", 'pip install "radiogen[tune]", or pip install optuna')


def run_search(study: Path | None, plan: Plan, score: Score,
               ended: Callable[[Trial], object] = lambda trial: None) -> list[Trial]:
    """The first `plan.trials` trials; those that the file has are not made again.

    study: SQLite file; None: nothing is kept. ended: called once a trial has ended, before it is kept. Trial k does
    not depend on `plan.trials`.
    """
    check_optuna()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    memory, kept = _open(None), None if study is None else _open(study)
    ended_trials = [] if kept is None else kept.trials[:plan.trials]
    memory.add_trials(ended_trials)
    for number in range(len(ended_trials), plan.trials):
        memory.sampler = optuna.samplers.TPESampler(seed=_word([*plan.seed, number]))
        memory.pruner = optuna.pruners.MedianPruner(UNPRUNED) if plan.prune else optuna.pruners.NopPruner()
        if number == 0 and plan.first is not None:
            memory.enqueue_trial(_labels(plan.space, plan.first))
        drawn = memory.ask(_distributions(plan.space))
        trial = _scored(drawn, plan, score)
        ended(trial)
        frozen = memory.tell(drawn, None if trial.pruned else trial.score,
                             optuna.trial.TrialState.PRUNED if trial.pruned else None)
        ended_trials.append(frozen)
        if kept is not None:
            kept.add_trial(frozen)
    return [_trial(plan.space, frozen) for frozen in ended_trials]


def kept_trials(study: Path) -> int:
    """How many trials the file has; 0 where there is none."""
    return len(_open(study).trials) if study.is_file() else 0


def best_of(trials: Sequence[Trial]) -> Trial:
    """The complete trial with the highest score, the first of several that are alike."""
    return max((one for one in trials if not one.pruned), key=lambda one: (one.score, -one.number))


def _scored(drawn: "optuna.Trial", plan: Plan, score: Score) -> Trial:
    scores: list[float] = []
    parameters = _values(plan.space, drawn.params)
    for fold in range(plan.folds):
        scores.append(score(drawn.number, parameters, fold))
        drawn.set_user_attr(f"inner {fold}", scores[-1])
        drawn.report(float(np.mean(scores)), fold)
        if fold + 1 < plan.folds and drawn.should_prune():
            return Trial(drawn.number, parameters, tuple(scores), True)
    return Trial(drawn.number, parameters, tuple(scores), False)


def _open(study: Path | None) -> "optuna.Study":
    import optuna

    if study is not None:
        study.parent.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(storage=None if study is None else f"sqlite:///{study.resolve()}", study_name=_NAME,
                               direction="maximize", load_if_exists=True)


def _distributions(space: Space) -> dict[str, "optuna.distributions.BaseDistribution"]:
    import optuna

    def made(domain: Choices | Range) -> "optuna.distributions.BaseDistribution":
        if isinstance(domain, Choices):
            return optuna.distributions.CategoricalDistribution([_label(value) for value in domain.values])
        if domain.whole:
            return optuna.distributions.IntDistribution(int(domain.low), int(domain.high), log=domain.log,
                                                        step=int(domain.step or 1))
        return optuna.distributions.FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)

    return {path: made(domain) for path, domain in space.items()}


def _labels(space: Space, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as Optuna keeps them: values of a list as JSON text, for Optuna keeps no lists."""
    return {path: _label(value) if isinstance(space[path], Choices) else value for path, value in parameters.items()}


def _values(space: Space, labels: Mapping[str, Any]) -> dict[str, Any]:
    by_label = {path: {_label(value): value for value in domain.values} for path, domain in space.items()
                if isinstance(domain, Choices)}
    return {path: by_label[path][labels[path]] if path in by_label else labels[path] for path in space}


def _trial(space: Space, frozen: "optuna.trial.FrozenTrial") -> Trial:
    scores = tuple(frozen.user_attrs[f"inner {step}"] for step in sorted(frozen.intermediate_values))
    return Trial(frozen.number, _values(space, frozen.params), scores, frozen.state.name == "PRUNED")


def _label(value: Any) -> str:
    return json.dumps(value)


def _word(parts: Sequence[int]) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
