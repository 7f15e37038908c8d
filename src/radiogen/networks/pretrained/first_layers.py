"""A file of weights that others trained, as arrays in the shapes of a network: found, checked and fitted.

In: a path, the shapes of a network. Out: arrays by layer and a line about them, or a `UserError`. The file's name says
its format: `.h5` of Keras, `.pth` and `.pt` of PyTorch, `.safetensors`.
"""

from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.networks.pretrained.fitting import FittedLayers, StoredLayers, fit_layers
from radiogen.networks.pretrained.hdf5_file import missing, read_layers, unreadable
from radiogen.networks.pretrained.layer_shapes import LayerShapes, layer_shapes
from radiogen.networks.pretrained.safetensors_file import read_safetensors
from radiogen.networks.pretrained.stored_tensors import Damaged, Forbidden
from radiogen.networks.pretrained.torch_file import read_torch
from radiogen.networks.pretrained.torch_layers import torch_layers
from radiogen.networks.settings import TORCH_FILES, NetworkSettings, is_torch_file

KERAS_FILES = (".h5", ".hdf5", ".keras")


def read_first_layers(path: Path, shapes: LayerShapes) -> FittedLayers:
    """The arrays of a file for a network of these shapes.

    Raises UserError, in one line that names the file, where it is missing, damaged, of an unknown kind, holds code or
    belongs to another network.
    """
    if path.name.lower().endswith(KERAS_FILES):
        layers = read_layers(path)
        unused = tuple(layer for layer in layers if layer not in shapes)
        return fit_layers(shapes, StoredLayers(layers, unused=unused), path)
    if not is_torch_file(path.name):
        raise UserError(path, "has no ending of a file of weights",
                        f"name a file with {parameter('network.weights')} that ends in {' '.join(KERAS_FILES[:2])} "
                        f"(Keras) or {' '.join(TORCH_FILES)} (PyTorch)")
    return _read_torch_layers(path, shapes)


def check_first_weights(settings: NetworkSettings, shape: tuple[int, ...]) -> None:
    """Raise UserError, before a network is made, where the file of its initial weights could not be loaded into it.

    shape: of an input, ([slices,] rows, columns, channels). Nothing is checked of `imagenet`, which Keras downloads.
    """
    if settings.weights and settings.weights != "imagenet":
        read_first_layers(Path(settings.weights).expanduser(), layer_shapes(settings, shape))


def _read_torch_layers(path: Path, shapes: LayerShapes) -> FittedLayers:
    try:
        state = read_safetensors(path) if path.suffix.lower() == ".safetensors" else read_torch(path)
        return fit_layers(shapes, torch_layers(shapes, state, path), path)
    except FileNotFoundError:
        raise missing(path) from None
    except PermissionError as error:
        raise unreadable(path) from error
    except Forbidden as error:
        raise UserError(path, f"{error}: only tensors are read",
                        "save its state_dict alone, where you trust it: safetensors.torch.save_file(state_dict, "
                        "'NAME.safetensors')") from error
    except (OSError, Damaged, MemoryError) as error:
        raise UserError(path, f"{error or 'does not fit into memory'}: it is damaged or no file of weights",
                        "copy or download it again") from error
