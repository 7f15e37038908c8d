"""Initial weights of a network: ImageNet's, a file's, or PyTorch arrays, loaded layer by layer by name.

In: a model from residual.py and `imagenet`, a path, or arrays. Out: the model with those weights, and a sentence that
says how many layers were found. `pretrained/` reads the files: arrays alone, no code. A 3D network takes 2D kernels
inflated; biases that its layout lacks are folded into the batch normalisation.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.networks.architecture import HEAD
from radiogen.networks.backend import keras
from radiogen.networks.pretrained.first_layers import read_first_layers
from radiogen.networks.pretrained.fitting import FittedLayers, fit_layers
from radiogen.networks.pretrained.layer_shapes import LayerShapes
from radiogen.networks.pretrained.torch_layers import torch_layers

IMAGENET_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
IMAGENET_URL = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
IMAGENET_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
"""As in keras.applications.ResNet50(weights="imagenet", include_top=False), whose cache is used."""


def load_first_weights(model: keras.Model, which: str) -> str:
    """Load initial weights into `model` except its head; returns a line that says which layers were found.

    which: `imagenet`, downloaded and cached by Keras (ResNet-50 only; blue, green, red), or the path of a file. Layers
    that the file does not have keep their random weights.

    Keras's files (`.h5`, `.weights.h5`) have the same layer names, complete or in part; build the network with
    scale="imagenet". A 3D network takes 2D kernels inflated: repeated along depth and divided by it, so that a volume
    of equal slices yields the output of the slice (I3D: Carreira & Zisserman, arXiv 1705.07750, 3.1). Where the
    network's convolution has no bias, the file's is subtracted from the mean of the batch normalisation after it.

    PyTorch's (`.pth`, `.pt`, `.safetensors`) have the names of MONAI's, Med3D's or torchvision's ResNets, of the same
    rank; build the network with scale="head" or "unchanged".

    With n input channels where the file's kernel has one or three, each gets the mean of the kernel's, times their
    number / n: one grey image in all channels computes the same as before.
    Raises UserError where the file is missing, damaged, of another kind, or of another network.
    """
    if which == "imagenet" and not model.name.startswith("resnet50"):
        raise UserError(parameter("network.weights", "imagenet"), "Keras has none for this network",
                        f"use {parameter('network.architecture', 'resnet50')} or leave {parameter('network.weights')} "
                        "out")
    path = imagenet_file() if which == "imagenet" else Path(which).expanduser()
    return _set_layers(model, read_first_layers(path, _shapes(model)))


def load_torch_weights(model: keras.Model, state: Mapping[str, np.ndarray], where: str = "PyTorch") -> str:
    """As `load_first_weights`, from the arrays of a `state_dict`: `{name: tensor.numpy() for name, tensor in ...}`."""
    shapes = _shapes(model)
    return _set_layers(model, fit_layers(shapes, torch_layers(shapes, state, where), where))


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


def _shapes(model: keras.Model) -> LayerShapes:
    """The layers of a network that stored weights can fill, each convolution before its normalisation."""
    return {layer.name: tuple(layer.weights[0].shape) for layer in model.layers
            if layer.name.endswith(("_conv", "_bn")) and layer.name != HEAD}


def _set_layers(model: keras.Model, fitted: FittedLayers) -> str:
    """Set the layers of `model`; returns the line about them."""
    folded: dict[str, np.ndarray] = {}  # biases, by the normalisation that takes them
    for name in _shapes(model):
        layer = model.get_layer(name)
        if name.endswith("_conv"):
            if name in fitted.layers:
                kernel, bias = fitted.layers[name]
                layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
                if not layer.use_bias:
                    folded[name.replace("_conv", "_bn")] = bias
        elif name in fitted.layers or name in folded:
            gamma, beta, mean, variance = fitted.layers.get(name, layer.get_weights())
            layer.set_weights([gamma, beta, mean - folded.get(name, 0), variance])
    return fitted.message
