"""Stored arrays held against a network's shapes and fitted to them: rank, channels of the first layer, biases.

In: arrays by layer, the shapes that a network has. Out: arrays in these shapes, and a line that says what was found,
what was not, and what is not used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter, shortened
from radiogen.networks.pretrained.layer_shapes import STEM, LayerShapes

SHOWN = 3
"""So many names of layers are shown, and how many more there are."""

Layers = dict[str, list[np.ndarray]]
"""Arrays of each layer in Keras's order: kernel, bias; or gamma, beta, moving mean, moving variance."""


@dataclass(frozen=True)
class StoredLayers:
    """What a file has for a network, in the network's names.

    names: what the file calls each layer, where that is another name; unused: what else it has; note: words for the
    message, after the file's name.
    """

    layers: Layers
    names: Mapping[str, str] = field(default_factory=dict)
    unused: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class FittedLayers:
    """Arrays in the shapes of a network, each convolution with a bias; message: one line on what was found."""

    layers: Layers
    message: str


def fit_layers(shapes: LayerShapes, stored: StoredLayers, where: object) -> FittedLayers:
    """Fit stored arrays to a network of these shapes; layers that are not stored are left out.

    A kernel of one rank less is inflated. The first layer's kernel is spread over other channels where it has one or
    three: each gets the mean of its channels, times their number over the new one, so that one image in all channels
    computes what it did. Raises UserError, naming `where`, where no layer is found, or one has another shape or numbers
    that are not finite.
    """
    fitted, inflated = {}, False
    for layer, shape in shapes.items():
        if layer not in stored.layers:
            continue
        values = stored.layers[layer]
        _check_numbers(layer, values, where)
        if layer.endswith("_conv"):
            inflated |= values[0].ndim == len(shape) - 1
            fitted[layer] = _fit_convolution(layer, values, shape, where)
        else:
            for each in values:
                check_shape(layer, shape, each.shape, where)
            fitted[layer] = values
    if not fitted:
        raise UserError(where, "has no layer of this network", "give weights of the same network")
    return FittedLayers(fitted, _message(shapes, stored, fitted, where, inflated=inflated))


def check_shape(layer: str, shape: tuple[int, ...], found: tuple[int, ...], where: object) -> None:
    """Raises UserError where a layer has another shape in the file than in the network.

    The first layer may have one or three channels instead of the network's.
    """
    spread = layer == STEM and 1 < len(found) == len(shape) and found[-2] in (1, 3)
    if (*found[:-2], shape[-2], *found[-1:]) != shape if spread else found != shape:
        raise UserError(where, f"is of another network: {layer} is {found} there and {shape} here",
                        f"give weights of the same {parameter('network.architecture')}, {parameter('network.width')} "
                        f"and {parameter('network.stem_kernel_size')} (ImageNet's: resnet50, 64, 7)")


def _fit_convolution(layer: str, values: list[np.ndarray], shape: tuple[int, ...], where: object) -> list[np.ndarray]:
    """A kernel and a bias, in the rank and with the input channels of `shape`; no bias is a bias of 0."""
    kernel, bias = values[0], values[1] if len(values) > 1 else np.zeros(values[0].shape[-1], np.float32)
    if kernel.ndim == len(shape) - 1:
        kernel = np.repeat(kernel[None], shape[0], axis=0) / shape[0]
    check_shape(layer, shape, kernel.shape, where)
    check_shape(layer, shape[-1:], bias.shape, where)
    before, after = kernel.shape[-2], shape[-2]
    if before != after:
        kernel = np.repeat(kernel.mean(axis=-2, keepdims=True) * before / after, after, axis=-2)
    return [kernel, bias]


def _check_numbers(layer: str, values: list[np.ndarray], where: object) -> None:
    if not all(each.dtype.kind == "f" and each.ndim and np.isfinite(each).all() for each in values):
        raise UserError(where, f"has values in {layer} that are not finite numbers", "copy the file again")


def _message(shapes: LayerShapes, stored: StoredLayers, fitted: Layers, where: object, *, inflated: bool) -> str:
    name = where.name if isinstance(where, Path) else where
    absent = [stored.names.get(layer, layer) for layer in shapes if layer not in fitted]
    return (f"{len(fitted)} of {len(shapes)} layers took their initial weights from {name}"
            f"{', inflated to 3D' if inflated else ''}{stored.note}"
            f"{f'; the others are random: {_some(absent)}' if absent else ''}"
            f"{f'; not used of it: {_some(stored.unused)}' if stored.unused else ''}")


def _some(names: Sequence[str]) -> str:
    """The first names, each cut short, and how many more there are."""
    return shortened(["".join(filter(str.isprintable, name))[:60] for name in names], SHOWN)
