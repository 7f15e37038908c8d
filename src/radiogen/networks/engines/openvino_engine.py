"""A trained network computed by OpenVINO's runtime on a CPU, made from the file of weights without Keras.

In: a `.weights.h5`; batches. Out: outputs as Keras computes them, to float tolerance. Nothing is kept on the disk: a
network is compiled in about a second whenever weights are loaded, so that no export can be older than its weights.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from radiogen.networks.architecture import HEAD, choose_layout, compose, input_scale
from radiogen.networks.engines.folded import FoldedLayers, read_folded
from radiogen.networks.engines.protocol import Batch, NetworkShape


class OpenVinoEngine:
    """`Engine` on OpenVINO's CPU plugin."""

    name = "openvino"

    def __init__(self, network: NetworkShape):
        self.network = network
        self._weights: FoldedLayers = {}
        self._size = 0
        self._request: Any = None

    def load_weights(self, filepath: Path) -> None:
        self._weights, self._size, self._request = {}, 0, None  # those before are freed first
        self._weights = read_folded(filepath, self.network)

    def outputs(self, batches: Iterable[Batch]) -> NDArray[np.float32]:
        return np.concatenate([self._infer(batch, 0) for batch in batches])

    def features(self, batch: Batch) -> NDArray[np.float32]:
        return np.moveaxis(self._infer(batch, 1), 1, -1)

    def head_kernel(self) -> NDArray[np.float32]:
        return self._weights[HEAD].kernel

    def _infer(self, batch: Batch, output: int) -> NDArray[np.float32]:
        """An output of `_compile` on one batch; a batch that is smaller than the largest so far is filled up with 0."""
        if len(batch) > self._size:
            self._request = None  # freed before the next one is made
            self._size, self._request = len(batch), _compile(self._weights, self.network, len(batch))
        whole = np.ascontiguousarray(batch, np.float32)
        if len(batch) < self._size:
            whole = np.concatenate([whole, np.zeros((self._size - len(batch), *batch.shape[1:]), np.float32)])
        self._request.infer([whole], share_inputs=True)
        return np.array(self._request.get_output_tensor(output).data[:len(batch)])


def _compile(weights: FoldedLayers, network: NetworkShape, batch: int) -> Any:
    """An inference request for batches of this size, whose outputs are the network's and what goes into its last
    pooling, channels second."""
    rank = len(network.shape) - 1
    inputs = ops.parameter([batch, *network.shape], np.float32, name="input")
    layout, layers = choose_layout(network.settings.architecture, rank, network.scale), _OpenVinoLayers(rank, weights)
    x = compose(layers, network.settings, layout, layers.scale(inputs, network))
    compiled = openvino.Core().compile_model(openvino.Model([x, layers.pooled], [inputs]), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32",  # else 16 bits where the processor has them
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": len(os.sched_getaffinity(0)),
        "ENABLE_CPU_PINNING": False})
    return compiled.create_infer_request()


class _OpenVinoLayers:
    """`Layers` of architecture.py: x is a node of OpenVINO's graph, channels second."""

    def __init__(self, rank: int, weights: FoldedLayers):
        self.rank, self.weights = rank, weights
        self.pooled: Any = None
        """What went into the last pooling."""

    def scale(self, x: Any, network: NetworkShape) -> Any:
        """The network's inputs, channels last, as its first layer expects them."""
        how = input_scale(network.scale, network.shape[-1])
        x = ops.transpose(x, _integers([0, self.rank + 1, *range(1, self.rank + 1)]))
        if how.swaps_colours:
            x = ops.gather(x, _integers([2, 1, 0]), _integers(1))
        means = np.reshape(how.means, (1, -1, *[1] * self.rank))
        x = ops.multiply(x, ops.constant(np.full(means.shape, 1 / how.deviation, np.float32)))
        return ops.add(x, ops.constant((-means / how.deviation).astype(np.float32)))

    def channels(self, x: Any) -> int:
        return (x if isinstance(x, openvino.Output) else x.output(0)).get_shape()[1]

    def convolve(self, x: Any, filters: int, width: int, stride: int, name: str) -> Any:
        kernel, bias = self.weights[name]
        kernel = np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
        pads, ones = [width // 2] * self.rank, [1] * self.rank
        x = ops.convolution(x, ops.constant(kernel, shared_memory=True), [stride] * self.rank, pads, pads, ones)
        return ops.add(x, ops.constant(bias.reshape(1, -1, *ones)))

    def relu(self, x: Any, name: str) -> Any:
        return ops.relu(x)

    def max_pool(self, x: Any, name: str) -> Any:
        ones = [1] * self.rank
        return ops.max_pool(x, [2] * self.rank, ones, ones, ones, [3] * self.rank).output(0)

    def add(self, shortcut: Any, x: Any, name: str) -> Any:
        return ops.add(shortcut, x)

    def pool(self, x: Any, pooling: str) -> Any:
        self.pooled = x
        reduce = ops.reduce_mean if pooling == "average" else ops.reduce_max
        return reduce(x, _integers(range(2, self.rank + 2)), keep_dims=False)

    def head(self, x: Any, outputs: int) -> Any:
        kernel, bias = self.weights[HEAD]
        x = ops.add(ops.matmul(x, ops.constant(kernel), False, False), ops.constant(bias[None]))
        return ops.softmax(x, 1) if outputs == 2 else x


def _integers(values: Any) -> Any:
    return ops.constant(np.array(values, np.int64))
