"""Which parts of an input a network's output depends on: Grad-CAM (Selvaraju et al., ICCV 2017).

Grad-CAM weighs the last feature maps by the mean gradient of the score. Our networks end in one global pooling and one
dense layer, so that gradient is the dense layer's own weight (their section 3.1: Grad-CAM is then CAM): no back end
has to compute gradients. A test compares it with TensorFlow's.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from radiogen.networks.engines.protocol import Batch, Engine


def grad_cam(engine: Engine, batch: Batch, label: int) -> NDArray[np.float32]:
    """Grad-CAM for class `label` (1 positive, 0 negative), float32 of the batch's shape without channels, from 0 up.

    engine: with weights. batch: (n, [slice,] row, column, channels). Values are not scaled.
    """
    return class_heat(engine.features(batch), engine.head_kernel(), label, batch.shape[1:-1])


def class_heat(features: np.ndarray, kernel: np.ndarray, label: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Grad-CAM from what goes into the last pooling, (n, [slice,] row, column, channels), and the head's kernel.

    kernel: (channels, 1), of one logit, or (channels, 2), of two classes; shape: of an input without channels, which
    the heat gets. Features are placed at the centres of their receptive fields: each stride of the network halves a
    grid whose first point stays.
    """
    kernel = np.asarray(kernel, np.float64)
    weights = (kernel[:, -1] - (kernel[:, 0] if kernel.shape[1] == 2 else 0)) * (1 if label else -1)
    positions = math.prod(features.shape[1:-1])
    heat = np.maximum(np.asarray(features, np.float64) @ weights / positions, 0)
    return np.stack([_upsample(one, tuple(shape)) for one in heat]).astype(np.float32)


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
