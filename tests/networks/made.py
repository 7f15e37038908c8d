"""Networks for tests, by their architecture and the shape of an input."""

from radiogen.networks.architecture import Scale
from radiogen.networks.backend import keras
from radiogen.networks.residual import build_network
from radiogen.networks.settings import NetworkSettings


def made_network(architecture: str, shape: tuple[int, ...], scale: Scale = "centre", **settings: object) -> keras.Model:
    """A network over inputs of `shape`; settings: fields of `NetworkSettings`."""
    return build_network(NetworkSettings(architecture, **settings), shape, scale)
