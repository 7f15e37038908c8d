"""Pretraining, from data sets to an encoder with which trainings begin: `--weights pretrained:NAME`.

In: a recipe, data sets, settings. Out: `models/<run>/` with `recipe.json`, `pretraining.json` and `saw.csv` (which
cases, of which data set, with which array), written when it begins; `checkpoint.npz` and `history.csv` while it learns;
`encoder.weights.h5` last of all. A killed pretraining that is run again resumes and ends with the same weights.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.networks.backend import backend, keras
from radiogen.networks.training_kinds import training_kinds
from radiogen.pretraining.collapse import Spread, feature_spread, spread_text
from radiogen.pretraining.images import PretrainingImages
from radiogen.pretraining.objectives import Objective, make_objective, pooled
from radiogen.pretraining.settings import PretrainingSettings, check_settings, pretraining_recipe
from radiogen.pretraining.views import Views, unchanged
from radiogen.runs import layout
from radiogen.runs.environment import write_environment
from radiogen.runs.records import write_recipe
from radiogen.runs.training_records import write_history
from radiogen.training.callbacks import CheckpointCallback, ProgressBar
from radiogen.training.checkpoints import FoldState, load_checkpoint
from radiogen.training.fit import set_seed, translate_memory_errors
from radiogen.training.locator.networks import with_digest
from radiogen.training.model import make_network
from radiogen.training.optimisation import make_optimizer, set_precision
from radiogen.training.recipe.recipe import Recipe, as_dict, as_flat_dict

_LOG = logging.getLogger(__name__)

COMPARED = 512
"""So many images, spread over all, show whether the encoder collapsed."""


@dataclass(frozen=True)
class Pretraining:
    """folder: models/<run>; recipe: that of pretraining (`pretraining_recipe`); settings, images: what it learns from
    and how."""

    folder: Path
    recipe: Recipe
    settings: PretrainingSettings
    images: PretrainingImages

    @property
    def facts(self) -> dict[str, Any]:
        """What `pretraining.json` says from the beginning."""
        return {"recipe": self.recipe.name, **asdict(self.settings), "cases": len(self.images.cases),
                "inputs": len(self.images), "arrays": self.images.fingerprint,
                "data": [{**asdict(one), "place": files.recorded_path(one.place, self.folder)}
                         for one in self.images.data_sets]}


def begin_pretraining(data: Sequence[Path], recipe: Recipe, settings: PretrainingSettings, folder: Path, cache: Path, *,
                      leave_out: Collection[str] = (), workers: int | None = None) -> Pretraining:
    """Bring the arrays of all data sets up to date and write what the pretraining is, or check that it is unchanged.

    leave_out: ids of cases that are not learned from, whichever data set they are in. Raises UserError for settings
    that are not valid, a folder of something else, or a pretraining that was begun with other words or images.
    """
    models = Path(folder).parent
    recipe = pretraining_recipe(with_digest(recipe, models), check_settings(settings))
    if (folder / layout.RUN).is_file():
        raise UserError(folder, "is a run that was trained", f"choose another {parameter('run')} name")
    images = PretrainingImages(recipe, data, cache, leave_out=leave_out, models=models, workers=workers)
    if len(images) < 2:
        raise UserError(parameter("data"), "has one image alone", "pretrain on more cases")
    made = Pretraining(Path(folder), recipe, settings, images)
    with files.working_folder(made.folder):
        _write_record(made)
    return made


def pretrain(made: Pretraining) -> Spread:
    """Train the encoder, from its last checkpoint where there is one; returns how its features differ among images.

    A finished one is left as it is. Raises UserError where the loss becomes NaN or infinite, the checkpoint is not this
    one's, or memory runs out.
    """
    with files.working_folder(made.folder), translate_memory_errors(made.recipe.optimisation):
        record = files.read_json(made.folder / layout.PRETRAINING)
        if not (made.folder / layout.ENCODER).is_file():
            record = _train(made)
        else:
            _LOG.info(f"{made.folder.name} is already pretrained")
        (made.folder / layout.CHECKPOINT).unlink(missing_ok=True)
    found = Spread(record["spread"], record["dimensions"])
    _LOG.info(spread_text(found))
    return found


def _write_record(made: Pretraining) -> None:
    path = made.folder / layout.PRETRAINING
    if path.is_file():
        kept = files.read_json(path)
        for name, value in _compared(made.facts).items():
            if _compared(kept).get(name) != value:
                raise UserError(made.folder, f"was begun with {parameter(name)} {kept.get(name)}, not {value}",
                                f"give that, or choose another {parameter('run')} name")
        return
    write_recipe(made.folder, as_dict(made.recipe))
    write_environment(made.folder)
    files.write_csv(made.folder / layout.SEEN_CASES, made.images.cases)
    files.write_json(path, made.facts)


def _compared(facts: dict[str, Any]) -> dict[str, Any]:
    """What may not change: a copy of a data set in another place is the same."""
    return {name: value for name, value in facts.items() if name not in ("data", "spread", "dimensions", "seconds")}


def _train(made: Pretraining) -> dict[str, Any]:
    """Train what is left, write the encoder; returns what pretraining.json says then."""
    recipe, folder = made.recipe, made.folder
    set_precision(recipe.optimisation.precision)
    set_seed(recipe.seed)
    model, encoder, objective = _compiled(made)
    views = Views(recipe, made.images, objective)
    owner = {"objective": made.settings.objective, "arrays": made.images.fingerprint, **as_flat_dict(recipe)}
    state = FoldState()
    if (folder / layout.CHECKPOINT).is_file():
        state = load_checkpoint(folder / layout.CHECKPOINT, model, owner)
        write_history(folder, state.history)
    epochs, done = recipe.optimisation.epochs, len(state.history)
    checkpoints = CheckpointCallback(folder, state, views, owner=owner)
    if done < epochs:
        bar = ProgressBar(folder.name, epochs, views.num_batches, done)
        model.fit(views, epochs=epochs, initial_epoch=done, verbose=0, shuffle=False, callbacks=[checkpoints, bar])
    found = feature_spread(_features(made, encoder))
    record = {**files.read_json(folder / layout.PRETRAINING), **asdict(found),
              "seconds": round(sum(checkpoints.state.seconds), 1)}
    files.write_json(folder / layout.PRETRAINING, record)
    files.write_by_name(folder / layout.ENCODER, encoder.save_weights)
    return record


def _compiled(made: Pretraining) -> tuple[keras.Model, keras.Model, Objective]:
    """The network with the objective's head, its encoder alone, the objective."""
    recipe = made.recipe
    kinds = training_kinds(recipe.optimisation.layers)
    network = make_network(recipe.network, recipe.data, kinds)
    objective = make_objective(made.settings, network)
    model = keras.Model(network.input, objective.head(network), name=network.name)
    batches = max(1, len(made.images) // made.settings.batch_size)
    model.compile(optimizer=make_optimizer(recipe.optimisation, len(made.images), batches, kinds), loss=objective.loss,
                  jit_compile=backend().compile_ahead())
    model.optimizer.build(model.trainable_variables)
    return model, keras.Model(network.input, pooled(network)), objective


def _features(made: Pretraining, encoder: keras.Model) -> np.ndarray:
    """The encoder's features of `COMPARED` images as they are, (images, features)."""
    rows = np.unique(np.linspace(0, len(made.images) - 1, COMPARED).astype(int))
    size = made.settings.batch_size
    return np.concatenate([np.asarray(encoder.predict_on_batch(unchanged(made.recipe, made.images, rows[at:at + size])))
                           for at in range(0, len(rows), size)])
