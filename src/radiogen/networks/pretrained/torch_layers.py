"""PyTorch's names and shapes of a ResNet's weights in our own: MONAI's, Med3D's (MedicalNet), torchvision's.

In: a `state_dict`, read or only declared. Out: arrays by layer, in Keras's order of axes. Shapes are held against the
network before an array is read.
"""

import re
from collections.abc import Iterable, Mapping

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.networks.pretrained.fitting import Layers, StoredLayers, check_shape
from radiogen.networks.pretrained.layer_shapes import STEM, LayerShapes
from radiogen.networks.pretrained.stored_tensors import StoredTensor

NORMALISATION = ("weight", "bias", "running_mean", "running_var")
EPSILON = 1e-5
"""PyTorch's, added to the variance by batch normalisation."""

State = Mapping[str, StoredTensor | np.ndarray]


def torch_layers(shapes: LayerShapes, state: State, where: object) -> StoredLayers:
    """Those of `state` that fill layers of these shapes.

    `module.` before a name (DataParallel) is left out. Heads (MedicalNet's conv_seg, MONAI's fc) and the count of
    batches are not used. A file with no shortcut's weights at all is of type A (MedicalNet's ResNet-18 and 34): each
    shortcut becomes the convolution that passes its channels on and adds channels of 0.
    Raises UserError, naming `where`, for blocks or shapes of another network.
    """
    state = _without_prefix(state, where)
    _check_blocks(shapes, state, where)
    layers: Layers = {}
    used: set[str] = set()
    for layer, shape in shapes.items():
        names = _parts(layer, state)
        if all(name in state for name in names):
            found = state[names[0]].shape
            check_shape(layer, shape, (*found[2:], *found[1::-1]), where)
            layers[layer] = [_in_our_axes(state[name]) for name in names]
            used |= {*names}
    note = _add_shortcuts_of_type_a(shapes, state, layers)
    rest = dict.fromkeys(name.rpartition(".")[0] or name for name in state
                         if name not in used and not name.endswith("num_batches_tracked"))
    return StoredLayers(layers, {layer: _torch_name(layer) for layer in shapes}, tuple(rest), note)


def _torch_name(layer: str) -> str:
    """`conv3_block2_1_bn` is PyTorch's `layer2.1.bn1`; a shortcut's (`_0_`) are `downsample.0` and `downsample.1`."""
    block = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer)
    if not block:
        return {STEM: "conv1", "conv1_bn": "bn1"}[layer]
    stage, number, place, kind = int(block[1]) - 1, int(block[2]) - 1, block[3], block[4]
    last = f"downsample.{0 if kind == 'conv' else 1}" if place == "0" else f"{kind}{place}"
    return f"layer{stage}.{number}.{last}"


def _parts(layer: str, state: State) -> list[str]:
    """The tensors of a layer, by their names in the file; a convolution's bias only where the file has one."""
    name = _torch_name(layer)
    if layer.endswith("_bn"):
        return [f"{name}.{part}" for part in NORMALISATION]
    return [f"{name}.weight", *([f"{name}.bias"] if f"{name}.bias" in state else [])]


def _without_prefix(state: State, where: object) -> State:
    short = {name.removeprefix("module."): value for name, value in state.items()}
    if len(short) < len(state):
        raise UserError(where, "has a tensor both with and without `module.` before its name", "save one state_dict")
    return short


def _check_blocks(shapes: LayerShapes, state: State, where: object) -> None:
    """Raises UserError where a stage of the file has another number of blocks than the network's."""
    ours, theirs = _blocks(_torch_name(layer) for layer in shapes), _blocks(state)
    if any(theirs[stage] != ours.get(stage) for stage in theirs):
        shown = [", ".join(str(counts[stage]) for stage in sorted(counts)) for counts in (theirs, ours)]
        raise UserError(where, f"is of another network: its stages have {shown[0]} blocks, and {shown[1]} here",
                        f"give weights of the same {parameter('network.architecture')}")


def _blocks(names: Iterable[str]) -> dict[int, int]:
    """How many blocks each stage has."""
    counts: dict[int, int] = {}
    for name in names:
        if block := re.match(r"layer(\d{1,2})\.(\d{1,3})\.", name):
            stage = int(block[1])
            counts[stage] = max(counts.get(stage, 0), int(block[2]) + 1)
    return counts


def _in_our_axes(tensor: StoredTensor | np.ndarray) -> np.ndarray:
    """The array; of a kernel the channels in and out last."""
    array = tensor.read() if isinstance(tensor, StoredTensor) else np.asarray(tensor)
    return np.moveaxis(array, (0, 1), (-1, -2)) if array.ndim > 1 else array


def _add_shortcuts_of_type_a(shapes: LayerShapes, state: State, layers: Layers) -> str:
    """Fill shortcuts that have no weights in a file that is else whole, so that they compute what type A computes with
    the moving statistics; returns words for the message, "" where nothing was to be done."""
    shortcuts = [layer for layer in shapes if "_0_" in layer]
    if not shortcuts or any("downsample" in name for name in state) or set(shapes) - set(layers) != set(shortcuts):
        return ""
    for layer in shortcuts:
        if layer.endswith("_conv"):
            before, after = shapes[layer][-2:]
            layers[layer] = [np.eye(before, after, dtype=np.float32).reshape(shapes[layer])]
        else:
            zeros, ones = np.zeros(shapes[layer], np.float32), np.ones(shapes[layer], np.float32)
            layers[layer] = [ones * np.float32(np.sqrt(1 + EPSILON)), zeros, zeros, ones]
    return f", {len(shortcuts)} of them shortcuts of type A, which have none and pass their channels on"
