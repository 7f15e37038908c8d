"""Batches of pretraining: each image in one or two random views, from seed, epoch and image alone.

In: images, a recipe with the augmentation of views, an objective. Out: what Keras's `fit` takes, without any label. A
resumed epoch has the same views.
"""

from typing import TYPE_CHECKING

import numpy as np

from radiogen.imaging.compiled.draws import seed_words
from radiogen.networks.backend import keras
from radiogen.training.input.augmentation import augment, channels_last, make_augmentation
from radiogen.training.input.one_pass import draw_changes, write_images
from radiogen.training.recipe.recipe import Recipe

if TYPE_CHECKING:
    from radiogen.pretraining.images import PretrainingImages
    from radiogen.pretraining.objectives import Objective

ZOOM, CONTRAST, SHADING, NOISE, BLURRED = 0.2, 0.2, 0.3, 0.05, 0.5
"""Of a view: the largest random change of size along each axis by itself, of each channel's contrast by itself, and of
all channels' brightness from the middle of an axis to its end, as a coil's shading, as fractions; the largest deviation
of noise, of the range 0..1; the share of views that are blurred along one axis."""


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
        if recipe.data.array_dtype != "uint8":
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
            view[...] = augment(self.augmentation, recipe.augmentation, recipe.data, planes.astype(np.float32), seed)
        else:
            words = np.array([seed_words(seed)], np.uint32)
            changes = draw_changes(recipe.augmentation, recipe.data, words, np.array([words.shape[1]]))
            write_images(view[None], planes[None], changes, recipe.data.mask_channel)
        random = np.random.default_rng((*seed, 1))
        for axis in range(view.ndim - 1):
            view = _zoomed(view, axis, 1 + random.uniform(-ZOOM, ZOOM))
        _disturb(view[..., :-1] if recipe.data.mask_channel else view, random)
        return view


def _zoomed(view: np.ndarray, axis: int, factor: float) -> np.ndarray:
    """A view magnified about its middle along one axis, by linear interpolation; what moves in is the edge's value."""
    size = view.shape[axis]
    places = np.clip((np.arange(size) - (size - 1) / 2) / factor + (size - 1) / 2, 0, size - 1)
    low = np.minimum(places.astype(int), max(size - 2, 0))
    shape = [-1 if place == axis else 1 for place in range(view.ndim)]
    share = (places - low).astype(np.float32).reshape(shape)
    return view.take(low, axis) * (1 - share) + view.take(np.minimum(low + 1, size - 1), axis) * share


def _blurred(view: np.ndarray, axis: int) -> np.ndarray:
    """The mean of each place and its neighbours along one axis; edges are repeated."""
    places = np.arange(view.shape[axis])
    return (view.take(np.maximum(places - 1, 0), axis) + view
            + view.take(np.minimum(places + 1, places[-1]), axis)) / np.float32(3)


def _disturb(view: np.ndarray, random: np.random.Generator) -> None:
    """Change contrast, shading, sharpness and noise of a view, (..., channels), in its place.

    What tells scans apart and not patients is to be no help: an encoder that recognises a scan by its shading, its
    noise or its slices learns nothing else.
    """
    rank = view.ndim - 1
    for axis in range(rank):
        slope = np.linspace(-1, 1, view.shape[axis], dtype=np.float32) * np.float32(random.uniform(-SHADING, SHADING))
        view *= np.exp(slope).reshape([-1 if place == axis else 1 for place in range(view.ndim)])
    view *= np.asarray(random.uniform(1 - CONTRAST, 1 + CONTRAST, view.shape[-1]), np.float32)
    if random.random() < BLURRED:
        view[...] = _blurred(view, int(random.integers(rank)))
    view += np.float32(NOISE * random.random()) * random.standard_normal(view.shape, np.float32)


def unchanged(recipe: Recipe, images: "PretrainingImages", rows: np.ndarray) -> np.ndarray:
    """These images as they are, float32 (rows, [slice,] row, column, channels)."""
    batch = np.empty((len(rows), *recipe.data.input_shape), np.float32)
    for place, row in zip(batch, rows, strict=True):
        image = channels_last(images.read(int(row)))
        place[...] = image / np.float32(255 if image.dtype == np.uint8 else 1)
    return batch
