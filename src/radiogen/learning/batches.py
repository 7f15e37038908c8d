"""Cached arrays become batches, as a Keras PyDataset that reads from memory maps.

In: a recipe, a cache folder with its index, cases with labels. Out: (inputs, one-hot labels) where an input is a slice
as RGB, one sequence's cube, or all sequences as channels of one cube. The order and the augmentation follow from (seed,
fold, epoch, case) alone, so a resumed run sees the same images.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.dataset.labels import ID, LABEL
from radiogen.imaging.arrays import middle_slices
from radiogen.imaging.cache import open_array
from radiogen.learning.augmentation import augment, make_augmentation
from radiogen.learning.backend import keras
from radiogen.learning.networks import build_network
from radiogen.learning.recipes import Recipe

INPUT_COLUMNS = (ID, "sequence", "slice", "position")


def list_inputs(recipe: Recipe, index: pd.DataFrame, cases: Sequence[str]) -> pd.DataFrame:
    """One row an input of the network, in the cases' order: `BraTS21ID, sequence, slice, position`.

    position is the input's place along the first axis of the case's array; -1 for the whole array.
    """
    counts = index.set_index(ID)["slices"]
    middle = middle_slices(recipe.size, recipe.slices_per_series or recipe.size)
    rows = []
    for case in cases:
        if recipe.rank == 2 and recipe.joined:
            rows += [(case, "+".join(recipe.sequences), int(number), int(number)) for number in middle]
        elif recipe.rank == 2:
            names = [(name, number) for part in counts[case].split() for name, many in [part.split(":")]
                     for number in range(int(many))]
            rows += [(case, name, number, position) for position, (name, number) in enumerate(names)]
        elif recipe.joined or len(recipe.sequences) == 1:
            rows.append((case, "+".join(recipe.sequences), "", -1))
        else:
            rows += [(case, name, "", place) for place, name in enumerate(recipe.sequences)]
    return pd.DataFrame(rows, columns=INPUT_COLUMNS)


def channels(recipe: Recipe) -> int:
    """Channels of an input: the sequences of a joined one, 3 for a slice (grey thrice), 1 for a cube."""
    if recipe.joined:
        return len(recipe.sequences)
    return 3 if recipe.rank == 2 else 1


def recipe_network(recipe: Recipe) -> keras.Model:
    """The recipe's network, for the inputs that `Batches` gives."""
    return build_network(recipe.network, recipe.rank, recipe.size, channels(recipe), recipe.width, recipe.stem_width,
                         recipe.pooling)


class Batches(keras.utils.PyDataset):
    """Batches of at most `recipe.memory_batch` and `recipe.batch_size` inputs, as even in size as can be.

    inputs: from `list_inputs`; labels: int per input, or None for prediction, which keeps the order and every image.
    Yields float32 (batch, size, ..., channels) in [0, 1] and, with labels, one-hot (batch, 2).
    """

    def __init__(self, recipe: Recipe, folder: Path, inputs: pd.DataFrame, labels: np.ndarray | None = None, *,
                 training: bool = False, fold: int = 0):
        super().__init__(workers=1)
        self.recipe, self.folder, self.inputs, self.labels = recipe, Path(folder), inputs, labels
        self.training, self.fold = training, fold
        self.augmentation = make_augmentation(recipe) if training else None
        self._cases, self._positions = inputs[ID].to_numpy(object), inputs["position"].to_numpy(int)
        self._open = lru_cache(maxsize=256)(lambda case: open_array(self.folder, case))
        self.begin(0)

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return -(-len(self.inputs) // min(self.recipe.memory_batch, self.recipe.batch_size))

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray] | tuple[np.ndarray]:
        rows = np.array_split(self._order, self.num_batches)[number]
        images = np.stack([self._image(row) for row in rows])
        return (images,) if self.labels is None else (images, np.eye(2, dtype=np.float32)[self.labels[rows]])

    def begin(self, epoch: int) -> None:
        """Take the order and the images of this epoch. Called by a callback: Keras counts epochs differently."""
        self.epoch, self._order = epoch, np.arange(len(self.inputs))
        if self.training:
            np.random.default_rng((self.recipe.seed, self.fold, epoch)).shuffle(self._order)

    def _image(self, row: int) -> np.ndarray:
        array, position = self._open(self._cases[row]), self._positions[row]
        if self.recipe.joined:
            image = np.moveaxis(array if position < 0 else array[:, position], 0, -1)
        elif self.recipe.rank == 2:
            image = np.repeat(array[position][..., None], 3, axis=-1)
        else:
            image = array[max(position, 0)][..., None]
        if image.dtype != np.uint8:
            image = image.astype(np.float32)
        if self.augmentation is not None:
            seed = (self.recipe.seed, self.fold, self.epoch, int(self._cases[row]), max(position, 0))
            image = augment(self.augmentation, self.recipe, np.ascontiguousarray(image), seed)
        return image / np.float32(255) if image.dtype == np.uint8 else image


def label_inputs(inputs: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """The case's label for each input, int."""
    return inputs[ID].map(labels.set_index(ID)[LABEL]).to_numpy(int)
