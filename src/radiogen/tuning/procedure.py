"""A run that is tuned: begun as any run, searched fold by fold, written when all searches are done.

In: a data set, the recipe to begin with, a space. Out: `models/<run>/`, whose predictions are those of the procedure
"search, then train". Folds are those of any run with this split; the holdout has no part: it is left for the recipe
that is trained in the end. A killed search is run again with the same words and resumes.
"""

import concurrent.futures
import contextlib
import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.patients import PATIENT, read_patients
from radiogen.runs import layout
from radiogen.runs.folds import Groups, make_folds
from radiogen.runs.records import read_facts, write_facts
from radiogen.runs.tuned.tuning import Tuning, is_tuned
from radiogen.task import ID
from radiogen.training.execution.devices import Devices, one_gpu_each
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.runs import Run
from radiogen.training.workflow import begin_run
from radiogen.tuning.looks import record_trial
from radiogen.tuning.nested import ALL, Found, Learner, Split, inner_split, outer_folds, search_fold
from radiogen.tuning.recipe_learner import Processes, RecipeLearner
from radiogen.tuning.record import write_found
from radiogen.tuning.search import Plan, Trial, kept_trials
from radiogen.tuning.space import Space, parameters_of, read_space, space_facts

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Searches:
    """How a run is tuned. trials: of each search; inner_folds: that score a trial; prune: as in `Plan`."""

    trials: int = 30
    inner_folds: int = 3
    prune: bool = True


def check_searches(searches: Searches) -> None:
    """Raise UserError where there are too few trials or inner folds."""
    if searches.trials < 1:
        raise UserError(parameter("trials", searches.trials), "is too few", "give 1 or more")
    if searches.inner_folds < 2:
        raise UserError(parameter("inner_folds", searches.inner_folds), "is too few", "give 2 or more")


def find_space(folder: Path, given: Path | None, recipe: Recipe) -> Space:
    """The space in the file that is given, or the one that the run in `folder` was begun with.

    Raises UserError where there is none, it is not valid, or is another than the run's.
    """
    own = layout.space_path(folder)
    if given is None and not own.is_file():
        raise UserError(parameter("space"), "is missing: what may be chosen",
                        "give a JSON file of recipe fields and their values: docs/tuning.md")
    space = read_space(own if given is None else given, recipe)
    if given is not None and own.is_file() and files.read_json(own) != space_facts(space):
        raise UserError(folder, f"was begun with another space than {given}",
                        f"leave out {parameter('space')}, or choose another {parameter('run')} name")
    return space


def begin_tuning(data: Path, recipe: Recipe, folder: Path, cache: Path, space: Space, searches: Searches, *,
                 leave_out: Collection[str] = (), workers: int | None = None) -> Run:
    """Make the run's arrays, folds and tables, or check that they are unchanged; nothing is trained.

    Raises UserError where the folder is that of another run, or was begun with other inner folds.
    """
    others = layout.fold_folders(folder) or (folder / layout.PREDICTIONS).is_file()
    if not is_tuned(folder) and others:
        raise UserError(folder, "is a run that is not tuned", f"choose another {parameter('run')} name")
    run = begin_run(data, recipe, folder, cache, leave_out=leave_out, workers=workers)
    with files.working_folder(folder):
        facts, own = read_facts(folder), {"inner_folds": searches.inner_folds, "prune": searches.prune}
        before: dict[str, Any] = {**own, **facts.get("tuning", {})}
        for name, value in own.items():
            if before[name] != value:
                raise UserError(folder, f"was begun with {parameter(name)} {before[name]}, not {value}",
                                f"give that, or choose another {parameter('run')} name")
        files.write_json(layout.space_path(folder), space_facts(space))
        write_facts(folder, {**facts, "tuning": {**own, "trials": searches.trials}})
    return run


