"""Files of weights that Keras wrote: the legacy layout (`.h5`) and `.weights.h5`, read as plain arrays.

In: a path. Out: the arrays of each named layer. Only numbers are read: neither the network that a file may describe,
nor arrays in other files.
"""

import zipfile
from pathlib import Path

import h5py
import numpy as np

from radiogen.core.errors import UserError, short_reason
from radiogen.core.wording import parameter
from radiogen.networks.pretrained.fitting import Layers

EXPANSION = 8
SMALL = 1 << 26
"""A file's arrays may have so many times the file's bytes, and 64 MiB at any rate. Trained weights compress by a tenth;
a file of a kilobyte can declare an array that fills the memory."""


def read_layers(path: Path) -> Layers:
    """The arrays of each named layer of an HDF5 file that Keras wrote: legacy layout, or `.weights.h5` with names.

    Raises UserError where the file is missing, damaged or of another kind, or its arrays declare far more bytes than it
    has.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        raise UserError(path, "is an archive, such as .keras, that may contain code: only arrays are read",
                        "save its weights alone: model.save_weights('NAME.weights.h5')")
    reader = _LayerReader(EXPANSION * path.stat().st_size + SMALL if path.is_file() else 0)
    try:
        with h5py.File(path, "r") as file:
            file.visititems(reader.visit)
    except FileNotFoundError:
        raise missing(path) from None
    except PermissionError as error:
        raise unreadable(path) from error
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, MemoryError) as error:
        raise UserError(path, f"is damaged or not an HDF5 file of weights ({short_reason(error)})",
                        "delete it, then copy or download it again") from error
    if not reader.layers:
        raise UserError(path, "names no layers", "give a file that Keras wrote: legacy .h5, or .weights.h5 of Keras 3")
    return reader.layers


def missing(path: Path) -> UserError:
    """What is said of a file of weights that is not there."""
    return UserError(path, "is missing", f"name a file with {parameter('network.weights')}, or "
                                         f"{parameter('network.weights', 'imagenet')}")


def unreadable(path: Path) -> UserError:
    """What is said of a file of weights that this user may not read."""
    return UserError(path, "cannot be read (Permission denied)", "make it readable, or name another file")


class _LayerReader:
    """Collects the arrays of each layer while h5py visits a file; `left`: bytes that its arrays may still have."""

    def __init__(self, left: int):
        self.layers: Layers = {}
        self.left = left

    def visit(self, path: str, node: h5py.HLObject) -> None:
        """Called by h5py for each node; takes those that are a layer. An optimiser's moments are not read."""
        if not isinstance(node, h5py.Group) or path.startswith("optimizer/"):
            return
        if "weight_names" in node.attrs:  # legacy: a group a layer, which names its arrays
            names = [_text(name) for name in node.attrs["weight_names"]]
            if names:
                self.layers[_text(node.name.rsplit("/", 1)[-1])] = [self._array(node, name) for name in names]
        elif node.name.endswith("/vars") and "name" in node.attrs and len(node):
            self.layers[_text(node.attrs["name"])] = [self._array(node, key) for key in sorted(node, key=int)]

    def _array(self, group: h5py.Group, name: object) -> np.ndarray:
        dataset = group[name]
        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{_text(name)} is not an array")
        if dataset.external or dataset.is_virtual or dataset.file.filename != group.file.filename:
            raise ValueError(f"{_text(name)} lies in another file")
        self.left -= dataset.nbytes
        if self.left < 0:
            raise ValueError(f"{_text(name)} declares more bytes than the file can contain")
        return np.asarray(dataset)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
