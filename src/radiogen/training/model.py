"""A recipe's network for the inputs of `Batches`, and the weights of a trained fold."""

from typing import Any

from radiogen.core.errors import UserError, short_reason
from radiogen.core.wording import as_run, command
from radiogen.networks.backend import keras
from radiogen.networks.pretrained.hdf5_file import unreadable
from radiogen.networks.residual import Scale, build_network
from radiogen.networks.settings import NetworkSettings, is_torch_file
from radiogen.runs.fold_weights import check_weights
from radiogen.runs.layout import WEIGHTS
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.runs import Run, fold_folder


def make_network(network: NetworkSettings, data: DataSettings, kinds: Any = keras.layers) -> keras.Model:
    """The network for these inputs, with random weights; its first layer scales as the initial weights expect it.

    kinds: where its layers' classes are: Keras's, or those of `training_kinds`.
    """
    standardised = data.normalisation == "z-score"
    scale: Scale = "centre"
    if network.weights and is_torch_file(network.weights):
        scale = "unchanged" if standardised else "head"
    elif network.weights:
        scale = "imagenet z-score" if standardised else "imagenet"
    return build_network(network, data.input_shape, scale, kinds)


def load_trained(model: keras.Model, run: Run, fold: str) -> None:
    """Load the weights of a trained fold into `model`; Keras reads arrays only and refuses links to other files.

    Raises UserError where their file is not the one that training of this fold wrote, is damaged, or of another
    network.
    """
    path = fold_folder(run, fold) / WEIGHTS
    try:
        check_weights(path.parent)
        model.load_weights(path)
    except PermissionError as error:
        raise unreadable(path) from error
    except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        again = f"{command('train')} --run {as_run(run.folder)} --fold {fold}"
        raise UserError(path, f"is damaged or of another network ({short_reason(error)})",
                        f"copy it again, or delete it and train the fold again: {again}") from error
