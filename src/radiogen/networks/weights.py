"""Initial weights of a network: ImageNet's, a file's, or PyTorch arrays, loaded layer by layer by name.

In: a model from residual.py and `imagenet`, a path, or arrays. Out: the model with those weights, and a sentence that
says how many layers were found. Only arrays are read from HDF5: no pickle, no code out of a file. A 3D network takes 2D
kernels inflated; biases that its layout lacks are folded into the batch normalisation.
"""

import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from radiogen.core.errors import UserError, short_reason
from radiogen.core.wording import parameter
from radiogen.networks.backend import keras
from radiogen.networks.residual import HEAD

EXPANSION = 8
SMALL = 1 << 26
"""A file's arrays may have so many times the file's bytes, and 64 MiB at any rate. Trained weights compress by a tenth;
a file of a kilobyte can declare an array that fills the memory."""

Layers = dict[str, list[np.ndarray]]
"""Arrays of each layer in Keras's order: kernel, bias; or gamma, beta, moving mean, moving variance."""

IMAGENET_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
IMAGENET_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
"""As in keras.applications.ResNet50(weights="imagenet", include_top=False), whose cache is used."""


def load_first_weights(model: keras.Model, which: str) -> str:
    """Load initial weights into `model` except its head; returns a sentence that says how many layers were found.

    which: `imagenet`, downloaded and cached by Keras (ResNet-50 only; blue, green, red), or the path of a file with the
    same layer names, complete or in part: Keras's legacy layout (`.h5`) or `.weights.h5`. Layers that the file does not
    have keep their random weights. Build the network with scale="imagenet".

    A 3D network takes 2D kernels inflated: repeated along depth and divided by it, so that a volume of equal slices
    yields the output of the slice (I3D: Carreira & Zisserman, arXiv 1705.07750, 3.1). With n input channels other than
    three each gets the mean of the kernel's three, times 3 / n: one grey image in all channels computes the same as
    grey in red, green and blue. Where the network's convolution has no bias, the file's is subtracted from the mean of
    the batch normalisation after it.
    Raises UserError where the file is missing, damaged, of another kind, or of another network.
    """
    if which == "imagenet" and not model.name.startswith("resnet50"):
        raise UserError(parameter("network.weights", "imagenet"), "Keras has none for this network",
                        f"use {parameter('network.architecture', 'resnet50')} or leave {parameter('network.weights')} "
                        "out")
    path = imagenet_file() if which == "imagenet" else Path(which).expanduser()
    return _set_layers(model, read_layers(path), path)


