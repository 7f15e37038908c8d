"""A recipe's network for the inputs of `Batches`, and the weights of a trained fold.

Importing this loads no Keras: a trained network may be computed by another engine (networks/engines/).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from radiogen.core.errors import UserError, short_reason
from radiogen.core.wording import as_run, command
from radiogen.networks.architecture import Scale, choose_scale
from radiogen.networks.pretrained.hdf5_file import unreadable
from radiogen.networks.settings import NetworkSettings
from radiogen.runs.fold_weights import check_weights
from radiogen.runs.layout import WEIGHTS
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.runs import Run, fold_folder

if TYPE_CHECKING:
    import keras


class TakesWeights(Protocol):
    """A Keras model, or an engine that predicts."""

    def load_weights(self, filepath: Path) -> Any:
        """Take the weights of this file."""


def make_network(network: NetworkSettings, data: DataSettings, kinds: Any = None) -> "keras.Model":
    """The network for these inputs, with random weights; its first layer scales as the initial weights expect it.

    kinds: where its layers' classes are: those of `training_kinds`; None: Keras's.
    """
    if network.locates:
        from radiogen.networks.unet import build_unet

        return build_unet(network, (*data.image_shape, len(data.sequences)), kinds)
    from radiogen.networks.residual import build_network

    return build_network(network, data.input_shape, network_scale(network, data), kinds)


def network_scale(network: NetworkSettings, data: DataSettings) -> Scale:
    """What the network's first layer does to these inputs."""
    return choose_scale(network, standardised=data.normalisation == "z-score")


def load_trained(model: TakesWeights, run: Run, fold: str) -> None:
    """Load the weights of a trained fold into `model`: arrays only, no links to other files.

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
