"""A trained locator: its run, the digest of its networks, and which cases trained them.

In: `locator:RUN`, as a recipe names it, and the folder of the runs. Out: a `Locator`, or the recipe with the digest
behind the name, so that it stands in the run's record and in the key of its arrays. A digest that is not that of the
networks any more is refused.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.arrays.stored_arrays import open_array
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.runs.fold_weights import check_run
from radiogen.runs.folds import fold_names
from radiogen.runs.layout import LOCATOR_CASES, RECIPE
from radiogen.runs.records import portable_recipe
from radiogen.runs.tables import read_as_text
from radiogen.task import ID
from radiogen.training.locator.finding import Sizes
from radiogen.training.locator.known import case_marks
from radiogen.training.recipe.checks import LOCATOR
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.runs import Run, open_run, run_index, trained_folds

_DIGITS = 12


@dataclass(frozen=True)
class Locator:
    """digest: of all its networks; marks: by case that trained it what it is recognised by; sizes: of the tumours."""

    run: Run
    digest: str
    marks: Mapping[str, frozenset[str]]
    sizes: Sizes

    @property
    def folds(self) -> list[str]:
        """Its folds, all of which are trained."""
        return fold_names(self.run.folds)

    @property
    def places(self) -> dict[str, str]:
        """By case its fold, whose network was not trained on it, or `holdout`."""
        return dict(zip(self.run.folds[ID], self.run.folds["fold"], strict=True))


def with_digest(recipe: Recipe, models: Path) -> Recipe:
    """The recipe with the digest of the locator's networks behind its name; itself where it names none.

    models: the folder of the runs. Raises UserError as `open_locator`.
    """
    if recipe.data.mask is None:
        return recipe
    name, _ = locator_name(recipe.data)
    return recipe.replace(mask=f"locator:{name}@{open_locator(recipe.data, models).digest}")


def locators_of(recipes: Iterable[Recipe]) -> list[str]:
    """The names of the locators that these recipes crop by, each once."""
    return list(dict.fromkeys(locator_name(recipe.data)[0] for recipe in recipes if recipe.data.mask is not None))


def locator_name(data: DataSettings) -> tuple[str, str]:
    """The name of the locator that a recipe names, and the digest behind it, "" where there is none yet."""
    found = re.fullmatch(LOCATOR, data.mask or "")
    if found is None:
        raise UserError(parameter("data.mask", data.mask), "names no locator", "give locator:RUN")
    return found["run"], found["digest"] or ""


def open_locator(data: DataSettings, models: Path) -> Locator:
    """The locator that a recipe names.

    Raises UserError where there is none of this name, it is not trained as a whole, or is another than the recipe's
    digest says.
    """
    name, digest = locator_name(data)
    run = open_run(Path(models) / files.checked_name(parameter("data.mask"), name))
    again = f"{command('train_locator')} --run {as_run(run.folder)}"
    if not run.recipe.network.locates:
        raise UserError(run.folder, "is no locator: its networks say nothing of where the tumour is",
                        f"name one that {command('train_locator')} trained: {parameter('data.mask', 'locator:RUN')}")
    missing = sorted(set(fold_names(run.folds)) - set(trained_folds(run)))
    table = read_as_text(run.folder / LOCATOR_CASES, (ID, "tumour_ml", "marks"))
    if missing or table is None:
        raise UserError(run.folder, f"fold {', '.join(missing)} is not trained" if missing else
                        f"has no {LOCATOR_CASES}, which says what trained it", again)
    found = _digest(run)
    if digest and digest != found:
        raise UserError(run.folder, f"is another locator than the recipe's: its networks are {found}, not {digest}",
                        "restore it, or choose another name for the run that uses it")
    volumes = table["tumour_ml"].astype(float)
    marks = {case: frozenset(json.loads(cell)) for case, cell in zip(table[ID], table["marks"], strict=True)}
    return Locator(run, found, marks, Sizes(float(volumes.min()), float(volumes.max())))


def write_locator_cases(run: Run) -> Path:
    """Write what the cases that train a locator are recognised by, and how large their tumours are in its arrays."""
    index = run_index(run)
    index = index[index[ID].isin(run.folds[ID])]
    marks = case_marks(run.data, run.cache, index)
    voxel = (run.recipe.data.edge_mm / run.recipe.data.size) ** 3 / 1000
    rows = [(case, round(float((open_array(run.cache, case)[-1] > 0).sum()) * voxel, 3),
             json.dumps(sorted(marks[case]))) for case in index[ID]]
    return files.write_csv(run.folder / LOCATOR_CASES, run.task.to_file(
        pd.DataFrame(rows, columns=[ID, "tumour_ml", "marks"])))


def _digest(run: Run) -> str:
    """Of the weights of all folds, of the recipe, and of which case is in which fold and recognised by what.

    The folder of initial weights has no part in it, so that it is the same on another machine.
    """
    recipe = files.json_text(portable_recipe(run.folder)).encode()
    parts = {**check_run(run.folder), RECIPE: hashlib.sha256(recipe).hexdigest(),
             LOCATOR_CASES: files.sha256(run.folder / LOCATOR_CASES)}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_DIGITS]
