"""Residual networks (He et al., arXiv 1512.03385), written once for 2D and 3D.

In: a rank, a depth, an input shape. Out: a Keras model with two-class softmax and named layers: those of
keras.applications' ResNet50 (`conv2_block1_1_conv`, ...), so that weights can be carried over by name.
"""

from typing import Any

from radiogen.learning.backend import keras

layers = keras.layers

BLOCKS = {"resnet6": (1, 1),
          "resnet10": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}
"""Blocks of each stage (He et al., table 1; 10 layers as in Med3D, arXiv 1904.00625; 6 are ours, for small inputs)."""


def build_network(network: str, rank: int, size: int, channels: int, width: int = 64, stem_width: int = 7,
                  pooling: str = "average") -> keras.Model:
    """A residual network over (size, ..., size, channels) inputs in [0, 1]; out: (2,) probabilities, [1] methylated.

    `resnet50` has bottleneck blocks, the others basic ones; `width` filters in the first layer (64 in the paper), which
    sees `stem_width` voxels across (7). `pooling` of the last features: `average` (the paper's), or `maximum`, which
    finds a lesion that fills a small part of the image.
    """
    bottleneck = network == "resnet50"
    block = _bottleneck_block if bottleneck else _basic_block
    inputs = layers.Input((size,) * rank + (channels,), name="input")
    x = layers.Rescaling(2.0, offset=-1.0, name="centre")(inputs)
    x = _convolve(rank, x, width, stem_width, 2, "conv1")
    x = layers.Activation("relu", name="conv1_relu")(x)
    x = _of_rank("ZeroPadding", rank)(1, name="pool1_pad")(x)
    x = _of_rank("MaxPooling", rank)(3, strides=2, name="pool1_pool")(x)
    for stage, blocks in enumerate(BLOCKS[network]):
        for number in range(1, blocks + 1):
            stride = 2 if stage > 0 and number == 1 else 1
            x = block(rank, x, width * 2 ** stage, stride, f"conv{stage + 2}_block{number}")
    pool = "GlobalMaxPooling" if pooling == "maximum" else "GlobalAveragePooling"
    x = _of_rank(pool, rank)(name="max_pool" if pooling == "maximum" else "avg_pool")(x)
    outputs = layers.Dense(2, activation="softmax", dtype="float32", name="predictions")(x)
    return keras.Model(inputs, outputs, name=f"{network}_{rank}d")


def _basic_block(rank: int, x: Any, filters: int, stride: int, name: str) -> Any:
    """Two 3-wide convolutions beside a shortcut."""
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _convolve(rank, x, filters, 1, stride, f"{name}_0")
    x = _convolve(rank, x, filters, 3, stride, f"{name}_1")
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = _convolve(rank, x, filters, 3, 1, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _bottleneck_block(rank: int, x: Any, filters: int, stride: int, name: str) -> Any:
    """1-, 3- and 1-wide convolutions, the last with four times the filters, beside a shortcut."""
    shortcut = x
    if stride != 1 or x.shape[-1] != 4 * filters:
        shortcut = _convolve(rank, x, 4 * filters, 1, stride, f"{name}_0")
    x = _convolve(rank, x, filters, 1, stride, f"{name}_1")
    x = layers.Activation("relu", name=f"{name}_1_relu")(x)
    x = _convolve(rank, x, filters, 3, 1, f"{name}_2")
    x = layers.Activation("relu", name=f"{name}_2_relu")(x)
    x = _convolve(rank, x, 4 * filters, 1, 1, f"{name}_3")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _convolve(rank: int, x: Any, filters: int, width: int, stride: int, name: str) -> Any:
    """Padding on both sides alike, convolution, batch normalisation: named `<name>_pad`, `<name>_conv`, `<name>_bn`.

    Only shortcuts have a bias, as in MONAI's ResNet, so that its weights can be carried over.
    """
    if width > 1:
        x = _of_rank("ZeroPadding", rank)(width // 2, name=f"{name}_pad")(x)
    x = _of_rank("Conv", rank)(filters, width, strides=stride, use_bias=name.endswith("_0"),
                               kernel_initializer="he_normal", name=f"{name}_conv")(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)


def _of_rank(layer: str, rank: int) -> Any:
    """`Conv` and 3 give `keras.layers.Conv3D`."""
    return getattr(layers, f"{layer}{rank}D")
