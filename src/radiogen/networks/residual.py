"""Residual networks (He et al., arXiv 1512.03385), written once for 2D and 3D.

In: `NetworkSettings`, the shape of an input. Out: a Keras model whose layers are named as in keras.applications'
ResNet50 (`conv2_block1_1_conv`, ...), so that weights can be loaded by name (weights.py). Two public families of
weights differ in three details; `_Layout` says which one a network follows.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from radiogen.networks.backend import keras
from radiogen.networks.settings import BLOCKS, NetworkSettings

layers = keras.layers

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
class _Layout:
    """Where public weights of the same network differ."""

    rank: int
    """2 or 3."""
    steps_first: bool
    """Bottlenecks have their stride in the first convolution (Keras, the paper) or the 3-wide one (MONAI, PyTorch)."""
    biases: bool
    """Every convolution has a bias (Keras), or those of the shortcuts alone (MONAI)."""
    epsilon: float
    """Added to variances by batch normalisation: 1.001e-5 (Keras) or 1e-5 (MONAI)."""
    kinds: Any = layers
    """Where the classes of its convolutions and normalisations are."""


def build_network(settings: NetworkSettings, shape: tuple[int, ...], scale: Scale = "centre",
                  kinds: Any = layers) -> keras.Model:
    """A residual network over inputs in [0, 1] of `shape`: (rows, columns, channels), or with slices first for 3D.

    settings: the architecture, `resnet50` with bottleneck blocks, the others with basic ones; its `width`, filters in
    the first layer (64 in the paper), which sees `stem_kernel_size` voxels across (7) and takes every `stem_stride`-th
    (2; MONAI's default is 1); `pooling` of the last features, `average` (the paper's), or `maximum`, which finds a
    lesion that fills a small part of the image; `outputs`: 2 for (batch, 2) float32 probabilities, [:, 1] of class 1;
    1 for (batch, 1) float32 logits of it. Weights are random (weights.py loads others).
    shape: any size and depth from 1 upwards, odd ones too.
    scale: `centre` brings inputs to [-1, 1]; the others to what ImageNet's weights were trained on, three channels blue
    first. `imagenet`: MRI slices in [0, 1] to mean 0 and the deviation of photographs, which is nearer to the
    weights' own statistics than the shift of photographs; `imagenet z-score`: the same for slices normalised by
    z-score; `photographs`: keras.applications.resnet.preprocess_input, for three channels. These three also put a 3D
    ResNet-50's strides where the 2D one has them, so that inflated weights compute what they computed in 2D.
    For weights that were trained on volumes in PyTorch: `head` brings inputs in [0, 1] to about mean 0 and deviation 1
    over the head, `unchanged` leaves inputs that have these already (z-score).
    kinds: a namespace of layer classes, such as `training_kinds` returns; the weights are the same with each.

    Layout: the 2D ResNet-50 is keras.applications'; all others are MONAI's (`resnet50(spatial_dims=3)`: 46,163,010
    parameters with one channel and a head of two).
    """
    architecture, rank = settings.architecture, len(shape) - 1
    layout = replace(_choose_layout(architecture, rank, scale), kinds=kinds)
    inputs = layers.Input(shape, name="input")
    x = _scale(inputs, scale)
    x = _convolve(layout, x, settings.width, settings.stem_kernel_size, settings.stem_stride, "conv1")
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = _of_rank("ZeroPadding", rank)(1, name="pool1_pad")(x)
    x = _of_rank("MaxPooling", rank)(3, strides=2, name="pool1_pool")(x)
    block = _bottleneck_block if architecture == "resnet50" else _basic_block
    for stage, blocks in enumerate(BLOCKS[architecture]):
        for number in range(1, blocks + 1):
            stride = 2 if stage > 0 and number == 1 else 1
            x = block(layout, x, settings.width * 2 ** stage, stride, f"conv{stage + 2}_block{number}")
    pool, name = {"average": ("GlobalAveragePooling", "avg_pool"),
                  "maximum": ("GlobalMaxPooling", "max_pool")}[settings.pooling]
    x = _of_rank(pool, rank)(name=name)(x)
    x = layers.Dense(settings.outputs, activation="softmax" if settings.outputs == 2 else None, dtype="float32",
                     name=HEAD)(x)
    return keras.Model(inputs, x, name=f"{architecture}_{rank}d")


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """(n,) float64 probabilities of class 1 from a network's outputs: (n, 2) probabilities or (n, 1) logits."""
    outputs = np.asarray(outputs, np.float64)
    if outputs.shape[1] == 2:
        return outputs[:, 1]
    return 0.5 * (1 + np.tanh(outputs[:, 0] / 2))  # the sigmoid, written so that no logit overflows


