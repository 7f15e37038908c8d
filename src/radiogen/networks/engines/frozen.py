"""A trained network computed by TensorFlow as a graph whose weights are constants, for CPUs without OpenVINO.

In: a `.weights.h5`; batches. Out: outputs as Keras computes them, to float tolerance. A graph with variables, such as
Keras's, sorts all kernels anew at every call and fuses no activation; with constants TensorFlow sorts them once and
fuses biases and activations into the convolutions. The graph takes seconds and several times the memory of the weights
(`choice.py` says when that pays).
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiogen.networks.architecture import HEAD, choose_layout, compose, input_scale
from radiogen.networks.backend import keras  # noqa: F401  # imports TensorFlow with its settings
from radiogen.networks.engines.folded import FoldedLayers, read_folded
from radiogen.networks.engines.protocol import Batch, NetworkShape


class FrozenEngine:
    """`Engine` on TensorFlow's constant graph."""

    name = "frozen"

    def __init__(self, network: NetworkShape):
        self.network = network
        self._weights: FoldedLayers = {}
        self._graph: Callable[[Any], Any] | None = None

    def load_weights(self, filepath: Path) -> None:
        self._graph, self._weights = None, {}  # those before are freed first
        self._weights = read_folded(filepath, self.network)

    def outputs(self, batches: Iterable[Batch]) -> NDArray[np.float32]:
        return np.concatenate([self._call(batch)[0].numpy() for batch in batches])

    def features(self, batch: Batch) -> NDArray[np.float32]:
        return self._call(batch)[1].numpy()

    def head_kernel(self) -> NDArray[np.float32]:
        return self._weights[HEAD].kernel

    def _call(self, batch: Batch) -> Any:
        import tensorflow

        if self._graph is None:
            self._graph = _trace(self._weights, self.network)
        return self._graph(tensorflow.constant(batch))


def _trace(weights: FoldedLayers, network: NetworkShape) -> Callable[[Any], Any]:
    """A graph for batches of any size, whose outputs are the network's and what goes into its last pooling."""
    import tensorflow

    rank = len(network.shape) - 1
    layout = choose_layout(network.settings.architecture, rank, network.scale)

    def compute(x: Any) -> Any:
        layers = _TensorFlowLayers(rank, weights)
        return compose(layers, network.settings, layout, layers.scale(x, network)), layers.pooled

    shape = tensorflow.TensorSpec((None, *network.shape), "float32")
    return tensorflow.function(compute, input_signature=[shape], autograph=False).get_concrete_function()


class _TensorFlowLayers:
    """`Layers` of architecture.py: x is a tensor of TensorFlow's, channels last."""

    def __init__(self, rank: int, weights: FoldedLayers):
        import tensorflow

        self.tf, self.rank, self.weights = tensorflow, rank, weights
        self.pooled: Any = None
        """What went into the last pooling."""

    def scale(self, x: Any, network: NetworkShape) -> Any:
        """The network's inputs as its first layer expects them."""
        how = input_scale(network.scale, network.shape[-1])
        if how.swaps_colours:
            x = self.tf.reverse(x, [-1])
        return x * np.float32(1 / how.deviation) + np.divide(how.means, -how.deviation).astype(np.float32)

    def channels(self, x: Any) -> int:
        return x.shape[-1]

    def convolve(self, x: Any, filters: int, width: int, stride: int, name: str) -> Any:
        kernel, bias = self.weights[name]
        convolution = self.tf.nn.conv3d if self.rank == 3 else self.tf.nn.conv2d
        steps = [1, *[stride] * self.rank, 1]
        if width > 1 and stride > 1:  # TensorFlow's own "SAME" pads one side only there
            x = self.tf.pad(x, [[0, 0], *[[width // 2] * 2] * self.rank, [0, 0]])
            x = convolution(x, kernel, steps, "VALID")
        else:
            x = convolution(x, kernel, steps, "SAME")
        return self.tf.nn.bias_add(x, bias)

    def relu(self, x: Any, name: str) -> Any:
        return self.tf.nn.relu(x)

    def max_pool(self, x: Any, name: str) -> Any:
        pool = self.tf.nn.max_pool3d if self.rank == 3 else self.tf.nn.max_pool2d
        x = self.tf.pad(x, [[0, 0], *[[1, 1]] * self.rank, [0, 0]])
        return pool(x, 3, 2, "VALID")

    def add(self, shortcut: Any, x: Any, name: str) -> Any:
        return x + shortcut

    def pool(self, x: Any, pooling: str) -> Any:
        self.pooled = x
        reduce = self.tf.reduce_mean if pooling == "average" else self.tf.reduce_max
        return reduce(x, list(range(1, self.rank + 1)))

    def head(self, x: Any, outputs: int) -> Any:
        kernel, bias = self.weights[HEAD]
        x = self.tf.matmul(x, kernel) + bias
        return self.tf.nn.softmax(x) if outputs == 2 else x
