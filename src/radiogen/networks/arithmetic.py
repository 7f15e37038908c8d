"""How much a network computes: the multiply-adds of one forward pass."""

import math

from radiogen.networks.backend import keras


def multiply_adds(model: keras.Model) -> int:
    """The multiply-adds of convolutions and dense layers on one input; the rest is small beside them.

    Examples
    --------
    >>> layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, padding="same"), keras.layers.Flatten()]
    >>> multiply_adds(keras.Sequential(layers)) == 8 * 8 * 4 * 3 * 3 * 3
    True
    """
    total = 0
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        positions = math.prod(layer.output.shape[1:-1])  # 1 of a dense layer after pooling
        total += positions * math.prod(kernel.shape)
    return total
