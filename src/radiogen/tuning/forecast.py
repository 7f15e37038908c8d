"""How long a search will take on this machine, from a few measured steps of the recipe that it begins with.

In: a run that is tuned, what is searched. Out: a line. One training of an inner fold is forecast as `train` forecasts a
fold; the others take as long for as many training cases. Other recipes of the space may take more or less time, and
pruned trials less.
"""

import shutil

from radiogen.training.forecast import duration, forecast_run
from radiogen.training.runs import Run
from radiogen.tuning.nested import ALL, Training, outer_folds
from radiogen.tuning.procedure import Searches, inner_folds_of, trainings_left
from radiogen.tuning.recipe_learner import SCORED, RecipeLearner


def forecast_text(run: Run, searches: Searches) -> str:
    """The forecast of what is left of all searches, one after another; nothing is kept."""
    left = trainings_left(run, searches)
    if not sum(left.values()):
        return "forecast: all searches are done"
    seconds, cases = _one_training(run, searches)
    folds = run.folds[run.folds["fold"].isin(outer_folds(run.folds))]["fold"]
    share = 1 - 1 / searches.inner_folds
    work = sum(((count - (fold != ALL)) * share + (fold != ALL)) * (len(folds) - (folds == fold).sum())
               for fold, count in left.items() if count)
    names = len(outer_folds(run.folds))
    return (f"forecast: {names} searches of {searches.trials} trials in {searches.inner_folds} inner folds, and "
            f"{names - 1} trainings of what they choose: at most {sum(left.values())} trainings are left, of some "
            f"{duration(seconds)} each with the recipe as it is: {duration(seconds * work / cases)} one after another")


def _one_training(run: Run, searches: Searches) -> tuple[float, int]:
    """Seconds of a training in the first inner fold of the last search, and its training cases."""
    inner = inner_folds_of(run, ALL, searches)
    inside = inner["fold"] == "0"
    training = Training({}, inner[~inside], inner[inside], ("forecast",), run.recipe.seed)
    small = RecipeLearner(run).small_run(training)
    try:
        cost = forecast_run(small, [SCORED])
    finally:
        shutil.rmtree(small.folder, ignore_errors=True)
    assert cost is not None  # it is not trained
    return cost.seconds, int((~inside).sum())
