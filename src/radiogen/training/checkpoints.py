"""Checkpoints: after each epoch one file with everything that the next epoch depends on.

In: a compiled Keras model at the end of an epoch, and the record of the epochs so far. Out: `checkpoint.npz` (all
variables of model and optimiser with their moments, steps, accumulated gradients and random states; the history; the
best epoch and its weights), replaced atomically. Order and augmentation follow from the epoch's number, so a run that
was killed and started again ends with the same weights as one that was not.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.networks.backend import keras

_NOTHING = "not recorded"
_NOTE = ("history", "seconds", "best_loss", "best_epoch", "names", "best", "owner")


@dataclass(frozen=True)
class FoldState:
    """The record of a fold's epochs so far.

    history: the losses and metrics of each epoch; seconds: what each took. best_loss, best_epoch (from 1) and
    best_weights (weights of the model, in its order): on the early-stopping cases, where the recipe has some
    (`early_stopping_fraction`).
    """

    history: tuple[dict[str, float], ...] = ()
    seconds: tuple[float, ...] = ()
    best_loss: float = math.inf
    best_epoch: int = 0
    best_weights: tuple[np.ndarray, ...] = ()

    def after(self, logs: Mapping[str, Any], seconds: float) -> "FoldState":
        """With one more epoch; `logs` are Keras's, by name."""
        row = {"epoch": len(self.history) + 1, **{name: float(value) for name, value in logs.items()}}
        return replace(self, history=(*self.history, row), seconds=(*self.seconds, seconds))

    def improved(self, loss: float, weights: list[np.ndarray]) -> "FoldState":
        """With the last epoch as the best one, where its loss on the early-stopping cases is lower."""
        if not loss < self.best_loss:
            return self
        return replace(self, best_loss=loss, best_epoch=len(self.history), best_weights=tuple(weights))

    def finished(self, epochs: int, patience: int | None) -> bool:
        """Whether no epoch is left; patience: epochs without improvement, None without early stopping."""
        return len(self.history) >= epochs or (patience is not None and self.waited >= patience)

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return len(self.history) - self.best_epoch


def save_checkpoint(path: Path, model: keras.Model, state: FoldState, owner: dict[str, Any] | None = None) -> None:
    """Write the state after `len(state.history)` epochs; owner: what it belongs to, as JSON.

    Raises UserError, and keeps the previous file, where a weight is NaN or infinite.
    """
    arrays = {f"{number:05d}": np.asarray(keras.ops.convert_to_numpy(variable))
              for number, variable in enumerate(_variables(model))}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise UserError(path.parent, f"weights became NaN or infinite in epoch {len(state.history)}; the "
                        "previous epoch is kept",
                        f"lower {parameter('optimisation.learning_rate')}, in a new {parameter('run')}")
    arrays |= {f"best-{number:05d}": array for number, array in enumerate(state.best_weights)}
    note = {**asdict(replace(state, best_weights=())), "names": _names(model), "best": len(state.best_weights),
            "owner": owner}
    text = np.frombuffer(json.dumps(note).encode(), np.uint8)
    # numpy's stub takes the names of arrays for its own keyword allow_pickle
    files.write_with(path, lambda file: np.savez(file, note=text, **arrays))  # type: ignore[arg-type]


def load_checkpoint(path: Path, model: keras.Model, owner: dict[str, Any] | None = None,
                    defaults: dict[str, Any] | None = None) -> FoldState:
    """Put the saved variables into `model`, which is compiled and built alike; returns the state they belong to.

    defaults: fields that an owner of an older version may lack.
    Raises UserError where the file is damaged or belongs to another network or owner: training never restarts by
    itself.
    """
    note, arrays = _read(path)
    variables = _variables(model)
    best = [np.asarray(array) for array in arrays[len(variables):]]
    kept = note["owner"] and {**(defaults or {}), **note["owner"]}
    if kept != owner:
        raise UserError(path, f"belongs to another run or fold: {_difference(kept, owner)}", _remedy(path))
    if note["names"] != _names(model) or not _fit(arrays[:len(variables)], variables) \
            or (best and not _fit(best, model.weights)):
        raise UserError(path, "belongs to another network", _remedy(path))
    for variable, array in zip(variables, arrays, strict=False):
        variable.assign(array)
    return FoldState(tuple(note["history"]), tuple(note["seconds"]), note["best_loss"], note["best_epoch"],
                     tuple(best))


def epochs_done(path: Path) -> int:
    """How many epochs the checkpoint has completed; 0 where there is none. Raises UserError where it is damaged."""
    return len(_read(path, note_only=True)[0]["history"]) if path.is_file() else 0


def _read(path: Path, note_only: bool = False) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The note and the arrays, the best epoch's after the variables'; zip's checksums reveal damage."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            if any(part.file_size > part.compress_size for part in kept.zip.infolist()):
                raise ValueError("is compressed, which no checkpoint is")
            note = json.loads(kept["note"].tobytes())
            lacking = [name for name in _NOTE if name not in note]
            if lacking:
                raise ValueError(f"of another version: it has no {', '.join(lacking)}")
            names = [f"{number:05d}" for number in range(len(note["names"]))]
            names += [f"best-{number:05d}" for number in range(note["best"])]
            return note, [] if note_only else [kept[name] for name in names]
    except Exception as error:  # a damaged archive raises errors of zip, zlib or npy, whichever notices it first
        raise UserError(path, f"cannot be read ({error})", _remedy(path)) from error


def _remedy(path: Path) -> str:
    return f"delete {path} to train this fold from its beginning"


def _fit(arrays: list[np.ndarray], variables: list[Any]) -> bool:
    return [array.shape for array in arrays] == [tuple(variable.shape) for variable in variables]


def _difference(kept: dict[str, Any] | None, owner: dict[str, Any] | None) -> str:
    kept, owner = kept or {}, owner or {}
    name = next(name for name in {**kept, **owner} if kept.get(name, _NOTHING) != owner.get(name, _NOTHING))
    return f"{name} was {kept.get(name, _NOTHING)}, not {owner.get(name, _NOTHING)}"


def _variables(model: keras.Model) -> list[Any]:
    """Weights, statistics, random states and the optimiser's moments; metrics are reset in each epoch."""
    return [*model.variables, *model.optimizer.variables]


def _names(model: keras.Model) -> list[str]:
    """Without the first part, whose number Keras raises when a second optimiser is made in the same process."""
    return [variable.path.split("/", 1)[-1] for variable in _variables(model)]
