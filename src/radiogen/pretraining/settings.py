"""How an encoder is pretrained: by which objective, for how long, with which views of an image.

In: a recipe, which says the images and the network. Out: frozen settings; the recipe with the augmentation of
pretraining, which is stronger than that of training.
"""

from dataclasses import dataclass, replace
from typing import Literal

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.training.recipe.recipe import Recipe

SHIFT, GAMMA = 0.15, 0.4
"""Of a view: at least so large a random shift, which crops the image, and so large a random gamma correction."""


@dataclass(frozen=True)
class PretrainingSettings:
    """How the encoder is trained; images and network are the recipe's."""

    objective: Literal["contrast", "masking"] = "contrast"
    """contrast: two views of an image are to be alike and those of others not (VICReg, which small batches suffice);
    masking: masked blocks of an image are to be restored."""
    epochs: int = 40
    """Passes over all images."""
    batch_size: int = 16
    """Images of an optimiser step; contrast sees two views of each."""
    learning_rate: float = 0.002
    """Highest learning rate of AdamW, which rises over a twentieth of the epochs and falls to zero as a cosine."""
    weight_decay: float = 0.0001
    """Decoupled weight decay."""
    seed: int = 42
    """Seed of the first weights, the order and the views."""


def check_settings(settings: PretrainingSettings) -> PretrainingSettings:
    """`settings` themselves; UserError naming the first that is not valid."""
    for name, least in (("epochs", 1), ("batch_size", 2), ("learning_rate", 0.0), ("weight_decay", 0.0)):
        value = getattr(settings, name)
        if value < least or (name == "learning_rate" and not value > 0):
            raise UserError(parameter(name, value), "is too small",
                            f"give {least} or more" if least else "give more than 0")
    return settings


def pretraining_recipe(recipe: Recipe, settings: PretrainingSettings) -> Recipe:
    """The recipe that is pretrained: its images and its network, the steps and the views of pretraining.

    Views have the recipe's own flips, rotation and zoom, at least a shift of `SHIFT` and, where intensities are not
    z-scores, a gamma of `GAMMA`. Raises UserError for a recipe that begins with weights already.
    """
    if recipe.network.weights is not None:
        raise UserError(parameter("network.weights", recipe.network.weights), "is what a recipe begins with, and "
                        "pretraining begins at random", f"choose a recipe without {parameter('network.weights')}")
    own, steps = recipe.augmentation, recipe.optimisation
    gamma = 0.0 if recipe.data.normalisation == "z-score" else max(own.gamma, GAMMA)
    return replace(recipe, seed=settings.seed, augmentation=replace(own, shift=max(own.shift, SHIFT), gamma=gamma),
                   optimisation=replace(steps, epochs=settings.epochs, batch_size=settings.batch_size,
                                        micro_batch_size=settings.batch_size, schedule="cosine", drop_last=True,
                                        learning_rate=settings.learning_rate, weight_decay=settings.weight_decay))
