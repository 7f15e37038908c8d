"""The nested search: what scores a fold was chosen, and trained, without a case of that fold.

In: cases in folds, a plan, a learner: a function from parameters, training cases and scored cases to probabilities.
Out: of each outer fold its choice and its probabilities. Nothing here knows networks, images or files: tests and
benchmarks bring a fast learner, `recipe_learner.py` the trainings of a recipe.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.core.auc import auc
from radiogen.runs import predictions
from radiogen.runs.folds import HOLDOUT, fold_names
from radiogen.runs.layout import CHOSEN
from radiogen.task import ID, LABEL
from radiogen.tuning.choice import is_better
from radiogen.tuning.search import Plan, Trial, best_of, run_search

ALL = "all"
"""The outer fold that is none: the last search, over the cases of all folds."""


@dataclass(frozen=True)
class Training:
    """What a learner is asked for.

    parameters: by path. training, scored: `ID, LABEL`; the labels of scored cases are for the books, not for the
    learner. place: a name of this training alone, such as `outer-0/trial-003/inner-1`; seed: its own, the same for
    every trial.
    """

    parameters: Mapping[str, Any]
    training: pd.DataFrame
    scored: pd.DataFrame
    place: tuple[str, ...]
    seed: int


Learner = Callable[[Training], NDArray[np.float64]]
"""The probability of each scored case, (cases,)."""
Split = Callable[[pd.DataFrame, int], pd.DataFrame]
"""Cases (`ID, LABEL`) and a seed to `ID, LABEL, fold`, the inner folds."""
Seen = Callable[[str, Trial, pd.DataFrame], object]
"""Called with the outer fold, a trial that has ended, and what it has scored: `ID, LABEL, fold, probability`."""


@dataclass(frozen=True)
class Found:
    """Of one outer fold. cases: how many had a part in the search. chosen: the trial that was (`search_fold`). scored:
    `ID, LABEL, fold, probability` of the fold's cases by the chosen parameters, trained on the search's cases; None for
    `ALL`."""

    fold: str
    cases: int
    trials: tuple[Trial, ...]
    chosen: Trial
    scored: pd.DataFrame | None

    @property
    def auc(self) -> float | None:
        """In the outer fold."""
        return None if self.scored is None else auc(*predictions.scored(self.scored))


def outer_folds(cases: pd.DataFrame) -> list[str]:
    """The outer folds in order, and `ALL` last."""
    return [*fold_names(cases), ALL]


def search_fold(cases: pd.DataFrame, outer: str, plan: Plan, learner: Learner, split: Split, *,
                study: Path | None = None, seen: Seen = lambda outer, trial, scored: None) -> Found:
    """Search on all folds but `outer`, then train the chosen parameters on them and score `outer`.

    The best trial is chosen; where the plan has parameters to begin with, only if it is better than these by more than
    chance (`choice.is_better`), else they are.

    cases: `ID, LABEL, fold`; the holdout has no part. The plan's seed and the outer fold's number make the search's.
    study: the file of its trials.
    """
    seed = (*plan.seed, outer_folds(cases).index(outer))
    inner = inner_split(cases, outer, plan.seed, split)
    names = fold_names(inner)
    tables: dict[int, list[pd.DataFrame]] = {}
    made: dict[tuple[str, int], pd.DataFrame] = {}

    def scored_inside(trial: int, parameters: Mapping[str, Any], fold: int) -> pd.DataFrame:
        inside = inner["fold"] == names[fold]
        training = Training(parameters, inner[~inside], inner[inside],
                            (f"outer-{outer}", f"trial-{trial:03d}", f"inner-{fold}"), _word(*seed, fold))
        same = (repr(parameters), fold)  # drawn before: the same training
        made[same] = made[same] if same in made else _scored(training, learner, names[fold])
        return made[same]

    def score(trial: int, parameters: Mapping[str, Any], fold: int) -> float:
        table = scored_inside(trial, parameters, fold)
        tables.setdefault(trial, []).append(table)
        return auc(*predictions.scored(table))

    trials = run_search(study, replace(plan, folds=len(names), seed=seed), score,
                        lambda trial: seen(outer, trial, pd.concat(tables.pop(trial.number), ignore_index=True)))
    chosen = best_of(trials)
    if plan.first is not None and chosen is not trials[0]:
        itself, best = ([scored_inside(one.number, one.parameters, fold) for fold in range(len(names))]
                        for one in (trials[0], chosen))
        chosen = chosen if is_better(itself, best) else trials[0]
    scored = None
    if outer != ALL:
        training = Training(chosen.parameters, inner, cases[cases["fold"] == outer],
                            (f"outer-{outer}", f"{CHOSEN}{chosen.number:03d}"), _word(*seed, len(names)))
        scored = _scored(training, learner, outer)
    return Found(outer, len(inner), tuple(trials), chosen, scored)


def inner_split(cases: pd.DataFrame, outer: str, seed: tuple[int, ...], split: Split) -> pd.DataFrame:
    """The cases of a search in its inner folds: those of all folds but `outer`. seed: as in the plan."""
    own = cases[~cases["fold"].isin([outer, HOLDOUT])][[ID, LABEL]].reset_index(drop=True)
    return split(own, _word(*seed, outer_folds(cases).index(outer)))


def _scored(training: Training, learner: Learner, fold: str) -> pd.DataFrame:
    table = training.scored[[ID, LABEL]].reset_index(drop=True)
    return table.assign(fold=fold, probability=np.asarray(learner(training), np.float64))


def _word(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
