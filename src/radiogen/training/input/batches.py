"""Cached arrays become batches, as a Keras PyDataset that reads just the images it needs.

In: a recipe, a cache folder with its index, cases with labels. Out: (inputs, labels) where an input is a slice as RGB,
a section of a cube, one sequence's cube, or all sequences as channels of one. The order and the augmentation follow
from (seed, fold, epoch, case) alone, so a resumed run sees the same images. Nothing of a case stays in memory.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from radiogen.arrays.cache import Layout, array_layout, read_blocks
from radiogen.core.errors import UserError
from radiogen.dataset.labels import ID, LABEL
from radiogen.imaging.cubes import middle_slices
from radiogen.networks.backend import keras
from radiogen.networks.residual import build_network
from radiogen.training.execution.devices import Share
from radiogen.training.input.augmentation import augment, channels_last, make_augmentation
from radiogen.training.input.balance import drawn
from radiogen.training.recipe.recipes import Recipe

INPUT_COLUMNS = (ID, "sequence", "slice", "position")


def list_inputs(recipe: Recipe, index: pd.DataFrame, cases: Sequence[str]) -> pd.DataFrame:
    """One row an input of the network, in the cases' order: `BraTS21ID, sequence, slice, position`.

    position is the input's place among the case's images, one behind the other: slices, sections or cubes; in joined
    slices that of the first sequence's; -1 for the whole array.
    """
    counts = index.set_index(ID)["slices"]
    middle = middle_slices(recipe.size, recipe.slices_per_series or recipe.size)
    rows = []
    for case in cases:
        if recipe.rank == 2 and recipe.joined:
            rows += [(case, "+".join(recipe.sequences), int(number), int(number)) for number in middle]
        elif recipe.sections:
            rows += [(case, name, int(number), place * recipe.size + int(number))
                     for place, name in enumerate(recipe.sequences) for number in middle]
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
    """Channels of an input: the sequences of a joined one, 3 for a slice (grey thrice), 1 for a cube or its section."""
    if recipe.joined:
        return len(recipe.sequences)
    return 3 if recipe.rank == 2 and not recipe.sections else 1


def recipe_network(recipe: Recipe) -> keras.Model:
    """The recipe's network, for the inputs that `Batches` gives."""
    scale = "imagenet z-score" if recipe.normalisation == "z-score" else "imagenet"
    return build_network(recipe.network, recipe.rank, recipe.size, channels(recipe), recipe.width, recipe.stem_width,
                         recipe.pooling, depth=recipe.depth, stem_stride=recipe.stem_stride, outputs=recipe.outputs,
                         scale=scale if recipe.weights else "centre")


class Batches(keras.utils.PyDataset):
    """Batches of at most `recipe.memory_batch` and `recipe.batch_size` inputs, as even in size as can be.

    inputs: from `list_inputs`; labels: int per input, or None for prediction, which keeps the order and every image.
    mirror: axes of a batch to turn round (`augmentation.mirrors`). weights: how often a training epoch draws each input
    (`balance.drawn`); None: once. share: the part of each batch that is wanted here. expected: by case the SHA-256 of
    its array's file; another is refused, when it is first read and whenever it was replaced.
    Yields float32 (batch, [slice,] row, column, channels), in [0, 1] but for z-scores, and with labels float32 (batch,
    2) one-hot or, with one output, (batch, 1).
    """

    def __init__(self, recipe: Recipe, folder: Path, inputs: pd.DataFrame, labels: np.ndarray | None = None, *,
                 training: bool = False, fold: int = 0, mirror: tuple[int, ...] = (),
                 weights: np.ndarray | None = None, expected: Mapping[str, str] = MappingProxyType({})):
        super().__init__(workers=1)
        self.recipe, self.folder, self.inputs, self.labels = recipe, Path(folder), inputs, labels
        self.training, self.fold, self.mirror, self.share, self.weights = training, fold, mirror, Share(), weights
        self.expected = dict(expected)
        self.augmentation = make_augmentation(recipe) if training else None
        self._cases, self._positions = inputs[ID].to_numpy(object), inputs["position"].to_numpy(int)
        self._layouts: dict[str, Layout] = {}
        self.begin(0)

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return -(-len(self._order) // min(self.recipe.memory_batch, self.recipe.batch_size))

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray] | tuple[np.ndarray]:
        copies, rows = np.divmod(self.share.of(self._order, self.num_batches, number), len(self.inputs))
        batch = None
        for place, (row, copy) in enumerate(zip(rows, copies, strict=True)):
            image = self._image(row, copy)
            if batch is None:
                batch = np.empty((len(rows), *image.shape[:-1], channels(self.recipe)), np.float32)
            scale = np.float32(255 if image.dtype == np.uint8 else 1)
            np.divide(image, scale, out=batch[place])  # a slice's one grey goes into all of its channels
        if self.mirror:
            batch = np.ascontiguousarray(np.flip(batch, self.mirror))
        return (batch,) if self.labels is None else (batch, self._truth(rows))

    def begin(self, epoch: int) -> None:
        """Take the order and the images of this epoch. Called by a callback: Keras counts epochs differently."""
        self.epoch, self._order = epoch, np.arange(len(self.inputs))
        if self.training:
            random = np.random.default_rng((self.recipe.seed, self.fold, epoch))
            if self.weights is not None:
                self._order = drawn(self.weights, random)
            random.shuffle(self._order)
        if self.training and self.recipe.drop_last:  # others are left out in the next epoch
            whole = len(self._order) // self.recipe.batch_size * self.recipe.batch_size
            self._order = self._order[:whole or None]

    def _truth(self, rows: np.ndarray) -> np.ndarray:
        if self.recipe.outputs == 1:
            return self.labels[rows, None].astype(np.float32)
        return np.eye(2, dtype=np.float32)[self.labels[rows]]

    def _image(self, row: int, copy: int = 0) -> np.ndarray:
        """One input, (..., channels), or (..., 1) where all are alike: bytes, or float32 from half floats.

        copy: how many times it came before in this epoch, for each is changed in its own way.
        """
        recipe, case, position = self.recipe, self._cases[row], self._positions[row]
        layout, blocks = self._layout(case), [max(position, 0)]
        if recipe.joined:
            step = recipe.size if recipe.rank == 2 else 1
            blocks = [blocks[0] + step * place for place in range(len(recipe.sequences))]
        planes = read_blocks(self.folder, case, layout, blocks, recipe.rank)
        if planes.dtype != np.uint8:
            planes = planes.astype(np.float32)
        if self.augmentation is None:
            return channels_last(planes)
        seed = (recipe.seed, self.fold, self.epoch, int(case), blocks[0])
        return augment(self.augmentation, recipe, planes, (*seed, int(copy)) if copy else seed)

    def _layout(self, case: str) -> Layout:
        """Raises UserError where the case's array holds other images than the recipe's."""
        if case not in self._layouts:
            layout, recipe = array_layout(self.folder, case, self.expected.get(case, "")), self.recipe
            image = (recipe.size,) * 2 if recipe.rank == 2 else (recipe.depth or recipe.size, recipe.size, recipe.size)
            if layout.shape[-recipe.rank:] != image or layout.dtype != recipe.array_dtype:
                raise UserError(self.folder / f"{case}.npy", f"holds {layout.dtype} {layout.shape}, not images of "
                                f"{recipe.array_dtype} {image}", "delete it and run scripts/preprocess.py again")
            self._layouts[case] = layout
        return self._layouts[case]


def label_inputs(inputs: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """The case's label for each input, int."""
    return inputs[ID].map(labels.set_index(ID)[LABEL]).to_numpy(int)
