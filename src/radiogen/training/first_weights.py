"""Weights that others trained, as a run begins with them: checked before anything is made, recorded, held to that.

In: a recipe whose `network.weights` names ImageNet or a file; `saw.csv` beside the file. Out: what run.json says of
them, the run's own `saw.csv`, and at the start of each fold the network with these weights. A run that starts from
another one takes over what that one recorded.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.labels import read_cells, shown
from radiogen.networks.pretrained.first_layers import check_first_weights
from radiogen.runs.layout import RUN, SEEN_CASES
from radiogen.runs.lineage import IMAGENET, FirstWeights, first_weights_of
from radiogen.runs.records import another_run, read_facts
from radiogen.runs.tables import read_seen_cases, write_seen_cases
from radiogen.task import ID, Task
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.runs import Run

if TYPE_CHECKING:  # a run begins without Keras
    from radiogen.networks.backend import keras

COLUMNS = (ID, "patient", "cohort")
"""What is kept of `saw.csv`; the second and third may be missing."""


def find_first_weights(folder: Path, recipe: Recipe, task: Task, start_from: Path | None = None) -> FirstWeights | None:
    """The weights that the run in `folder` began with, or that a new one will; None where networks begin at random.

    start_from: the folder of the run whose networks a new one starts with. Raises UserError where a new run could not
    load its file of weights, or the table of cases beside it cannot be read.
    """
    kept = folder if (folder / RUN).is_file() else start_from
    if kept is not None:
        return first_weights_of(read_facts(kept), kept / RUN)
    weights = recipe.network.weights
    if weights is None:
        return None
    if weights == IMAGENET:
        return FirstWeights(IMAGENET, "")
    check_first_weights(recipe.network, recipe.data.input_shape)
    path = Path(weights).expanduser()
    _read_saw(path.with_name(SEEN_CASES), task)
    return FirstWeights(path.name, files.sha256(path))


def copy_seen_cases(run: Run) -> None:
    """Write the `saw.csv` of a new run: that of the run it starts from, or the one beside its file of weights."""
    if run.first_weights is None or (run.folder / RUN).is_file():
        return
    if run.lineage:
        seen = read_seen_cases(run.folder.parent / run.lineage[0].run)
    elif run.first_weights.file == IMAGENET:
        seen = None
    else:
        seen = _read_saw(Path(str(run.recipe.network.weights)).expanduser().with_name(SEEN_CASES), run.task)
    if seen is not None:
        write_seen_cases(run.folder, seen)


def load_first(model: "keras.Model", run: Run) -> dict[str, str]:
    """Load the weights that the run's recipe names into `model`; returns a record of it: file, sha256, message.

    Raises UserError where the file is another one than the run was begun with, or cannot be loaded.
    """
    from radiogen.networks.weights import imagenet_file, load_first_weights

    weights = str(run.recipe.network.weights)
    path = imagenet_file() if weights == IMAGENET else Path(weights).expanduser()
    message = load_first_weights(model, weights)
    digest, recorded = files.sha256(path), run.first_weights.sha256 if run.first_weights else ""
    if recorded and digest != recorded:
        raise UserError(path, f"is not the file that {run.folder.name} was begun with (SHA-256 {recorded[:10]}...)",
                        f"restore it, or {another_run()}")
    return {"file": str(path), "sha256": digest, "message": message}


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
