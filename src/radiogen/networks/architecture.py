"""Residual networks (He et al., arXiv 1512.03385) as an order of layers, without any library that computes them.

In: `NetworkSettings`, what the first layer does to its inputs, and `Layers`: functions that make one layer each. Out:
the last layer. `residual.py` makes Keras's layers, `engines/openvino_engine.py` makes OpenVINO's of stored weights, so
that a trained network predicts without Keras. Layers are named as in keras.applications' ResNet50
(`conv2_block1_1_conv`, ...). Two public families of weights differ in three details; `Layout` says which one a network
follows.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from radiogen.networks.settings import BLOCKS, NetworkSettings, is_torch_file, pretraining_name

Scale = Literal["centre", "imagenet", "imagenet z-score", "photographs", "head", "unchanged"]

PHOTOGRAPHS = np.divide((123.68, 116.779, 103.939), 255)
"""Means of red, green and blue over ImageNet, of a largest value of 1: keras.applications.resnet.preprocess_input."""

IMAGENET_DEVIATION = 58.0
"""Standard deviation of the inputs that ImageNet's weights were trained on: 0..255 less the mean of each colour."""

MRI_STATISTICS = {"imagenet": (0.16, 0.2), "imagenet z-score": (-1.25, 1.25)}
"""Mean and deviation of MRI slices, air included, after a normalisation to [0, 1] and after `z-score`; measured by
benchmarks/accuracy/imagenet_scale.py (docs/networks.md)."""

_STEP = MRI_STATISTICS["imagenet"][1] / MRI_STATISTICS["imagenet z-score"][1]
HEAD_STATISTICS = (MRI_STATISTICS["imagenet"][0] - MRI_STATISTICS["imagenet z-score"][0] * _STEP, _STEP)
"""Mean and deviation, in [0, 1], of what `z-score` brings to mean 0 and deviation 1: the head without the air; both
normalisations are linear, so the two pairs of `MRI_STATISTICS` give it."""

HEAD = "predictions"
"""Name of the last layer, which pretrained weights never fill."""


@dataclass(frozen=True)
class Layout:
    """Where public weights of the same network differ."""

    rank: int
    """2 or 3."""
    steps_first: bool
    """Bottlenecks have their stride in the first convolution (Keras, the paper) or the 3-wide one (MONAI, PyTorch)."""
    biases: bool
    """Every convolution has a bias (Keras), or those of the shortcuts alone (MONAI)."""
    epsilon: float
    """Added to variances by batch normalisation: 1.001e-5 (Keras) or 1e-5 (MONAI)."""


@dataclass(frozen=True)
class InputScale:
    """What the first layer does to its inputs: (x - mean) / deviation, channel by channel.

    means: of each channel, or one for all. swaps_colours: red, green, blue come in and blue, green, red go on; means
    are in that order. is_imagenet: they are brought to what ImageNet's weights were trained on.
    """

    means: tuple[float, ...]
    deviation: float
    swaps_colours: bool = False
    is_imagenet: bool = False


class Layers(Protocol):
    """Functions that make one layer each; what they take and return is the library's own."""

    def channels(self, x: Any) -> int:
        """The channels of a layer's output."""

    def convolve(self, x: Any, filters: int, width: int, stride: int, name: str) -> Any:
        """Convolution with `width // 2` zeros on either side, batch normalisation: `<name>_conv`, `<name>_bn`."""

    def relu(self, x: Any, name: str) -> Any:
        """max(x, 0)."""

    def max_pool(self, x: Any, name: str) -> Any:
        """The largest of 3 along each axis, at every second place, with zeros around; x is not negative."""

    def add(self, shortcut: Any, x: Any, name: str) -> Any:
        """The sum of both."""

    def pool(self, x: Any, pooling: str) -> Any:
        """(batch, channels): the `average` or the `maximum` over all places."""

    def head(self, x: Any, outputs: int) -> Any:
        """The dense layer `HEAD`: probabilities of two classes, or one logit."""


