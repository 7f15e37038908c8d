"""Training: one network a fold with Keras `fit`, on the arrays of the other folds.

In: a `Run` whose tables are written. Out: in each fold's folder `history.csv`, `timings.json` and, when its last epoch
is done, `model.weights.h5`. The number of epochs is fixed beforehand, or chosen by early stopping on cases of the
training folds; metrics of the fold that is scored are shown and never used. Each fold runs in a process of its own,
because `fit` leaks memory in a loop (tf-keras#286).
"""

import contextlib
import logging
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.dataset.geometry import read_geometry
from radiogen.networks.backend import backend, keras, on_one_machine
from radiogen.networks.training_kinds import training_kinds
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.layout import CHECKPOINT, FIRST_WEIGHTS, FOLD_FILES, GEOMETRY, TENSORBOARD, WEIGHTS
from radiogen.runs.training_records import write_history, write_timings
from radiogen.task import ID, LABEL
from radiogen.training.callbacks import CheckpointCallback, ProgressBar
from radiogen.training.checkpoints import FoldState, load_checkpoint, save_checkpoint
from radiogen.training.execution.devices import Devices, Share, check_accumulation, one_gpu_each, placed, synchronise
from radiogen.training.execution.processes import map_in_subprocesses
from radiogen.training.first_weights import load_first
from radiogen.training.input.balance import drawn_text, plane_weights
from radiogen.training.input.batches import Batches, CachedImages, Sampling, label_inputs, list_inputs
from radiogen.training.locator.segmentation import DiceCrossEntropy, MaskBatches, dice_metric
from radiogen.training.model import make_network
from radiogen.training.optimisation import accumulation, make_loss, make_metrics, make_optimizer, set_precision
from radiogen.training.recipe.recipe import Recipe, as_flat_dict, default_fields
from radiogen.training.recipe.settings import OptimisationSettings
from radiogen.training.runs import Run, fold_folder, run_index
from radiogen.training.starting import load_start

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoldBatches:
    """A fold's three parts: training cases, early-stopping cases (None without early stopping), scored cases."""

    train: Batches
    stop: Batches | None
    scored: Batches


def train_folds(run: Run, folds: list[str], parallel_folds: int = 1, devices: Devices | None = None, *,
                tensorboard: bool = False) -> None:
    """Train each of `folds` that is not finished, `parallel_folds` at a time, which share cores and GPUs.

    Raises UserError naming the folds that failed, after the others.
    """
    devices, todo = devices or Devices(), untrained(run, folds)
    for fold in sorted(set(folds) - set(todo), key=int):
        (fold_folder(run, fold) / CHECKPOINT).unlink(missing_ok=True)  # killed between the weights and this
        _LOG.info(f"fold {fold} is already trained")
    outcomes = map_in_subprocesses(train_fold, [(run, fold, devices, tensorboard) for fold in todo],
                                   [f"fold {fold}" for fold in todo], parallel_folds,
                                   one_gpu_each(devices, parallel_folds))
    failed = {fold: error for fold, error in zip(todo, outcomes, strict=True) if error is not None}
    if failed:
        reasons = "; ".join(dict.fromkeys(map(str, failed.values())))
        raise UserError(run.folder, f"fold {', '.join(failed)} failed: {reasons}",
                        f"repair that, then: {command('train')} --run {as_run(run.folder)} --fold "
                        f"{next(iter(failed)) if len(failed) == 1 else 'all'}")


def remove_fold(folder: Path) -> None:
    """Remove the files that training wrote into the folder of a fold, and the folder if nothing else is in it."""
    for name in FOLD_FILES:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def train_fold(run: Run, fold: str, devices: Devices | None = None, tensorboard: bool = False) -> None:
    """Train one fold in this process, from its last checkpoint where there is one.

    Raises UserError where the loss or the weights become NaN or infinite, the checkpoint is not this fold's, or memory
    runs out.
    """
    with placed(devices or Devices(), int(fold)) as share, translate_memory_errors(run.recipe.optimisation):
        _train(run, fold, share, tensorboard)


