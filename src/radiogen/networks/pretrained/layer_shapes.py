"""The layers of a network that stored weights can fill, and their shapes, without building the network.

In: `NetworkSettings`, the shape of an input. Out: a shape by name; `residual.build_network` makes the same layers. So a
file of weights can be held against a network before anything is made.
"""

from radiogen.networks.settings import BLOCKS, NetworkSettings

LayerShapes = dict[str, tuple[int, ...]]
"""Of a convolution, `<name>_conv`, its kernel's (width of each axis, channels in, channels out); of the batch
normalisation after it, `<name>_bn`, (channels,). In the order of the network."""

STEM = "conv1_conv"


def layer_shapes(settings: NetworkSettings, shape: tuple[int, ...]) -> LayerShapes:
    """The shapes of all convolutions and normalisations over inputs of `shape`: ([slices,] rows, columns, channels)."""
    rank, width = len(shape) - 1, settings.width
    made: LayerShapes = {}

    def convolution(name: str, kernel: int, before: int, after: int) -> None:
        made[f"{name}_conv"] = (*(kernel,) * rank, before, after)
        made[f"{name}_bn"] = (after,)

    bottlenecks = settings.architecture == "resnet50"
    convolution("conv1", settings.stem_kernel_size, shape[-1], width)
    before = width
    for stage, blocks in enumerate(BLOCKS[settings.architecture]):
        filters = width * 2 ** stage
        after = 4 * filters if bottlenecks else filters
        for number in range(1, blocks + 1):
            name = f"conv{stage + 2}_block{number}"
            if before != after:
                convolution(f"{name}_0", 1, before, after)
            convolution(f"{name}_1", 1 if bottlenecks else 3, before, filters)
            convolution(f"{name}_2", 3, filters, filters)
            if bottlenecks:
                convolution(f"{name}_3", 1, filters, after)
            before = after
    return made
