"""What a search may change in the recipe of tumours at a cost for two cores, and a search whose processor time counts.

In: a run that is tuned. Out: what its search found. Trainings run in this process in place of one of their own each,
so that `time.process_time` has all of their seconds; their seeds and what they predict are the same.
"""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from radiogen.training.runs import Run
    from radiogen.tuning.nested import Found, Learner
    from radiogen.tuning.procedure import Searches
    from radiogen.tuning.recipe_learner import RecipeLearner
    from radiogen.tuning.space import Space


def space() -> "Space":
    """Fields of `demo-3d-tumour` and their values. Its own are among them: a search begins with the recipe itself."""
    from radiogen.tuning.space import Choices, Range

    return {"optimisation.learning_rate": Range(0.0005, 0.01, log=True),
            "optimisation.epochs": Choices((24, 36, 48)), "data.margin_mm": Choices((5.0, 10.0, 20.0)),
            "network.pooling": Choices(("average", "maximum")),
            "augmentation.rotation_degrees": Choices((0.0, 15.0)), "augmentation.zoom": Choices((0.0, 0.1))}


def search(run: "Run", outer: str, searches: "Searches", folder: "Path", workers: int | None) -> "Found":
    """The search of one outer fold, or what is left of it; its processor seconds are added to the run's in `folder`."""
    from benchmarks.pretraining.gain import add_cost
    from radiogen.tuning import procedure
    from radiogen.tuning.recipe_learner import RecipeLearner

    began = time.process_time()
    found = procedure.search(run, outer, space(), searches, trained_here(RecipeLearner(run, workers=workers)))
    add_cost(folder, run.folder.name, time.process_time() - began)
    return found


def trained_here(learner: "RecipeLearner") -> "Learner":
    """The learner, whose trainings run in this process."""
    from radiogen.runs.layout import PREDICTIONS
    from radiogen.runs.predictions import write_predictions
    from radiogen.tuning.recipe_learner import train_and_score

    def learn(training):
        run = learner.small_run(training)
        if not (run.folder / PREDICTIONS).is_file():
            write_predictions(run.folder / PREDICTIONS, train_and_score(run))
        return learner(training)  # reads what is kept, and removes the network

    return learn
