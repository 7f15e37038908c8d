"""Weights that others trained, as a run begins with them: checked before anything is made, recorded, held to that.

In: a recipe whose `network.weights` names ImageNet, a file or a pretraining; `saw.csv` beside the file. Out: what
run.json says of them, the run's own `saw.csv`, and at the start of each fold the network with these weights. A run that
starts from another one takes over what that one recorded.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, nearest, parameter
from radiogen.dataset.labels import read_cells, shown
from radiogen.dataset.seen_cases import COHORT, SEEN
from radiogen.networks.pretrained.first_layers import check_first_weights
from radiogen.networks.settings import pretraining_name
from radiogen.runs.layout import ENCODER, PRETRAINING, RECIPE, RUN, SEEN_CASES
from radiogen.runs.lineage import IMAGENET, FirstWeights, first_weights_of
from radiogen.runs.records import another_run, read_facts
from radiogen.runs.tables import read_seen_cases, write_seen_cases
from radiogen.task import ID, Task
from radiogen.training.recipe.recipe import Recipe, as_flat_dict
from radiogen.training.recipe.stored import read_recipe
from radiogen.training.runs import Run

if TYPE_CHECKING:  # a run begins without Keras
    from radiogen.networks.backend import keras

COLUMNS = (ID, "patient", COHORT, SEEN, "sha256")
"""What is kept of `saw.csv`; only the first may not be missing."""
SAME = ("data.", "network.architecture", "network.width", "network.stem_kernel_size", "network.stem_stride")
"""Fields in which a recipe may not differ from the pretraining that it begins with."""


def find_first_weights(folder: Path, recipe: Recipe, task: Task, start_from: Path | None = None) -> FirstWeights | None:
    """The weights that the run in `folder` began with, or that a new one will; None where networks begin at random.

    start_from: the folder of the run whose networks a new one starts with. Raises UserError where a new run could not
    load its file of weights, or the table of cases beside it cannot be read.
    """
    if (folder / PRETRAINING).is_file():
        raise UserError(folder, "is a pretraining", f"give the run another name: {parameter('run')} NAME")
    kept = folder if (folder / RUN).is_file() else start_from
    if kept is not None:
        return first_weights_of(read_facts(kept), kept / RUN)
    weights = recipe.network.weights
    if weights is None:
        return None
    if weights == IMAGENET:
        return FirstWeights(IMAGENET, "")
    path = weights_path(weights, folder)
    if pretraining_name(weights):
        _check_pretraining(path.parent, recipe)
    check_first_weights(replace(recipe.network, weights=str(path)), recipe.data.input_shape)
    _read_saw(path.with_name(SEEN_CASES), task)
    return FirstWeights(weights if pretraining_name(weights) else path.name, files.sha256(path))


def weights_path(weights: str, folder: Path) -> Path:
    """The file of the initial weights `weights`: a path, or `pretrained:NAME`, which lies in `models/` with the run in
    `folder`, or with the run in whose folder that lies.

    Raises UserError where there is no such pretraining, or it is not finished.
    """
    name = pretraining_name(weights)
    if not name:
        return Path(weights).expanduser()
    places = [parent / files.checked_name(parameter("network.weights"), name) for parent in Path(folder).parents]
    place = next((place for place in places if (place / PRETRAINING).is_file()), None)
    if place is None:
        known = [path.parent.name for path in Path(folder).parent.glob(f"*/{PRETRAINING}")]
        raise UserError(places[0], f"there is no such pretraining{nearest(name, known)}",
                        f"make it: {command('pretrain')} --run {as_run(places[0])}")
    if not (place / ENCODER).is_file():
        raise UserError(place, "is a pretraining that is not finished",
                        f"finish it: {command('pretrain')} --run {as_run(place)}, with the options that it began with")
    return place / ENCODER


def copy_seen_cases(run: Run) -> None:
    """Write the `saw.csv` of a new run: that of the run it starts from, or the one beside its file of weights."""
    if run.first_weights is None or (run.folder / RUN).is_file():
        return
    if run.lineage:
        seen = read_seen_cases(run.folder.parent / run.lineage[0].run)
    elif run.first_weights.file == IMAGENET:
        seen = None
    else:
        seen = _read_saw(weights_path(str(run.recipe.network.weights), run.folder).with_name(SEEN_CASES), run.task)
    if seen is not None:
        write_seen_cases(run.folder, seen)


def load_first(model: "keras.Model", run: Run) -> dict[str, str]:
    """Load the weights that the run's recipe names into `model`; returns a record of it: file, sha256, message.

    Raises UserError where the file is another one than the run was begun with, or cannot be loaded.
    """
    from radiogen.networks.weights import imagenet_file, load_first_weights

    weights = str(run.recipe.network.weights)
    path = imagenet_file() if weights == IMAGENET else weights_path(weights, run.folder)
    message = load_first_weights(model, weights if weights == IMAGENET else str(path))
    digest, recorded = files.sha256(path), run.first_weights.sha256 if run.first_weights else ""
    if recorded and digest != recorded:
        raise UserError(path, f"is not the file that {run.folder.name} was begun with (SHA-256 {recorded[:10]}...)",
                        f"restore it, or {another_run()}")
    return {"file": str(path), "sha256": digest, "message": message}


def _check_pretraining(place: Path, recipe: Recipe) -> None:
    """Raise UserError where images or network are not those of the pretraining in `place`."""
    there, here = as_flat_dict(read_recipe(place / RECIPE)), as_flat_dict(recipe)
    for path, value in here.items():
        if path.startswith(SAME) and there[path] != value:
            raise UserError(place, f"was pretrained with {parameter(path)} {there[path]}, not {value}",
                            f"give {parameter(path)} {there[path]}, or pretrain with this recipe")


def _read_saw(path: Path, task: Task) -> pd.DataFrame | None:
    """`COLUMNS` of the table beside a file of weights, as text; None where there is none."""
    if not path.is_file():
        return None
    table = task.from_file(read_cells(path, [task.id_column]))
    if ID not in table.columns:
        raise UserError(path, f"row 1: has no column {' or '.join(dict.fromkeys([task.id_column, ID]))}",
                        f"list there what {parameter('network.weights')} was trained on, a case a row")
    for row, (case, cohort) in enumerate(zip(table[ID], table.get("cohort", [""] * len(table)), strict=True), start=2):
        if not cohort and "leading zeros" in task.id_fault(case):
            raise UserError(path, f"row {row}: {task.id_column} is {shown(case)}", task.id_fault(case))
    return table[[name for name in COLUMNS if name in table.columns]]
