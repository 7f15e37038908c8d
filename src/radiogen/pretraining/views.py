"""Batches of pretraining: each image in one or two random views, from seed, epoch and image alone.

In: images, a recipe with the augmentation of views, an objective. Out: what Keras's `fit` takes, without any label. A
resumed epoch has the same views.
"""

from typing import TYPE_CHECKING

import numpy as np

from radiogen.networks.backend import keras
from radiogen.training.input.augmentation import augment, channels_last, make_augmentation
from radiogen.training.input.one_pass import draw_change, is_enough, write_image
from radiogen.training.recipe.recipe import Recipe

if TYPE_CHECKING:
    from radiogen.pretraining.images import PretrainingImages
    from radiogen.pretraining.objectives import Objective

CONTRAST = 0.2
"""Largest random change of each channel's contrast by itself, as a fraction."""


class Views(keras.utils.PyDataset):
    """Batches of `recipe.optimisation.batch_size` images, fewer where there are no more; what is left over of an epoch
    comes in another.

    Yields what `objective.examples` makes of float32 (views x batch, [slice,] row, column, channels), all first views
    before all second ones.
    """

    def __init__(self, recipe: Recipe, images: "PretrainingImages", objective: "Objective"):
        super().__init__(workers=1)
        self.recipe, self.images, self.objective = recipe, images, objective
        self.augmentation = None
        if not is_enough(recipe.augmentation, recipe.data):
            self.augmentation = make_augmentation(recipe.augmentation, recipe.data)
        self.begin(0)

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return max(1, len(self.images) // self.recipe.optimisation.batch_size)

    def begin(self, epoch: int) -> None:
        """Set the order and the views of this epoch."""
        self.epoch = epoch
        self._order = np.random.default_rng((self.recipe.seed, epoch)).permutation(len(self.images))

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        size = self.recipe.optimisation.batch_size
        rows = self._order[number * size:(number + 1) * size]
        views = np.stack([self._view(int(row), copy) for copy in range(self.objective.views) for row in rows])
        return self.objective.examples(views, np.random.default_rng((self.recipe.seed, self.epoch, number, 1)))

    def _view(self, row: int, copy: int) -> np.ndarray:
        """A random view of an image, float32 ([slice,] row, column, channels)."""
        recipe, planes = self.recipe, self.images.read(row)
        seed = (recipe.seed, self.epoch, row, copy)
        view = np.empty(recipe.data.input_shape, np.float32)
        if self.augmentation is not None:
            image = augment(self.augmentation, recipe.augmentation, recipe.data, planes, seed)
            np.divide(image, np.float32(255 if image.dtype == np.uint8 else 1), out=view)
        else:
            write_image(view, planes, draw_change(recipe.augmentation, recipe.data, seed), recipe.data.mask_channel)
        scale = np.random.default_rng((*seed, 1)).uniform(1 - CONTRAST, 1 + CONTRAST, view.shape[-1])
        if recipe.data.mask_channel:
            scale[-1] = 1
        view *= scale.astype(np.float32)
        return view


def unchanged(recipe: Recipe, images: "PretrainingImages", rows: np.ndarray) -> np.ndarray:
    """These images as they are, float32 (rows, [slice,] row, column, channels)."""
    batch = np.empty((len(rows), *recipe.data.input_shape), np.float32)
    for place, row in zip(batch, rows, strict=True):
        image = channels_last(images.read(int(row)))
        place[...] = image / np.float32(255 if image.dtype == np.uint8 else 1)
    return batch
