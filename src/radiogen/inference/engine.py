"""The engine that a run's networks predict by; every place that predicts gets it here.

In: a recipe, how many batches a fold's network is to predict. Out: an `Engine` that takes the weights of a trained fold
(`training.model.load_trained`).
"""

import logging

from radiogen.networks.engines.choice import EngineChoice, Use, choose_engine, make_engine
from radiogen.networks.engines.protocol import Engine, NetworkShape
from radiogen.training.model import network_scale
from radiogen.training.recipe.recipe import Recipe

_LOG = logging.getLogger(__name__)


def open_engine(recipe: Recipe, batches: int) -> tuple[Engine, EngineChoice]:
    """The engine for so many batches a fold, without weights, and why it is this one.

    Raises UserError where the user named one that cannot be used.
    """
    network = NetworkShape(recipe.network, recipe.data.input_shape, network_scale(recipe.network, recipe.data))
    use = Use(batches, recipe.optimisation.precision)
    choice = choose_engine(network, use)
    if choice.name == "keras":
        from radiogen.training.optimisation import set_precision

        set_precision(recipe.optimisation.precision)
    _LOG.debug(f"predicted by {choice.text}")
    return make_engine(choice, network, use), choice
