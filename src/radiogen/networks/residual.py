"""The residual networks as Keras models: the layers of architecture.py, for slices and for cubes.

In: `NetworkSettings`, the shape of an input. Out: a Keras model whose layers are named as in keras.applications'
ResNet50 (`conv2_block1_1_conv`, ...), so that weights can be loaded by name (weights.py).
"""

from typing import Any

from radiogen.networks.architecture import HEAD, Layout, Scale, choose_layout, compose, input_scale
from radiogen.networks.backend import keras
from radiogen.networks.settings import NetworkSettings

layers = keras.layers


def build_network(settings: NetworkSettings, shape: tuple[int, ...], scale: Scale = "centre",
                  kinds: Any = None) -> keras.Model:
    """A residual network over inputs in [0, 1] of `shape`: (rows, columns, channels), or with slices first for 3D.

    settings: the architecture, `resnet50` with bottleneck blocks, the others with basic ones; its `width`, filters in
    the first layer (64 in the paper), which sees `stem_kernel_size` voxels across (7) and takes every `stem_stride`-th
    (2; MONAI's default is 1); `pooling` of the last features, `average` (the paper's), or `maximum`, which finds a
    lesion that fills a small part of the image; `outputs`: 2 for (batch, 2) float32 probabilities, [:, 1] of class 1;
    1 for (batch, 1) float32 logits of it. Weights are random (weights.py loads others).
    shape: any size and depth from 1 upwards, odd ones too.
    scale: `centre` brings inputs to [-1, 1]; the others to what ImageNet's weights were trained on, three channels blue
    first. `imagenet`: MRI slices in [0, 1] to mean 0 and the deviation of photographs, which is nearer to the
    weights' own statistics than the shift of photographs; `imagenet z-score`: the same for slices normalised by
    z-score; `photographs`: keras.applications.resnet.preprocess_input, for three channels. These three also put a 3D
    ResNet-50's strides where the 2D one has them, so that inflated weights compute what they computed in 2D.
    For weights that were trained on volumes in PyTorch: `head` brings inputs in [0, 1] to about mean 0 and deviation 1
    over the head, `unchanged` leaves inputs that have these already (z-score).
    kinds: a namespace of layer classes, such as `training_kinds` returns (default: Keras's); the weights are the same
    with each.

    Layout: the 2D ResNet-50 is keras.applications'; all others are MONAI's (`resnet50(spatial_dims=3)`: 46,163,010
    parameters with one channel and a head of two).
    """
    rank, inputs = len(shape) - 1, layers.Input(shape, name="input")
    layout = choose_layout(settings.architecture, rank, scale)
    x = compose(_KerasLayers(layout, kinds or layers), settings, layout, _scale(inputs, scale))
    return keras.Model(inputs, x, name=f"{settings.architecture}_{rank}d")


class _KerasLayers:
    """`Layers` of architecture.py: x is a Keras tensor, channels last; kinds: as in `build_network`."""

    def __init__(self, layout: Layout, kinds: Any):
        self.layout, self.kinds = layout, kinds

    def channels(self, x: Any) -> int:
        return x.shape[-1]

    def convolve(self, x: Any, filters: int, width: int, stride: int, name: str) -> Any:
        padding, layout = "same", self.layout
        if width > 1 and stride > 1:  # with a stride, Keras's "same" pads one side only
            x, padding = _of_rank("ZeroPadding", layout.rank)(width // 2, name=f"{name}_pad")(x), "valid"
        x = getattr(self.kinds, f"Conv{layout.rank}D")(
            filters, width, strides=stride, padding=padding, use_bias=layout.biases or name.endswith("_0"),
            kernel_initializer="he_normal", name=f"{name}_conv")(x)
        return self.kinds.BatchNormalization(momentum=0.9, epsilon=layout.epsilon, name=f"{name}_bn")(x)

    def relu(self, x: Any, name: str) -> Any:
        return layers.Activation("relu", name=name)(x)

    def max_pool(self, x: Any, name: str) -> Any:
        x = _of_rank("ZeroPadding", self.layout.rank)(1, name=f"{name}_pad")(x)
        return _of_rank("MaxPooling", self.layout.rank)(3, strides=2, name=f"{name}_pool")(x)

    def add(self, shortcut: Any, x: Any, name: str) -> Any:
        return layers.Add(name=name)([shortcut, x])

    def pool(self, x: Any, pooling: str) -> Any:
        pool, name = {"average": ("GlobalAveragePooling", "avg_pool"),
                      "maximum": ("GlobalMaxPooling", "max_pool")}[pooling]
        return _of_rank(pool, self.layout.rank)(name=name)(x)

    def head(self, x: Any, outputs: int) -> Any:
        return layers.Dense(outputs, activation="softmax" if outputs == 2 else None, dtype="float32", name=HEAD)(x)


def _scale(x: Any, scale: Scale) -> Any:
    """Inputs as the first layer expects them; in float32 even where the following layers compute in 16 bits."""
    how = input_scale(scale, x.shape[-1])
    if not how.is_imagenet:
        name, dtype = ("centre", None) if scale == "centre" else ("head", "float32")
        return layers.Rescaling(1 / how.deviation, offset=-how.means[0] / how.deviation, dtype=dtype, name=name)(x)
    if how.swaps_colours:
        x = keras.ops.flip(x, axis=-1)
    return layers.Normalization(axis=-1, mean=list(how.means), variance=[how.deviation ** 2] * len(how.means),
                                dtype="float32", name="imagenet")(x)


def _of_rank(layer: str, rank: int) -> Any:
    """The layer class for this rank: `keras.layers.MaxPooling3D` for `MaxPooling` and 3."""
    return getattr(layers, f"{layer}{rank}D")
