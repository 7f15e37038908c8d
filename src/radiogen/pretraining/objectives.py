"""What an encoder is to learn without labels: views of one image are alike (contrast), masked blocks come back.

In: the features of a network. Out: a head that is thrown away afterwards, a loss, and the examples of a batch. Contrast
is VICReg (Bardes, Ponce, LeCun, arXiv 2105.04906): its variance and covariance are of a batch's columns and need no
negative pairs, so that small batches suffice. Masking is that of SimMIM (Xie et al., arXiv 2111.09886) with a light
decoder on the last features of a convolutional network.
"""

from typing import Any, Protocol

import numpy as np

from radiogen.networks.backend import keras
from radiogen.pretraining.settings import PretrainingSettings

INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0
"""Weights of VICReg's three terms (its section 4.2)."""
MASKED = 0.6
"""Share of the blocks that are masked (SimMIM, table 1)."""

layers, ops = keras.layers, keras.ops


class Objective(Protocol):
    """views: of each image in a batch."""

    views: int

    def head(self, network: keras.Model) -> Any:
        """The output that the loss is of; `network` ends in pooling and the recipe's own head, which is not used."""

    def examples(self, views: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of a batch."""

    def loss(self, targets: Any, outputs: Any) -> Any:
        """A number."""


class Contrast:
    """VICReg: pooled features through a projector; both views alike, columns of deviation 1 and without correlation."""

    views, width = 2, 128

    def head(self, network: keras.Model) -> Any:
        x = layers.Dense(self.width, name="project_1")(pooled(network))
        x = layers.Activation("relu", name="project_relu")(
            layers.BatchNormalization(momentum=0.9, name="project_norm")(x))
        return layers.Dense(self.width, dtype="float32", name="project_2")(x)

    def examples(self, views: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return views, np.zeros((len(views), 1), np.float32)

    def loss(self, targets: Any, outputs: Any) -> Any:
        one, other = ops.split(outputs, 2)
        alike = ops.mean(ops.square(one - other))
        return (INVARIANCE * alike + VARIANCE * (_deviation_lacking(one) + _deviation_lacking(other)) / 2
                + COVARIANCE * (_correlated(one) + _correlated(other)))


class Masking:
    """Blocks as large as what one of the last features stands for are masked by black and restored from these."""

    views, width = 1, 64

    def __init__(self, network: keras.Model):
        features = last_features(network)
        self.size = tuple(network.input.shape[1:-1])
        self.grid = tuple(features.shape[1:-1])
        self.block = tuple(-(-whole // count) for whole, count in zip(self.size, self.grid, strict=True))

    def head(self, network: keras.Model) -> Any:
        rank, channels = len(self.size), network.input.shape[-1]
        convolution = getattr(layers, f"Conv{rank}D")
        x = convolution(self.width, 3, padding="same", activation="relu", name="restore_1")(last_features(network))
        x = convolution(int(np.prod(self.block)) * channels, 1, dtype="float32", name="restore_2")(x)
        x = layers.Reshape((*self.grid, *self.block, channels), dtype="float32")(x)
        order = [axis for place in range(rank) for axis in (1 + place, 1 + rank + place)]
        x = layers.Permute((*order, 2 * rank + 1), dtype="float32")(x)
        whole = [count * step for count, step in zip(self.grid, self.block, strict=True)]
        x = layers.Reshape((*whole, channels), dtype="float32")(x)
        cropped = tuple((0, more - size) for more, size in zip(whole, self.size, strict=True))
        return getattr(layers, f"Cropping{rank}D")(cropped, dtype="float32")(x)

    def examples(self, views: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Masked views; the views with the mask as a last channel."""
        mask = (random.random((len(views), *self.grid)) < MASKED).astype(np.float32)
        for axis, step in enumerate(self.block, start=1):
            mask = np.repeat(mask, step, axis=axis)
        mask = mask[(slice(None), *(slice(size) for size in self.size), None)]
        return views * (1 - mask), np.concatenate([views, mask], axis=-1)

    def loss(self, targets: Any, outputs: Any) -> Any:
        """Mean squared error over the masked voxels."""
        mask = targets[..., -1:]
        error = ops.sum(mask * ops.square(targets[..., :-1] - outputs))
        return error / (ops.sum(mask) * outputs.shape[-1] + 1e-6)


def make_objective(settings: PretrainingSettings, network: keras.Model) -> Objective:
    """The objective that the settings name, for this network."""
    return Contrast() if settings.objective == "contrast" else Masking(network)


def pooled(network: keras.Model) -> Any:
    """What the network's head gets: (batch, channels)."""
    return network.layers[-1].input


def last_features(network: keras.Model) -> Any:
    """What the network's pooling gets: (batch, [slice,] row, column, channels)."""
    return network.layers[-2].input


def _deviation_lacking(z: Any) -> Any:
    """How much the columns' deviations fall short of 1, on average."""
    return ops.mean(ops.relu(1 - ops.sqrt(ops.var(z, axis=0) + 1e-4)))


def _correlated(z: Any) -> Any:
    """The sum of squared covariances of different columns, over the number of columns."""
    z = z - ops.mean(z, axis=0, keepdims=True)
    covariance = ops.matmul(ops.transpose(z), z) / ops.cast(ops.shape(z)[0] - 1, z.dtype)
    off = covariance * (1 - ops.eye(z.shape[-1]))
    return ops.sum(ops.square(off)) / z.shape[-1]
