"""The learner of a recipe: a training of the nested search as a small run in `models/<run>/tuning/`.

In: a run that is tuned, a `Training`. Out: the probabilities of its scored cases, kept in the training's folder as
`predictions.csv`; its network is removed then. A training that was cut off resumes from its checkpoint.
"""

import threading
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.arrays.cache import cache_folder
from radiogen.arrays.settings import CacheSettings
from radiogen.arrays.stored_arrays import check_arrays, read_index
from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.inference.prediction import score_inputs
from radiogen.runs import layout
from radiogen.runs.predictions import complete, read_predictions, write_predictions
from radiogen.runs.tables import copy_geometry, write_folds
from radiogen.task import ID, LABEL, write_task
from radiogen.training.execution.devices import Devices
from radiogen.training.execution.processes import run_in_subprocess
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.runs import Run, arrays_fingerprint, cache_settings, fold_folder, run_index
from radiogen.training.workflow import preprocess
from radiogen.tuning.nested import Training
from radiogen.tuning.space import recipe_of

SCORED, TRAINING = "0", "1"
"""The folds of a training: the network of the first is trained on the second."""


@dataclass(frozen=True)
class Processes:
    """Where trainings run. threads: cores of each, 0: all; gpu: the only one that it sees, None: all; children: the
    processes that run now, which end when `stopped` is set."""

    threads: int = 0
    gpu: str | None = None
    children: list[BaseProcess] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class RecipeLearner:
    """Trains the run's recipe with other parameters. workers: for making arrays of other settings; made: the folders of
    those that are there."""

    run: Run
    processes: Processes = field(default_factory=Processes)
    workers: int | None = None
    made: dict[CacheSettings, Path] = field(default_factory=dict)

    def __call__(self, training: Training) -> NDArray[np.float64]:
        """The probability of each scored case; read where it is kept already. Raises UserError where it failed."""
        run = self.small_run(training)
        path = run.folder / layout.PREDICTIONS
        if not path.is_file():
            table = run_in_subprocess(train_and_score, run, name=" ".join(training.place)[-15:],
                                      threads=self.processes.threads, gpu=self.processes.gpu,
                                      children=self.processes.children, stopped=self.processes.stopped)
            write_predictions(path, table)
        _remove_network(run)
        kept = read_predictions(path).set_index(ID)["probability"]
        if set(kept.index) != set(training.scored[ID]):
            raise UserError(path, "is of other cases than this fold's", "delete this folder and run the command again")
        return kept.reindex(training.scored[ID]).to_numpy(float)

    def small_run(self, training: Training) -> Run:
        """The training as a run of two folds, its tables written and its arrays made."""
        recipe = recipe_of(self.run.recipe, training.parameters).replace(seed=training.seed)
        folds = pd.concat([training.training.assign(fold=TRAINING), training.scored.assign(fold=SCORED)])
        folds = folds[[ID, LABEL, "fold"]].sort_values(ID, ignore_index=True)
        cache, index = self._arrays(recipe)
        folder = (self.run.folder / layout.TUNING_FOLDER).joinpath(*training.place)
        run = replace(self.run, folder=folder, recipe=recipe, cache=cache, folds=folds,
                      arrays=arrays_fingerprint(folds, index))
        if not (folder / layout.FOLDS).is_file():
            write_task(folder, run.task)
            if recipe.optimisation.balance == "planes":  # training reads the planes there
                copy_geometry(cache, folder)
            write_folds(folder, folds)
        return run

    def _arrays(self, recipe: Recipe) -> tuple[Path, pd.DataFrame]:
        """The folder and the index of the recipe's arrays: the run's own, or made where the settings are others."""
        settings = cache_settings(recipe.data)
        if settings == cache_settings(self.run.recipe.data):
            return self.run.cache, run_index(self.run)
        if settings not in self.made:
            root = self.run.cache.parent.parent
            preprocess(self.run.data, [recipe], root, leave_out=self.run.leave_out, workers=self.workers,
                       models=self.run.folder.parent)
            self.made[settings] = cache_folder(self.run.data, settings, root, data_fingerprint(self.run.data))
        return self.made[settings], read_index(self.made[settings])


def train_and_score(run: Run) -> pd.DataFrame:
    """Train the network of a small run in this process, where it is not there, and score; `predictions.csv`'s table."""
    from radiogen.training.fit import set_seed, train_fold

    if not (fold_folder(run, SCORED) / layout.WEIGHTS).is_file():
        train_fold(run, SCORED, Devices())
    set_seed(run.recipe.seed, int(SCORED))  # deterministic, whether it was trained in this process or in an earlier one
    index = run_index(run)
    cases = run.folds[run.folds["fold"] == SCORED][[ID, "fold", LABEL]].astype({LABEL: "Int64"}).reset_index(drop=True)
    check_arrays(run.cache, index, cases[ID])
    return complete(cases.merge(score_inputs(run, index, cases, [SCORED]).by_case(), on=ID))


def _remove_network(run: Run) -> None:
    from radiogen.training.fit import remove_fold

    if fold_folder(run, SCORED).is_dir():
        remove_fold(fold_folder(run, SCORED))
