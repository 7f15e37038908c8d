"""A trained network computed by Keras itself, on whichever back end and device: the engine that every other one is
held against.

In: a `.weights.h5`; batches. Out: outputs. Where there are few batches the layers are called one by one, which saves
the tracing of a graph.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiogen.networks.architecture import HEAD
from radiogen.networks.backend import keras
from radiogen.networks.engines.protocol import Batch, NetworkShape
from radiogen.networks.residual import build_network


class KerasEngine:
    """`Engine` on Keras; its layers have the precision that is set when it is made (`keras.config`)."""

    name = "keras"

    def __init__(self, network: NetworkShape, *, traced: bool = True):
        self.model = build_network(network.settings, network.shape, network.scale)
        self.traced = traced

    def load_weights(self, filepath: Path) -> None:
        self.model.load_weights(filepath)

    def outputs(self, batches: Iterable[Batch]) -> NDArray[np.float32]:
        return np.concatenate([self._outputs(batch) for batch in batches])

    def features(self, batch: Batch) -> NDArray[np.float32]:
        pooling = self.model.get_layer(HEAD).input._keras_history.operation
        return _array(keras.Model(self.model.input, pooling.input)(batch, training=False))

    def head_kernel(self) -> NDArray[np.float32]:
        return _array(self.model.get_layer(HEAD).kernel)

    def _outputs(self, batch: Batch) -> NDArray[np.float32]:
        if self.traced:
            return np.asarray(self.model.predict_on_batch(batch))
        return _array(self.model(batch, training=False))


def _array(tensor: object) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))