def compile_network(recipe: Recipe, inputs: int, batches: int) -> keras.Model:
    """The recipe's network with its optimiser, for `inputs` training inputs in `batches` batches an epoch."""
    outputs, steps = recipe.network.outputs, recipe.optimisation
    kinds = training_kinds(steps.layers)
    model = make_network(recipe.network, recipe.data, kinds)
    locates = recipe.network.locates
    model.compile(optimizer=make_optimizer(steps, inputs, batches, kinds),
                  loss=DiceCrossEntropy() if locates else make_loss(outputs, steps.label_smoothing),
                  metrics=[dice_metric()] if locates else make_metrics(outputs),
                  jit_compile=backend().compile_ahead())
    model.optimizer.build(model.trainable_variables)
    return model


def fold_batches(run: Run, fold: str, share: Share | None = None) -> FoldBatches:
    """The batches of one fold; `share`: the part that this process feeds, where several devices train together."""
    index, recipe, steps = run_index(run), run.recipe, run.recipe.optimisation
    images = CachedImages(run.cache, recipe.data, dict(zip(index[ID], index["sha256"], strict=True)))
    scored = run.folds["fold"] == fold
    cases = run.folds[~scored & (run.folds["fold"] != HOLDOUT)]
    stopping = _early_stopping_cases(cases, steps.early_stopping_fraction, recipe.seed, int(fold))
    kind = MaskBatches if recipe.network.locates else Batches

    def batches(part: pd.DataFrame, training: bool) -> Batches:
        inputs, weights = list_inputs(recipe.data, index, part[ID].tolist()), None
        if training and steps.balance == "planes":
            drawn = plane_weights(part, read_geometry(run.folder / GEOMETRY), recipe.data.sequences)
            weights = inputs[ID].map(dict(zip(part[ID], drawn, strict=True))).to_numpy(float)
        return kind(recipe, images, inputs, label_inputs(inputs, part),
                    sampling=Sampling(int(fold), weights) if training else None, share=share or Share())

    return FoldBatches(batches(cases[~stopping], True), batches(cases[stopping], False) if stopping.any() else None,
                       batches(run.folds[scored], False))


def _early_stopping_cases(cases: pd.DataFrame, fraction: float, seed: int, fold: int) -> np.ndarray:
    """Which of the training cases choose the epoch instead of training: bool (cases,), this fraction of each label.

    cases: one row a patient with `LABEL`. At least one of each label, where fraction is not 0. Raises UserError
    where nothing of a label would be left to train on.
    """
    chosen = np.zeros(len(cases), bool)
    for label in (0, 1) if fraction > 0 else ():
        rows = np.flatnonzero(cases[LABEL].to_numpy(int) == label)
        count = max(1, round(fraction * len(rows)))
        if count >= len(rows):
            raise UserError(parameter("optimisation.early_stopping_fraction", fraction),
                            f"leaves no case with label {label} to train on in fold {fold}",
                            "give a smaller one, or 0 for a fixed number of epochs")
        chosen[np.random.default_rng((seed, fold, label)).permutation(rows)[:count]] = True
    return chosen


def set_seed(*parts: int) -> None:
    """Seed every generator that Keras may use and make operations reproducible bit for bit."""
    keras.utils.set_random_seed(int(np.random.SeedSequence(parts).generate_state(1)[0]))
    backend().make_deterministic()


def untrained(run: Run, folds: list[str]) -> list[str]:
    """Those of `folds` that are not finished."""
    return [fold for fold in folds if not (fold_folder(run, fold) / WEIGHTS).is_file()]


@contextlib.contextmanager
def translate_memory_errors(settings: OptimisationSettings) -> Iterator[None]:
    """Within: where a GPU or the machine runs out of memory, a UserError names the fields that save memory."""
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise UserError(parameter("optimisation.micro_batch_size", settings.micro_batch_size),
                        "memory ran out with that many inputs at once",
                        f"halve it: {parameter('optimisation.batch_size', settings.batch_size)} stays, gradients are "
                        "accumulated over more batches") from error


@contextlib.contextmanager
def translate_batch_errors(parts: FoldBatches) -> Iterator[None]:
    """Within: a UserError of a batch is raised as it was; TensorFlow makes another of what is raised in its input."""
    try:
        yield
    except Exception as error:
        for batches in (parts.train, parts.stop, parts.scored):
            if batches is not None and batches.error is not None:
                raise batches.error from error
        raise


