"""How far trainings that differ in nothing but their seed lie apart, beside how far folds do.

In: predicted runs. Out: a table. What two seeds of one recipe differ by, on the same cases and folds, is
luck of the training alone: a difference between two recipes that is no larger says nothing about the recipes.
"""

import json
from collections.abc import Sequence

import pandas as pd

from radiogen.evaluation.stats.metrics import fold_table, measure
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import out_of_fold
from radiogen.runs.records import read_recipe, recipe_fields
from radiogen.task import ID

MEASURES = ("auc", "accuracy", "precision", "recall", "f1")
COLUMNS = ("run", "seeds", "measure", "mean", "between_seeds", "between_folds", "low", "high")


def seed_groups(runs: Sequence[PredictedRun]) -> list[list[PredictedRun]]:
    """Runs of the same recipe, data and folds but for the seed of training, the first of each seed.

    A tuned procedure goes with procedures alike, never with the recipe it began with. Groups of one are left out.
    """
    groups: dict[str, dict[object, PredictedRun]] = {}
    for run in runs:
        fields = recipe_fields(read_recipe(run.folder))
        if fields:
            recipe = {name: value for name, value in fields.items() if name not in ("seed", "split_seed")}
            cases = run.predictions[[ID, "fold"]].to_numpy(str).tolist()
            key = json.dumps([recipe, run.facts.get("arrays"), run.facts.get("tuning"), cases])
            groups.setdefault(key, {}).setdefault(fields.get("seed"), run)
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def seed_table(runs: Sequence[PredictedRun]) -> pd.DataFrame:
    """`COLUMNS`, a row a group of seeds (named by its first run) and measure, out-of-fold, all folds pooled.

    mean, between_seeds, low, high: mean, standard deviation (of the sample), least and largest over the seeds.
    between_folds: the standard deviation over the folds of a run, mean over the seeds; a fold has few cases, so the
    luck of which patients are in it is in there, too.
    """
    rows = []
    for group in seed_groups(runs):
        pooled = pd.DataFrame([measure(out_of_fold(run.predictions)) for run in group])
        folds = [fold_table(run.predictions) for run in group]
        for name in MEASURES:
            spreads = [table.loc[pd.to_numeric(table["fold"], errors="coerce").notna(), name].std() for table in folds]
            rows.append({"run": group[0].name, "seeds": len(group), "measure": name, "mean": pooled[name].mean(),
                         "between_seeds": pooled[name].std(), "between_folds": pd.Series(spreads).mean(),
                         "low": pooled[name].min(), "high": pooled[name].max()})
    return pd.DataFrame(rows, columns=COLUMNS)
