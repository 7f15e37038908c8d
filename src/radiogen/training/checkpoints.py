"""Nothing lost: after each epoch one file with everything that the next epoch depends on.

In: a compiled Keras model at the end of an epoch, and what is known of the epochs so far. Out: `checkpoint.npz` (all
variables of model and optimiser with their moments, steps, accumulated gradients and random states; the history; the
best epoch and its weights), replaced atomically. Order and augmentation follow from the epoch's number, so a run that
was killed and started again ends with the same weights as one that was not.
"""

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.networks.backend import keras

_NOTHING = "not told"
_NOTE = ("history", "seconds", "best_loss", "best_epoch", "names", "best", "owner")


@dataclass(frozen=True)
class FoldState:
    """What is known of a fold's epochs so far.

    history: the losses and metrics of each epoch; seconds: what each took. best_loss, best_epoch (from 1) and
    best_weights, (weights of the model, in its order): of the cases that choose the epoch, where the recipe cuts some
    off (`early_stopping_fraction`).
    """

    history: tuple[dict, ...] = ()
    seconds: tuple[float, ...] = ()
    best_loss: float = math.inf
    best_epoch: int = 0
    best_weights: tuple[np.ndarray, ...] = ()

    def after(self, logs: dict, seconds: float) -> "FoldState":
        """With one more epoch; `logs` are Keras's, by name."""
        row = {"epoch": len(self.history) + 1, **{name: float(value) for name, value in logs.items()}}
        return replace(self, history=(*self.history, row), seconds=(*self.seconds, seconds))

    def judged(self, loss: float, weights: list[np.ndarray]) -> "FoldState":
        """With the last epoch's loss on the cases that choose, which makes it the best where it is lower."""
        if not loss < self.best_loss:
            return self
        return replace(self, best_loss=loss, best_epoch=len(self.history), best_weights=tuple(weights))

    def finished(self, epochs: int, patience: int | None) -> bool:
        """Whether no epoch is left; patience: epochs without a better one, None where none is chosen."""
        return len(self.history) >= epochs or (patience is not None and self.waited >= patience)

    @property
    def waited(self) -> int:
        """Epochs since the best one."""
        return len(self.history) - self.best_epoch


def save_checkpoint(path: Path, model: keras.Model, state: FoldState, owner: dict | None = None) -> None:
    """Write the state after `len(state.history)` epochs; owner: what it belongs to, as JSON.

    Raises UserError, and keeps the file that is there, where a weight is no finite number.
    """
    arrays = {f"{number:05d}": np.asarray(keras.ops.convert_to_numpy(variable))
              for number, variable in enumerate(_variables(model))}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise UserError(path.parent, f"weights became no numbers in epoch {len(state.history)}; the epoch before is "
                        "kept", f"lower {parameter('optimisation.learning_rate')}, in a new {parameter('run')}")
    arrays |= {f"best-{number:05d}": array for number, array in enumerate(state.best_weights)}
    note = {**asdict(replace(state, best_weights=())), "names": _names(model), "best": len(state.best_weights),
            "owner": owner}
    text = np.frombuffer(json.dumps(note).encode(), np.uint8)
    files.write_with(path, lambda file: np.savez(file, note=text, **arrays))


def load_checkpoint(path: Path, model: keras.Model, owner: dict | None = None, older: dict | None = None) -> FoldState:
    """Put the saved variables into `model`, which is compiled and built alike; returns the state they belong to.

    older: what holds of an owner where it does not tell, as one of an older version, which had fewer fields.
    Raises UserError where the file is damaged or belongs to another network or owner: it never starts anew by itself.
    """
    note, arrays = _read(path)
    variables = _variables(model)
    best = [np.asarray(array) for array in arrays[len(variables):]]
    kept = note["owner"] and {**(older or {}), **note["owner"]}
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
    """How many epochs the checkpoint has behind it; 0 where there is none. Raises UserError where it is damaged."""
    return len(_read(path, note_only=True)[0]["history"]) if path.is_file() else 0


def _read(path: Path, note_only: bool = False) -> tuple[dict, list[np.ndarray]]:
    """The note and the arrays, the best epoch's behind the variables'; zip's checksums tell a damaged one."""
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
    except Exception as error:  # a damaged archive raises whatever its layer of zip, zlib or npy notices first
        raise UserError(path, f"cannot be read ({error})", _remedy(path)) from error


def _remedy(path: Path) -> str:
    return f"delete {path} to train this fold from its beginning"


def _fit(arrays: list[np.ndarray], variables: list[Any]) -> bool:
    return [array.shape for array in arrays] == [tuple(variable.shape) for variable in variables]


def _difference(kept: dict | None, asked: dict | None) -> str:
    kept, asked = kept or {}, asked or {}
    name = next(name for name in {**kept, **asked} if kept.get(name, _NOTHING) != asked.get(name, _NOTHING))
    return f"{name} was {kept.get(name, _NOTHING)}, not {asked.get(name, _NOTHING)}"


def _variables(model: keras.Model) -> list[Any]:
    """Weights, statistics, random states and the optimiser's moments; the metrics begin anew in each epoch."""
    return [*model.variables, *model.optimizer.variables]


def _names(model: keras.Model) -> list[str]:
    """Without the first part: Keras counts it up when a second optimiser is made in the same process."""
    return [variable.path.split("/", 1)[-1] for variable in _variables(model)]