def compose(layers: Layers, settings: NetworkSettings, layout: Layout, x: Any) -> Any:
    """The network over inputs `x` that are scaled already; returns its last layer's output."""
    x = layers.convolve(x, settings.width, settings.stem_kernel_size, settings.stem_stride, "conv1")
    x = layers.relu(x, "conv1_relu")
    x = layers.max_pool(x, "pool1")
    block = _bottleneck_block if settings.architecture == "resnet50" else _basic_block
    for stage, blocks in enumerate(BLOCKS[settings.architecture]):
        for number in range(1, blocks + 1):
            stride = 2 if stage > 0 and number == 1 else 1
            x = block(layers, layout, x, settings.width * 2 ** stage, stride, f"conv{stage + 2}_block{number}")
    return layers.head(layers.pool(x, settings.pooling), settings.outputs)


def choose_layout(architecture: str, rank: int, scale: Scale) -> Layout:
    """Keras's for the 2D ResNet-50, MONAI's for all others; inflated ones: see `residual.build_network`."""
    torch = scale in ("head", "unchanged") or (scale == "centre" and rank == 3)
    ours = architecture == "resnet50" and not torch
    return Layout(rank, steps_first=ours, biases=ours and rank == 2, epsilon=1.001e-5 if ours else 1e-5)


def choose_scale(settings: NetworkSettings, *, standardised: bool) -> Scale:
    """What the first layer does to inputs, as the initial weights expect it; standardised: inputs are z-scores."""
    if pretraining_name(settings.weights):
        return "centre"  # as the network without initial weights, which was pretrained
    if settings.weights and is_torch_file(settings.weights):
        return "unchanged" if standardised else "head"
    if settings.weights:
        return "imagenet z-score" if standardised else "imagenet"
    return "centre"


def input_scale(scale: Scale, channels: int) -> InputScale:
    """The means and the deviation of a scale; see `residual.build_network`."""
    if scale == "centre":
        return InputScale((0.5,), 0.5)
    if scale in ("head", "unchanged"):
        mean, deviation = HEAD_STATISTICS if scale == "head" else (0.0, 1.0)
        return InputScale((mean,), deviation)
    swaps = channels == 3  # Keras's weights were trained on blue, green, red
    if scale == "photographs":
        means, deviation = PHOTOGRAPHS[::-1].tolist(), IMAGENET_DEVIATION / 255
    else:
        mean, deviation = MRI_STATISTICS[scale]
        means = [mean] * channels
    return InputScale(tuple(means), deviation / IMAGENET_DEVIATION, swaps, is_imagenet=True)


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """(n,) float64 probabilities of class 1 from a network's outputs: (n, 2) probabilities or (n, 1) logits."""
    outputs = np.asarray(outputs, np.float64)
    if outputs.shape[1] == 2:
        return outputs[:, 1]
    return 0.5 * (1 + np.tanh(outputs[:, 0] / 2))  # the sigmoid, written so that no logit overflows


def _basic_block(layers: Layers, layout: Layout, x: Any, filters: int, stride: int, name: str) -> Any:
    """Two 3-wide convolutions beside a shortcut."""
    shortcut = x
    if stride != 1 or layers.channels(x) != filters:
        shortcut = layers.convolve(x, filters, 1, stride, f"{name}_0")
    x = layers.convolve(x, filters, 3, stride, f"{name}_1")
    x = layers.relu(x, f"{name}_1_relu")
    x = layers.convolve(x, filters, 3, 1, f"{name}_2")
    return layers.relu(layers.add(shortcut, x, f"{name}_add"), f"{name}_out")


def _bottleneck_block(layers: Layers, layout: Layout, x: Any, filters: int, stride: int, name: str) -> Any:
    """1-, 3- and 1-wide convolutions, the last with four times the filters, beside a shortcut."""
    first, second = (stride, 1) if layout.steps_first else (1, stride)
    shortcut = x
    if stride != 1 or layers.channels(x) != 4 * filters:
        shortcut = layers.convolve(x, 4 * filters, 1, stride, f"{name}_0")
    x = layers.convolve(x, filters, 1, first, f"{name}_1")
    x = layers.relu(x, f"{name}_1_relu")
    x = layers.convolve(x, filters, 3, second, f"{name}_2")
    x = layers.relu(x, f"{name}_2_relu")
    x = layers.convolve(x, 4 * filters, 1, 1, f"{name}_3")
    return layers.relu(layers.add(shortcut, x, f"{name}_add"), f"{name}_out")
