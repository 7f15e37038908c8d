"""The weights of a trained fold, checked against their record and loaded into a network of the run's recipe."""

from radiogen.core.errors import UserError, as_run, short_reason
from radiogen.networks.backend import keras
from radiogen.networks.weights import unreadable
from radiogen.runs.fold_weights import check_weights
from radiogen.runs.layout import WEIGHTS
from radiogen.training.runs import Run, fold_folder


def load_trained(model: keras.Model, run: Run, fold: str) -> None:
    """Put the weights of a trained fold into `model`; Keras reads arrays alone and refuses links to other files.

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
        again = f"python scripts/train.py --run {as_run(run.folder)} --fold {fold}"
        raise UserError(path, f"is damaged or of another network ({short_reason(error)})",
                        f"copy it anew, or delete it and train the fold again: {again}") from error
