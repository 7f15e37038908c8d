"""Which parts of an input a network's output depends on: Grad-CAM (Selvaraju et al., ICCV 2017).

Grad-CAM weighs the last feature maps by the mean gradient of the score. Our networks end in one global pooling and one
dense layer, so that gradient is the dense layer's own weight (their section 3.1: Grad-CAM is then CAM): no back end
has to compute gradients. A test compares it with TensorFlow's.
"""

import math

import numpy as np

from radiogen.networks.backend import keras
from radiogen.networks.residual import HEAD


def grad_cam(model: keras.Model, batch: np.ndarray, label: int) -> np.ndarray:
    """Grad-CAM for class `label` (1 positive, 0 negative), float32 of the batch's shape without channels, from 0 up.

    model: ends in global pooling and the dense layer `HEAD` with one logit or two classes. batch: (n, [slice,] row,
    column, channels). Values are not scaled. Features are placed at the centres of their receptive fields: each
    stride of the network halves a grid whose first point stays.
    """
    head = model.get_layer(HEAD)
    pooling = head.input._keras_history.operation
    kernel = np.asarray(keras.ops.convert_to_numpy(head.kernel), np.float64)
    weights = (kernel[:, -1] - (kernel[:, 0] if kernel.shape[1] == 2 else 0)) * (1 if label else -1)
    features = keras.Model(model.input, pooling.input)(batch, training=False)
    features = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(features, "float32")), np.float64)
    positions = math.prod(features.shape[1:-1])
    heat = np.maximum(features @ weights / positions, 0)
    return np.stack([_upsample(one, batch.shape[1:-1]) for one in heat]).astype(np.float32)


def _upsample(features: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`features` interpolated linearly on the input's grid; a stride of the network halves the grid, rounding up."""
    from scipy.ndimage import map_coordinates

    axes = []
    for size, small in zip(shape, features.shape, strict=True):
        step = 1
        while math.ceil(size / step) > small:
            step *= 2
        axes.append(np.arange(size) / step)
    return map_coordinates(features, np.meshgrid(*axes, indexing="ij"), order=1, mode="nearest")
