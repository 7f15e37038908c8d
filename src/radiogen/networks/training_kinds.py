"""Which layers and optimizer a network is trained with: Keras's, or ours where they are faster and fit.

In: a choice (`optimisation.layers`), the back end and the precision. Out: a namespace with `Conv2D`, `Conv3D`,
`BatchNormalization`, `Adam` and `AdamW`, the weights of both alike. A network that only predicts has Keras's.
"""

from types import ModuleType, SimpleNamespace
from typing import Literal

from radiogen.networks.backend import backend, keras

Layers = Literal["auto", "keras"]

KERAS = SimpleNamespace(name="keras", Conv2D=keras.layers.Conv2D, Conv3D=keras.layers.Conv3D,
                        BatchNormalization=keras.layers.BatchNormalization, Adam=keras.optimizers.Adam,
                        AdamW=keras.optimizers.AdamW)


def training_kinds(layers: Layers) -> ModuleType | SimpleNamespace:
    """What to build and to compile a network of the current precision with, on the devices of this process.

    layers: `keras`, or `auto`: `tensorflow_cpu.py` where TensorFlow trains in float32 on one CPU, else Keras's.
    """
    if layers == "keras" or keras.config.dtype_policy().name != "float32" or not backend().on_one_cpu():
        return KERAS
    from radiogen.networks import tensorflow_cpu

    return tensorflow_cpu