def peak_memory() -> int:
    """The peak memory of this process in bytes (resident, without a GPU's)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _train(run: Run, fold: str, share: Share, tensorboard: bool) -> None:
    recipe, settings, folder = run.recipe, run.recipe.optimisation, fold_folder(run, fold)
    folder.mkdir(parents=True, exist_ok=True)
    precision = set_precision(settings.precision)
    parts = fold_batches(run, fold, share)
    if parts.train.weights is not None and share.first:
        weights = parts.train.weights[~parts.train.inputs[ID].duplicated()]
        _LOG.info(f"fold {fold}: {drawn_text(weights)}")
    steps, together = parts.train.num_batches, accumulation(settings, len(parts.train.inputs), parts.train.num_batches)
    check_accumulation(together, share)
    set_seed(recipe.seed, int(fold))
    model = compile_network(recipe, len(parts.train.inputs), steps)
    synchronise(model, share)
    owner = {"fold": fold, **as_flat_dict(recipe)}
    if run.lineage:
        owner["started_from"] = run.lineage[0].weights.get(fold, "")
    state = _begin(run, fold, model, owner, writes=share.first)
    checkpoints = CheckpointCallback(folder, state, parts.train, stop=parts.stop, owner=owner,
                                     patience=settings.early_stopping_patience, writes=share.first)
    callbacks = [checkpoints, ProgressBar(f"fold {fold}", settings.epochs, steps, len(state.history))]
    if tensorboard and share.first:
        callbacks.append(keras.callbacks.TensorBoard(folder / TENSORBOARD))
    if not state.finished(settings.epochs, settings.early_stopping_patience if parts.stop else None):
        with translate_batch_errors(parts):
            model.fit(backend().feed(parts.train), validation_data=backend().feed(parts.scored), verbose=0,
                      epochs=settings.epochs, initial_epoch=len(state.history), shuffle=False, callbacks=callbacks)
    if share.first:
        _finish(folder, model, checkpoints.state,
                {"batches_an_epoch": steps, "batches_a_step": together, "precision": precision,
                 "layers": training_kinds(settings.layers).name, "device": device_name(), "devices": share.devices,
                 "parameters": model.count_params()})


def _begin(run: Run, fold: str, model: keras.Model, owner: dict[str, Any], *, writes: bool) -> FoldState:
    """The state to resume from; where there is none, initial weights are loaded into `model`: those of the run that
    this one starts from, which is no longer needed then, or the recipe's.
    """
    folder = fold_folder(run, fold)
    if (folder / CHECKPOINT).is_file():
        state = load_checkpoint(folder / CHECKPOINT, model, owner, default_fields())
        if state.history:
            write_history(folder, state.history)  # the process may have been killed between the two
        return state
    if run.lineage:
        first = load_start(model, run, fold)
        files.write_json(folder / FIRST_WEIGHTS, first)
        if writes:
            save_checkpoint(folder / CHECKPOINT, model, FoldState(), owner)
        _LOG.info(first["message"])
        return FoldState()
    if run.recipe.network.weights:
        first = load_first(model, run)
        files.write_json(folder / FIRST_WEIGHTS, first)
        _LOG.info(first["message"])
    return FoldState()


def _finish(folder: Path, model: keras.Model, state: FoldState, facts: dict[str, Any]) -> None:
    """Write the final weights last of all: their file marks the fold as trained. Then remove the checkpoint."""
    if state.best_weights:
        model.set_weights(list(state.best_weights))
        facts = {"chosen_epoch": state.best_epoch, **facts}
    checkpoint = folder / CHECKPOINT
    write_timings(folder, {"seconds_an_epoch": [round(each, 3) for each in state.seconds],
                           "peak_memory_mb": round(peak_memory() / 1e6),
                           "checkpoint_bytes": checkpoint.stat().st_size if checkpoint.is_file() else 0, **facts})
    with on_one_machine():
        write_weights(folder, model.save_weights)
    checkpoint.unlink(missing_ok=True)


def device_name() -> str:
    """The device that Keras computes on, by its driver's name; a CPU with the cores that this process may use."""
    return backend().gpu_name() or f"CPU, {len(os.sched_getaffinity(0))} cores"


def _is_out_of_memory(error: BaseException) -> bool:
    """TensorFlow's ResourceExhaustedError, PyTorch's OutOfMemoryError, JAX's RESOURCE_EXHAUSTED, Python's own."""
    return isinstance(error, MemoryError) or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError") \
        or (type(error).__name__.endswith("RuntimeError") and "RESOURCE_EXHAUSTED" in str(error))
