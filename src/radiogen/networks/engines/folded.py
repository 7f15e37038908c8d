"""The weights of a trained network with each batch normalisation folded into the convolution before it.

In: a `.weights.h5` and the network that it has to fit. Out: a kernel and a bias for each convolution and for the head,
float32, without Keras. Layer by layer the folded network computes what the trained one does when it predicts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiogen.core.errors import UserError
from radiogen.networks.architecture import HEAD, choose_layout
from radiogen.networks.engines.protocol import NetworkShape
from radiogen.networks.pretrained.fitting import Layers
from radiogen.networks.pretrained.hdf5_file import read_layers
from radiogen.networks.pretrained.layer_shapes import layer_shapes

WITHOUT_FOLDING = {"imagenet"}
"""Layers that a file may have beside those of the network: the first one, whose values are settings."""


class Folded(NamedTuple):
    """A convolution or the head: kernel (width of each axis, channels in, channels out), and bias (channels out,)."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


FoldedLayers = dict[str, Folded]
"""By the name that `Layers.convolve` gets (`conv1`, `conv2_block1_1`, ...), and `HEAD`."""


def read_folded(path: Path, network: NetworkShape) -> FoldedLayers:
    """Read the weights of `network` from a file that Keras wrote.

    Raises ValueError where the file is damaged, a layer is missing or has another shape, or the network has no such
    layer.
    """
    layout = choose_layout(network.settings.architecture, len(network.shape) - 1, network.scale)
    weights = _read(Path(path))
    _check(weights, network, layout.biases)
    made = {HEAD: Folded(*weights[HEAD])}
    for name in [name.removesuffix("_conv") for name in weights if name.endswith("_conv")]:
        made[name] = fold(weights.pop(f"{name}_conv"), weights.pop(f"{name}_bn"), layout.epsilon)
    return made


def fold(convolution: Sequence[np.ndarray], normalisation: Sequence[np.ndarray], epsilon: float) -> Folded:
    """One convolution that computes both layers; arrays in Keras's order, calculated in float64.

    convolution: kernel, and a bias where it has one; normalisation: gamma, beta, mean, variance.
    """
    gamma, beta, mean, variance = (each.astype(np.float64) for each in normalisation)
    factor = gamma / np.sqrt(variance + epsilon)
    bias = beta - mean * factor + (convolution[1] * factor if len(convolution) > 1 else 0)
    return Folded((convolution[0] * factor).astype(np.float32), bias.astype(np.float32))


def _read(path: Path) -> Layers:
    try:
        return read_layers(path)
    except UserError as error:  # its remedy is for initial weights
        raise ValueError(error.problem) from error


def _check(weights: Layers, network: NetworkShape, biases: bool) -> None:
    """Raises ValueError unless each layer of the network, and no other, has arrays of its shape."""
    shapes = layer_shapes(network.settings, network.shape)
    wanted = {}
    for name, shape in shapes.items():
        bias = name.endswith("_conv") and (biases or name.endswith("_0_conv"))
        wanted[name] = [shape] * 4 if name.endswith("_bn") else [shape, shape[-1:]] if bias else [shape]
    channels, outputs = wanted[next(reversed(shapes))][0][0], network.settings.outputs
    wanted[HEAD] = [(channels, outputs), (outputs,)]
    for name, each in wanted.items():
        found = [array.shape for array in weights.get(name, [])]
        if found != each:
            raise ValueError(f"layer {name} has arrays {found}, not {each}")
    if more := sorted(set(weights) - set(wanted) - WITHOUT_FOLDING):
        raise ValueError(f"it has layers that the network lacks: {', '.join(more[:3])}")
