"""A small U-Net (Ronneberger et al., arXiv 1505.04597) by rank, which says of each voxel whether it is tumour.

In: `NetworkSettings`, the shape of an input. Out: a Keras model whose last layer has one logit a voxel. Every step down
halves the grid and doubles the filters; every step up adds what was seen at that size before. At full size, where most
of the arithmetic would be, there is one convolution on either side, for two cores.
"""

from typing import Any

from radiogen.networks.backend import keras
from radiogen.networks.settings import NetworkSettings

layers = keras.layers

LEVELS = 4
"""Sizes of the grid: of 64 voxels an edge the smallest has 8, whose kernels see the whole head."""
_HALVINGS = 2 ** (LEVELS - 1)
HEAD = "mask"
"""Name of the last layer."""


def unet_fits(shape: tuple[int, ...]) -> bool:
    """Whether every axis of an image of this shape, without channels, can be halved as often as the network does."""
    return all(size % _HALVINGS == 0 for size in shape)


def build_unet(settings: NetworkSettings, shape: tuple[int, ...], kinds: Any = None) -> keras.Model:
    """A U-Net over inputs in [0, 1].

    Parameters
    ----------
    settings
        Its `width` is the number of filters at full size.
    shape
        Of an input: (rows, columns, channels), or with slices first for 3D; every axis but the channels a multiple of 8
        (`unet_fits`).
    kinds
        A namespace of layer classes, as in `residual.build_network`.

    Returns
    -------
    keras.Model
        (batch, *shape) to (batch, [slice,] row, column, 1) float32 logits of the tumour.

    Raises
    ------
    ValueError
        Where an axis cannot be halved three times.
    """
    if not unet_fits(shape[:-1]):
        raise ValueError(f"a U-Net of {LEVELS} levels needs axes that are multiples of {_HALVINGS}, not {shape[:-1]}")
    make, width = _Layers(len(shape) - 1, kinds or layers), settings.width
    inputs = layers.Input(shape, name="input")
    x = layers.Rescaling(2.0, offset=-1.0, name="centre")(inputs)
    x = make.convolve(x, width, "down0")
    skips = [x]
    for level in range(1, LEVELS):
        filters = width * 2 ** level
        x = make.convolve(x, filters, f"down{level}_step", stride=2)
        x = make.convolve(x, filters, f"down{level}")
        skips.append(x)
    for level in reversed(range(LEVELS - 1)):
        filters = width * 2 ** level
        x = make.enlarge(x, filters, f"up{level}_step")
        x = layers.Add(name=f"up{level}_add")([x, skips[level]])
        x = make.convolve(x, filters, f"up{level}")
    return keras.Model(inputs, make.head(x), name=f"unet_{make.rank}d")


class _Layers:
    """The layers of one rank; x is a Keras tensor, channels last."""

    def __init__(self, rank: int, kinds: Any):
        self.rank, self.kinds = rank, kinds

    def convolve(self, x: Any, filters: int, name: str, stride: int = 1) -> Any:
        """A 3-wide convolution, or with a stride a 2-wide one, batch normalisation, max(x, 0)."""
        x = getattr(self.kinds, f"Conv{self.rank}D")(
            filters, 3 if stride == 1 else stride, strides=stride, padding="same", use_bias=False,
            kernel_initializer="he_normal", name=f"{name}_conv")(x)
        return self._normalise(x, name)

    def enlarge(self, x: Any, filters: int, name: str) -> Any:
        """Twice the size along each axis by a transposed convolution that is 2 wide."""
        x = getattr(layers, f"Conv{self.rank}DTranspose")(
            filters, 2, strides=2, padding="same", use_bias=False, kernel_initializer="he_normal",
            name=f"{name}_conv")(x)
        return self._normalise(x, name)

    def head(self, x: Any) -> Any:
        """One logit a voxel; at first nothing is tumour, as in most of a head."""
        return getattr(layers, f"Conv{self.rank}D")(
            1, 1, dtype="float32", bias_initializer=keras.initializers.Constant(-4.0), name=HEAD)(x)

    def _normalise(self, x: Any, name: str) -> Any:
        x = self.kinds.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
        return layers.Activation("relu", name=f"{name}_relu")(x)
