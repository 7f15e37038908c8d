"""What training on masks needs beyond training on labels: batches with the mask as truth, Dice with cross-entropy.

In: batches whose last channel is the tumour's mask, which augmentation has moved with the image. Out: batches of
images and masks; a loss and a metric for `compile`.
"""

from typing import Any

import numpy as np

from radiogen.networks.backend import keras
from radiogen.training.input.batches import Batches

_SMOOTH = 1.0
"""Voxels, added to both sides of soft Dice, which is 0 / 0 in a crop without a tumour."""


class MaskBatches(Batches):
    """`Batches` of a recipe with the mask as its last channel: (batch, ..., channels) and (batch, ..., 1), 0 or 1."""

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        batch = super().__getitem__(number)[0]
        return np.ascontiguousarray(batch[..., :-1]), np.ascontiguousarray(batch[..., -1:])


class DiceCrossEntropy(keras.losses.Loss):
    """1 - soft Dice of each case (Milletari et al., arXiv 1606.04797) and the mean cross-entropy of its voxels."""

    def __init__(self) -> None:
        super().__init__(name="dice_cross_entropy")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """y_true: 0 and 1; y_pred: logits; both (batch, ..., 1). Returns (batch,)."""
        ops, axes = keras.ops, tuple(range(1, len(y_pred.shape)))
        entropy = ops.mean(keras.losses.binary_crossentropy(y_true, y_pred, from_logits=True), axis=axes[:-1])
        shares = ops.sigmoid(y_pred)
        both, each = ops.sum(shares * y_true, axis=axes), ops.sum(shares + y_true, axis=axes)
        return entropy + 1 - (2 * both + _SMOOTH) / (each + _SMOOTH)


def dice_metric() -> keras.metrics.Metric:
    """`dice`: the mean over cases of Dice between the mask and where the logit is above 0."""
    return keras.metrics.MeanMetricWrapper(_dice, name="dice")


def _dice(y_true: Any, y_pred: Any) -> Any:
    axes = tuple(range(1, len(y_pred.shape)))
    found = keras.ops.cast(y_pred > 0, "float32")
    both, each = keras.ops.sum(found * y_true, axis=axes), keras.ops.sum(found + y_true, axis=axes)
    return (2 * both + _SMOOTH) / (each + _SMOOTH)
