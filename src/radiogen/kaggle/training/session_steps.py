"""The steps of a training session, each in a process of its own: `begin`, `train`, `predict`.

In: a step, the folder with `models/` and `input/cache/`, the mounted competition. Out: arrays and the runs' tables;
folds, one a GPU; predictions. A failure is written into `outcome.json`; whatever is ended here goes on from its last
checkpoint in the next session.
"""

import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from radiogen.core import files
from radiogen.core.console import log_to_console
from radiogen.core.errors import UserError
from radiogen.kaggle.training.session import CACHE, OUTCOME, visible_gpus
from radiogen.runs import layout

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe
    from radiogen.training.runs import Run


def main(words: list[str]) -> int:
    """Run the step `words[0]` in the folder `words[1]` on the data set `words[2]`; returns the exit code."""
    log_to_console()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the session ends a step by it, also where it is ignored
    step, home, data = words[0], Path(words[1]), Path(words[2])
    try:
        STEPS[step](home, data)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        files.write_json(home / OUTCOME, {"reason": str(error)})
        return 2
    except Exception as error:
        files.write_json(home / OUTCOME, {"reason": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})
        raise
    return 0


def begin(home: Path, data: Path) -> None:
    """Make the arrays of all recipes, each series read once, and the tables of all runs."""
    from radiogen.training import workflow

    recipes = _recipes(home)
    workflow.preprocess(data, list(recipes.values()), home / CACHE, models=home / "models")
    for name, recipe in recipes.items():
        workflow.begin_run(data, recipe, home / "models" / name, home / CACHE)


def train(home: Path, data: Path) -> None:
    """Train every fold of every run that is left, as many at once as there are GPUs.

    Raises UserError naming the folds that failed, after the others.
    """
    from radiogen.training.execution.devices import Devices, one_gpu_each
    from radiogen.training.execution.processes import map_in_subprocesses
    from radiogen.training.fit import train_fold
    from radiogen.training.runs import fold_folder, trained_folds

    runs = _runs(home, data)
    for run in runs:
        for fold in trained_folds(run):
            (fold_folder(run, fold) / layout.CHECKPOINT).unlink(missing_ok=True)
    jobs = [(run, str(fold)) for run in runs for fold in range(run.recipe.split.folds)
            if str(fold) not in trained_folds(run)]
    parallel = max(1, len(visible_gpus()))
    outcomes = map_in_subprocesses(train_fold, [(run, fold, Devices(), False) for run, fold in jobs],
                                   [f"{run.folder.name} fold {fold}" for run, fold in jobs], parallel,
                                   one_gpu_each(Devices(), parallel))
    failed = [f"{run.folder.name}, fold {fold}: {error}" for (run, fold), error in zip(jobs, outcomes, strict=True)
              if error is not None]
    if failed:
        raise UserError(f"{len(failed)} of {len(jobs)} folds", f"failed ({'; '.join(failed)})",
                        "change the recipe, or push the session again")


def predict(home: Path, data: Path) -> None:
    """Predict out of fold, holdout and test set of every run, from the arrays that are there."""
    from radiogen.inference.explained import write_explained
    from radiogen.inference.prediction import predict_run

    for run in _runs(home, data):
        predict_run(run)
        write_explained(run)


STEPS: dict[str, Callable[[Path, Path], None]] = {"begin": begin, "train": train, "predict": predict}


def _recipes(home: Path) -> "dict[str, Recipe]":
    from radiogen.training.recipe.recipe import from_dict

    return {name: from_dict(recipe) for name, recipe in files.read_json(home / "recipes.json").items()}


def _runs(home: Path, data: Path) -> "list[Run]":
    """The runs with the data set where it is mounted now."""
    from radiogen.training.runs import open_run

    runs = [open_run(home / "models" / name) for name in _recipes(home)]
    return [replace(run, data=data, cache=home / CACHE / run.cache.parent.name / run.cache.name) for run in runs]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
