"""What every engine does: it takes a trained network's weights and gives outputs, and what Grad-CAM needs.

In: `.weights.h5` of a network that architecture.py describes; batches. Out: arrays of NumPy. Engines agree to 1e-5 in
probabilities (tests/networks/engines/).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radiogen.networks.architecture import Scale
from radiogen.networks.pretrained.layer_shapes import layer_shapes
from radiogen.networks.settings import NetworkSettings

Batch = NDArray[np.float32]
"""(inputs, [slice,] row, column, channels)."""


@dataclass(frozen=True)
class NetworkShape:
    """A network without its weights.

    shape: of an input, ([slices,] rows, columns, channels); scale: what its first layer does to inputs.
    """

    settings: NetworkSettings
    shape: tuple[int, ...]
    scale: Scale = "centre"


def weight_bytes(network: NetworkShape) -> int:
    """The bytes of a network's convolutions and normalisations, float32."""
    return 4 * sum(math.prod(shape) for shape in layer_shapes(network.settings, network.shape).values())


class Engine(Protocol):
    """A network that computes outputs by one library."""

    name: str
    """As records have it: `openvino`, `frozen`, `keras`."""

    def load_weights(self, filepath: Path) -> None:
        """Take the weights of a `.weights.h5` in the place of those before.

        Raises ValueError, or another of Keras's errors, where the file is damaged or of another network.
        """

    def outputs(self, batches: Iterable[Batch]) -> NDArray[np.float32]:
        """(inputs, 1 or 2): what the network says of all inputs of the batches, in their order."""

    def features(self, batch: Batch) -> NDArray[np.float32]:
        """(inputs, [slice,] row, column, channels): what goes into the last pooling."""

    def head_kernel(self) -> NDArray[np.float32]:
        """(channels, 1 or 2): the kernel of the dense layer behind that pooling."""
