"""Nothing lost: after each epoch one file with everything that the next epoch depends on.

In: a compiled Keras model at the end of an epoch. Out: `checkpoint.npz` (all variables of model and optimiser, the
epochs done, the history), replaced atomically. Order and augmentation follow from the epoch's number, so a run that was
killed and started again ends with the same weights as one that was not.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from radiogen import files
from radiogen.errors import UserError
from radiogen.learning.backend import keras


def save_checkpoint(path: Path, model: keras.Model, history: list[dict]) -> None:
    """Write the state after `len(history)` epochs."""
    arrays = {f"{number:05d}": np.asarray(keras.ops.convert_to_numpy(variable))
              for number, variable in enumerate(_variables(model))}
    note = np.frombuffer(json.dumps({"history": history, "names": _names(model)}).encode(), np.uint8)
    files.write_with(path, lambda file: np.savez(file, note=note, **arrays))


def load_checkpoint(path: Path, model: keras.Model) -> list[dict]:
    """Put the saved state into `model`, which is compiled and built alike; returns the history so far.

    Raises UserError where the file is damaged or belongs to another network: it never starts anew by itself.
    """
    remedy = f"delete {path} to train this fold from its beginning"
    try:
        with np.load(path, allow_pickle=False) as kept:
            note = json.loads(kept["note"].tobytes())
            arrays = [kept[f"{number:05d}"] for number in range(len(note["names"]))]
    except Exception as error:  # a damaged archive raises whatever its layer of zip, zlib or npy notices first
        raise UserError(path, f"cannot be read ({error})", remedy) from error
    variables = _variables(model)
    if note["names"] != _names(model) or any(a.shape != tuple(v.shape) for a, v in zip(arrays, variables, strict=True)):
        raise UserError(path, "belongs to another network", remedy)
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return note["history"]


def _variables(model: keras.Model) -> list[Any]:
    """Weights, statistics, random states and the optimiser's moments; the metrics begin anew in each epoch."""
    return [*model.variables, *model.optimizer.variables]


def _names(model: keras.Model) -> list[str]:
    """Without the first part: Keras counts it up when a second optimiser is made in the same process."""
    return [variable.path.split("/", 1)[-1] for variable in _variables(model)]
