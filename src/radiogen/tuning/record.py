"""What the searches found, as files of the run: predictions, `tuning.json`, the recipe to train in the end.

In: what was found in each outer fold. Out: `predictions.csv`, whose every fold was scored by the recipe that was chosen
without it; the optimism of the inner folds; the recipe that the last search chose, as JSON and as Python source.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.runs import layout
from radiogen.runs.predictions import complete, write_predictions
from radiogen.runs.tuned.tuning import FoldSearch, Tuning, write_tuning
from radiogen.task import ID
from radiogen.training.recipe.recipe import Recipe, as_dict, recipe_parts
from radiogen.training.runs import Run
from radiogen.tuning.nested import Found
from radiogen.tuning.search import best_of
from radiogen.tuning.space import parameter_facts, recipe_of


def write_found(run: Run, found: Sequence[Found], trials: int, inner_folds: int) -> Tuning:
    """Write what was found, in the order of `nested.outer_folds`; the predictions come last."""
    tuning = summarise(run.recipe.name, found, trials, inner_folds)
    recipe = final_recipe(run, found[-1])
    files.write_json(run.folder / layout.TUNED_RECIPE, as_dict(recipe))
    files.write_text(run.folder / layout.TUNED_SOURCE, recipe_source(recipe))
    write_tuning(run.folder, tuning)
    scored = pd.concat([one.scored for one in found[:-1]]).sort_values(ID, ignore_index=True)
    write_predictions(run.folder / layout.PREDICTIONS, complete(scored))
    return tuning


def summarise(recipe: str, found: Sequence[Found], trials: int, inner_folds: int) -> Tuning:
    """The searches, their optimism, and how stable the choice was; the last of `found` is over all folds."""
    folds = [_fold_search(one) for one in found]
    outer = folds[:-1]
    inner, auc = (float(np.mean([getattr(one, name) for one in outer])) for name in ("inner_auc", "auc"))
    chosen = {path: dict(Counter(json.dumps(one.parameters[path]) for one in outer).most_common())
              for path in folds[-1].parameters}
    return Tuning(recipe, trials, inner_folds, inner, auc, inner - auc, chosen, tuple(outer), folds[-1])


def tuning_lines(tuning: Tuning) -> list[str]:
    """What the searches found, a line a fold."""
    lines = [f"fold {one.fold}: inner folds {one.inner_auc:.3f}, fold {one.fold} {one.auc:.3f}; trial {one.trial} of "
             f"{one.complete} whole and {one.pruned} pruned: {_text(one.parameters)}" for one in tuning.folds]
    last = tuning.last
    lines += [tuning.kept_text] if tuning.kept_text else []
    return [*lines, f"mean AUC {tuning.auc:.3f}, of the inner folds {tuning.inner_auc:.3f}: optimism "
            f"{tuning.optimism:+.3f}", f"to train in the end: trial {last.trial} of {last.complete} whole and "
            f"{last.pruned} pruned, inner folds {last.inner_auc:.3f} (optimistic): {_text(last.parameters)}"]


def final_recipe(run: Run, last: Found) -> Recipe:
    """The recipe to train in the end: what the search over the cases of all folds chose.

    Not the choice that most folds made: the AUC of the outer folds is that of searching and training, and this is that
    very procedure on all cases.
    """
    text = (f"{run.recipe.name}, tuned on {run.data.name} by {len(last.trials)} trials on {last.cases} cases. Its AUC "
            f"on these cases is optimistic; that of the procedure stands in {run.folder.name}.")
    return recipe_of(run.recipe, last.chosen.parameters).replace(description=text)


def recipe_source(recipe: Recipe) -> str:
    """Python source in which `RECIPE` is the recipe; every field is given, so that no default counts."""
    names = sorted(kind.__name__ for kind in recipe_parts().values() if kind.__module__.endswith("recipe.settings"))
    return "\n".join([
        f'"""{recipe.description}"""', "",
        "from radiogen.networks.settings import NetworkSettings",
        "from radiogen.training.recipe.recipe import Recipe",
        f"from radiogen.training.recipe.settings import {', '.join(names)}", "",
        f"RECIPE = {_source(recipe, 0)}", ""])


def _fold_search(one: Found) -> FoldSearch:
    pruned = sum(trial.pruned for trial in one.trials)
    return FoldSearch(one.fold, one.cases, one.chosen.number, len(one.trials) - pruned, pruned, one.chosen.score,
                      one.auc, parameter_facts(one.chosen.parameters), best_of(one.trials).score)


def _text(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{path.rpartition('.')[2]} {value:.3g}" if isinstance(value, float) else
                     f"{path.rpartition('.')[2]} {value}" for path, value in parameters.items())


def _source(value: Any, indent: int) -> str:
    if not is_dataclass(value):
        return repr(value)
    inside = " " * (indent + 4)
    rows = [f"{inside}{one.name}={_source(getattr(value, one.name), indent + 4)}," for one in fields(value)]
    return "\n".join([f"{type(value).__name__}(", *rows, f"{' ' * indent})"])


def tuned_files(folder: Path) -> list[Path]:
    """What `write_found` writes."""
    return [folder / name for name in (layout.PREDICTIONS, layout.TUNING, layout.TUNED_RECIPE, layout.TUNED_SOURCE)]