def _choose_layout(architecture: str, rank: int, scale: Scale) -> _Layout:
    """Keras's for the 2D ResNet-50, MONAI's for all others; inflated ones: see `build_network`."""
    torch = scale in ("head", "unchanged") or (scale == "centre" and rank == 3)
    ours = architecture == "resnet50" and not torch
    return _Layout(rank, steps_first=ours, biases=ours and rank == 2, epsilon=1.001e-5 if ours else 1e-5)


def _scale(x: Any, scale: Scale) -> Any:
    """Inputs as the first layer expects them; in float32 even where the following layers compute in 16 bits."""
    if scale == "centre":
        return layers.Rescaling(2.0, offset=-1.0, name="centre")(x)
    if scale in ("head", "unchanged"):
        mean, deviation = HEAD_STATISTICS if scale == "head" else (0, 1)
        return layers.Rescaling(1 / deviation, offset=-mean / deviation, dtype="float32", name="head")(x)
    if scale == "photographs":
        means, deviation = PHOTOGRAPHS[::-1].tolist(), IMAGENET_DEVIATION / 255
    else:
        mean, deviation = MRI_STATISTICS[scale]
        means = [mean] * x.shape[-1]
    if x.shape[-1] == 3:
        x = keras.ops.flip(x, axis=-1)  # Keras's weights were trained on blue, green, red
    return layers.Normalization(axis=-1, mean=means, variance=[(deviation / IMAGENET_DEVIATION) ** 2] * len(means),
                                dtype="float32", name="imagenet")(x)


def _basic_block(layout: _Layout, x: Any, filters: int, stride: int, name: str) -> Any:
    """Two 3-wide convolutions beside a shortcut."""
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _convolve(layout, x, filters, 1, stride, f"{name}_0")
    x = _convolve(layout, x, filters, 3, stride, f"{name}_1")
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = _convolve(layout, x, filters, 3, 1, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _bottleneck_block(layout: _Layout, x: Any, filters: int, stride: int, name: str) -> Any:
    """1-, 3- and 1-wide convolutions, the last with four times the filters, beside a shortcut."""
    first, second = (stride, 1) if layout.steps_first else (1, stride)
    shortcut = x
    if stride != 1 or x.shape[-1] != 4 * filters:
        shortcut = _convolve(layout, x, 4 * filters, 1, stride, f"{name}_0")
    x = _convolve(layout, x, filters, 1, first, f"{name}_1")
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = _convolve(layout, x, filters, 3, second, f"{name}_2")
    x = layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = _convolve(layout, x, 4 * filters, 1, 1, f"{name}_3")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _convolve(layout: _Layout, x: Any, filters: int, width: int, stride: int, name: str) -> Any:
    """Convolution with as many zeros on either side, batch normalisation: `<name>_conv`, `<name>_bn`.

    With a stride, a padding layer comes first (`<name>_pad`): Keras's own "same" pads one side only there.
    """
    padding = "same"
    if width > 1 and stride > 1:
        x, padding = _of_rank("ZeroPadding", layout.rank)(width // 2, name=f"{name}_pad")(x), "valid"
    x = getattr(layout.kinds, f"Conv{layout.rank}D")(
        filters, width, strides=stride, padding=padding, use_bias=layout.biases or name.endswith("_0"),
        kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layout.kinds.BatchNormalization(momentum=0.9, epsilon=layout.epsilon, name=f"{name}_bn")(x)


def _of_rank(layer: str, rank: int) -> Any:
    """The layer class for this rank: `keras.layers.MaxPooling3D` for `MaxPooling` and 3."""
    return getattr(layers, f"{layer}{rank}D")