def search(run: Run, fold: str, space: Space, searches: Searches, learner: Learner) -> Found:
    """The search of one outer fold, or what is left of it; its folder is held."""
    cases = run.folds
    plan = Plan(space, searches.trials, searches.inner_folds, (run.recipe.seed,), parameters_of(run.recipe, space),
                searches.prune)

    def seen(outer: str, trial: Trial, scored: pd.DataFrame) -> None:
        record_trial(run, trial, scored)
        _LOG.info(f"{run.folder.name}, without fold {outer}: trial {trial.number + 1} of {searches.trials}: "
                  f"{'pruned at ' if trial.pruned else ''}AUC {trial.score:.3f}")

    with files.working_folder(layout.search_folder(run.folder, fold)) as folder:
        return search_fold(cases, fold, plan, learner, _split(run, searches.inner_folds), study=folder / layout.STUDY,
                           seen=seen)


def tune_here(run: Run, space: Space, searches: Searches, parallel_folds: int = 1,
              workers: int | None = None) -> list[Found]:
    """All searches on this machine, `parallel_folds` at a time; returns what they found, in the order of the folds.

    Raises UserError of the first that failed, after the others.
    """
    names, gpus = outer_folds(run.folds), one_gpu_each(Devices(), parallel_folds)
    threads = max(1, len(os.sched_getaffinity(0)) // parallel_folds) if parallel_folds > 1 else 0
    processes = Processes(threads)
    free = list(gpus)

    def one(fold: str) -> Found | UserError:
        gpu = free.pop()
        try:
            return search(run, fold, space, searches,
                          RecipeLearner(run, replace(processes, gpu=gpu), workers))
        except UserError as error:
            return error
        finally:
            free.append(gpu)

    with concurrent.futures.ThreadPoolExecutor(parallel_folds) as pool:
        try:
            return _found(run, list(pool.map(one, names)))
        except BaseException:  # Ctrl-C: nothing more is started, and what runs is ended
            processes.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for child in list(processes.children):
                with contextlib.suppress(ValueError):  # it has ended meanwhile
                    child.terminate()
            raise


def finish(run: Run, found: Sequence[Found], searches: Searches) -> Tuning:
    """Write what all searches found (record.py)."""
    with files.working_folder(run.folder):
        return write_found(run, found, searches.trials, searches.inner_folds)


def trainings_left(run: Run, searches: Searches) -> dict[str, int]:
    """By outer fold, and `ALL`, how many trainings it needs at most, the chosen recipe's among them."""
    names = outer_folds(run.folds)
    done = {fold: kept_trials(layout.search_folder(run.folder, fold) / layout.STUDY) for fold in names}
    left = {fold: max(0, searches.trials - done[fold]) * searches.inner_folds for fold in names}
    return {fold: count + (fold != ALL and (count > 0 or not layout.chosen_predictions(run.folder, fold)))
            for fold, count in left.items()}


def inner_folds_of(run: Run, fold: str, searches: Searches) -> pd.DataFrame:
    """`ID, LABEL, fold`: the inner folds of a search."""
    return inner_split(run.folds, fold, (run.recipe.seed,), _split(run, searches.inner_folds))


def _split(run: Run, count: int) -> Split:
    patients = read_patients(run.folder)
    known = {} if patients is None else dict(zip(patients[ID], patients[PATIENT], strict=True))

    def split(cases: pd.DataFrame, seed: int) -> pd.DataFrame:
        try:
            return make_folds(cases, folds=count, holdout_fraction=0, seed=seed, groups=Groups(known))
        except UserError as error:
            raise UserError(parameter("inner_folds", count), error.problem, "give fewer, or use fewer folds") from error

    return split


def _found(run: Run, outcomes: Sequence[Found | UserError]) -> list[Found]:
    failed = [one for one in outcomes if isinstance(one, UserError)]
    if failed:
        raise UserError(run.folder, f"{len(failed)} of {len(outcomes)} searches failed: {failed[0]}",
                        "repair that, then run the same command again: finished trials are kept")
    return [one for one in outcomes if isinstance(one, Found)]