def load_torch_weights(model: keras.Model, state: Mapping[str, np.ndarray], where: str = "PyTorch") -> str:
    """As `load_first_weights`, from the arrays of a MONAI, Med3D or torchvision ResNet's `state_dict` of the same rank.

    A `.pth` file is a pickle, so it is not read here; `{name: tensor.numpy() for name, tensor in state.items()}`.
    """
    state = {name.removeprefix("module."): np.asarray(array) for name, array in state.items()}
    stored: Layers = {}
    for layer in _layers_to_fill(model):
        name = _torch_name(layer.name)
        if layer.name.endswith("_bn"):
            parts = [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        else:
            parts = [part for part in (f"{name}.weight", f"{name}.bias") if part in state]
        if parts and all(part in state for part in parts):
            arrays = [state[part] for part in parts]
            stored[layer.name] = [np.moveaxis(each, (0, 1), (-1, -2)) if each.ndim > 1 else each for each in arrays]
    return _set_layers(model, stored, where)


def imagenet_file() -> Path:
    """Keras's cached file of ResNet-50's ImageNet weights, downloaded where it is missing."""
    from filelock import FileLock

    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
    path = folder / IMAGENET_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{IMAGENET_FILE}.lock"):  # folds that begin at the same time download once
            if not path.is_file():
                return Path(keras.utils.get_file(IMAGENET_FILE, IMAGENET_URL + IMAGENET_FILE, cache_subdir="models",
                                                 cache_dir=str(folder.parent), file_hash=IMAGENET_MD5))
    except Exception as error:  # get_file raises a bare Exception where there is no network
        raise UserError(path, f"cannot be downloaded ({str(error).rsplit(': ', 1)[-1] or type(error).__name__})",
                        f"put {IMAGENET_URL}{IMAGENET_FILE} there, or name a file with "
                        f"{parameter('network.weights')}") from error
    return path


def read_layers(path: Path) -> Layers:
    """The arrays of each named layer of an HDF5 file that Keras wrote: legacy layout, or `.weights.h5` with names.

    Only numbers are read: neither the network that a file may describe, nor arrays in other files. Raises UserError
    where the file is missing, damaged or of another kind, or its arrays declare far more bytes than it has.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        raise UserError(path, "is an archive, such as .keras, that may contain code: only arrays are read",
                        "save its weights alone: model.save_weights('NAME.weights.h5')")
    reader = _LayerReader(EXPANSION * path.stat().st_size + SMALL if path.is_file() else 0)
    try:
        with h5py.File(path, "r") as file:
            file.visititems(reader.visit)
    except FileNotFoundError:
        raise UserError(path, "is missing", f"name a file with {parameter('network.weights')}, or "
                                            f"{parameter('network.weights', 'imagenet')}") from None
    except PermissionError as error:
        raise unreadable(path) from error
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, MemoryError) as error:
        raise UserError(path, f"is damaged or not an HDF5 file of weights ({short_reason(error)})",
                        "delete it, then copy or download it again") from error
    if not reader.layers:
        raise UserError(path, "names no layers", "give a file that Keras wrote: legacy .h5, or .weights.h5 of Keras 3")
    return reader.layers


class _LayerReader:
    """Collects the arrays of each layer while h5py visits a file; `left`: bytes that its arrays may still have."""

    def __init__(self, left: int):
        self.layers: Layers = {}
        self.left = left

    def visit(self, _: str, node: h5py.HLObject) -> None:
        """Called by h5py for each node; takes those that are a layer."""
        if not isinstance(node, h5py.Group):
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


def _set_layers(model: keras.Model, stored: Layers, where: object) -> str:
    """Set the layers of `model` from `stored` by name; returns how many were found. `where` is named in errors."""
    filled, inflated = 0, False
    folded: dict[str, np.ndarray] = {}  # biases, by the normalisation that takes them
    layers = _layers_to_fill(model)
    for layer in layers:
        if layer.name.endswith("_conv"):
            if layer.name not in stored:
                continue
            kernel, bias = _fit_convolution(layer, stored[layer.name], where)
            inflated |= kernel.ndim != stored[layer.name][0].ndim
            layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
            if not layer.use_bias:
                folded[layer.name.replace("_conv", "_bn")] = bias
        elif layer.name in stored or layer.name in folded:
            values = stored.get(layer.name, layer.get_weights())
            _check(layer, values, [tuple(each.shape) for each in layer.weights], where)
            gamma, beta, mean, variance = values
            layer.set_weights([gamma, beta, mean - folded.get(layer.name, 0), variance])
        filled += layer.name in stored
    if not filled:
        raise UserError(where, f"has no layer of {model.name}", "give weights of the same network")
    name = where.name if isinstance(where, Path) else where
    return (f"{filled} of {len(layers)} layers took their initial weights from {name}"
            f"{', inflated to 3D' if inflated else ''}{'; the others are random' if filled < len(layers) else ''}")


def _layers_to_fill(model: keras.Model) -> list[keras.layers.Layer]:
    """Convolutions and batch normalisations, each convolution before its normalisation."""
    return [layer for layer in model.layers if layer.name.endswith(("_conv", "_bn")) and layer.name != HEAD]


def _fit_convolution(layer: keras.layers.Layer, values: list[np.ndarray],
                     where: object) -> tuple[np.ndarray, np.ndarray]:
    """A stored kernel and bias in the rank and with the input channels of `layer`; no bias is a bias of 0."""
    _check(layer, values, None, where)
    kernel, bias = values[0], values[1] if len(values) > 1 else np.zeros(values[0].shape[-1], np.float32)
    target = tuple(layer.kernel.shape)
    if kernel.ndim == len(target) - 1:
        kernel = np.repeat(kernel[None], target[0], axis=0) / target[0]
    if layer.name == "conv1_conv" and kernel.shape[-2] == 3 != target[-2]:
        kernel = np.repeat(kernel.mean(axis=-2, keepdims=True) * 3 / target[-2], target[-2], axis=-2)
    _check(layer, [kernel, bias], [target, target[-1:]], where)
    return kernel, bias


def _check(layer: keras.layers.Layer, values: list[np.ndarray], shapes: list[tuple[int, ...]] | None,
           where: object) -> None:
    """Raises UserError where arrays are not finite numbers or do not have these shapes."""
    if not all(each.dtype.kind == "f" and each.ndim and np.isfinite(each).all() for each in values):
        raise UserError(where, f"has values in {layer.name} that are not finite numbers", "copy the file again")
    found = [each.shape for each in values]
    if shapes is not None and found != shapes:
        raise UserError(where, f"is of another network: {layer.name} is {found[0]} there and {shapes[0]} here",
                        f"give weights of the same {parameter('network.architecture')}, {parameter('network.width')} "
                        f"and {parameter('network.stem_kernel_size')} (ImageNet's: resnet50, 64, 7)")


def _torch_name(name: str) -> str:
    """`conv3_block2_1_bn` is PyTorch's `layer2.1.bn1`; a shortcut's (`_0_`) are `downsample.0` and `downsample.1`."""
    block = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", name)
    if not block:
        return {"conv1_conv": "conv1", "conv1_bn": "bn1"}[name]
    stage, number, place, kind = int(block[1]) - 1, int(block[2]) - 1, block[3], block[4]
    last = f"downsample.{0 if kind == 'conv' else 1}" if place == "0" else f"{kind}{place}"
    return f"layer{stage}.{number}.{last}"


def unreadable(path: Path) -> UserError:
    return UserError(path, "cannot be read (Permission denied)", "make it readable, or name another file")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
