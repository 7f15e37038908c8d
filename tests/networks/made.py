"""Networks for tests, by their architecture and the shape of an input."""

import numpy as np

from radiogen.networks.architecture import Scale
from radiogen.networks.backend import keras
from radiogen.networks.residual import build_network
from radiogen.networks.settings import NetworkSettings


def made_network(architecture: str, shape: tuple[int, ...], scale: Scale = "centre", **settings: object) -> keras.Model:
    """A network over inputs of `shape`; settings: fields of `NetworkSettings`."""
    return build_network(NetworkSettings(architecture, **settings), shape, scale)


def shaken(model: keras.Model, seed: int = 0, largest_gamma: float = 1.5, spread: float = 0.2) -> keras.Model:
    """The model with weights such that nothing cancels: biases, means and variances that are not 0 and 1.

    largest_gamma, spread: of its normalisations the largest scale, and the deviation of shifts and means.
    """
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.weights and "_bn" in layer.name:
            shape = layer.gamma.shape
            layer.set_weights([random.uniform(0.5, largest_gamma, shape), *random.normal(0, spread, (2, *shape)),
                               random.uniform(0.5, 1.5, shape)])
        elif layer.weights and layer.name.endswith("_conv"):
            layer.set_weights([random.normal(0, 1 / np.sqrt(np.prod(each.shape[:-1]) + 1), each.shape)
                               for each in layer.get_weights()])
    return model
