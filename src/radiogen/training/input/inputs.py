"""Cached arrays become batches that read only the images they need; nothing here loads Keras.

In: a recipe, a cache folder with its index, cases with labels. Out: (inputs, labels) where an input is a slice as RGB,
a slice of a cube, one sequence's cube, or all sequences (and the mask) as channels of one. The order and the
augmentation follow from (seed, fold, epoch, case) alone, so a resumed run sees the same images. No image stays in
memory.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from radiogen.arrays.stored_arrays import Layout, array_layout, read_blocks
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.imaging.compiled.draws import seed_words
from radiogen.imaging.cubes import middle_slices
from radiogen.task import ID, LABEL
from radiogen.training.execution.devices import Share
from radiogen.training.input.augmentation import augment, channels_last, make_augmentation, varies
from radiogen.training.input.balance import drawn
from radiogen.training.input.one_pass import draw_changes, no_changes, write_images
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.settings import DataSettings

INPUT_COLUMNS = (ID, "sequence", "slice", "position")


def list_inputs(data: DataSettings, index: pd.DataFrame, cases: Sequence[str]) -> pd.DataFrame:
    """One row an input of the network, in the cases' order: `ID, sequence, slice, position`.

    position is the input's index among the case's images, slices or cubes; where sequences are channels of slices that
    of the first sequence's slice; -1 for the whole array.
    """
    counts = index.set_index(ID)["slices"]
    middle = middle_slices(data.size, data.slices_per_series or data.size)
    rows: list[tuple[str, str, int | str, int]] = []
    for case in cases:
        if data.rank == 2 and data.sequences_as_channels:
            rows += [(case, "+".join(data.sequences), int(number), int(number)) for number in middle]
        elif data.cube_slices:
            rows += [(case, name, int(number), place * data.size + int(number))
                     for place, name in enumerate(data.sequences) for number in middle]
        elif data.rank == 2:
            names = [(name, number) for part in counts[case].split() for name, many in [part.split(":")]
                     for number in range(int(many))]
            rows += [(case, name, number, position) for position, (name, number) in enumerate(names)]
        elif data.sequences_as_channels or len(data.sequences) == 1:
            rows.append((case, "+".join(data.sequences), "", -1))
        else:
            rows += [(case, name, "", place) for place, name in enumerate(data.sequences)]
    return pd.DataFrame(rows, columns=INPUT_COLUMNS)


class CachedImages:
    """The images of a cache folder's arrays, read without the rest of the array.

    data: the inputs that the arrays have to fit. expected: by case the SHA-256 of its array's file; another is refused,
    when it is first read and whenever it was replaced.
    """

    def __init__(self, folder: Path, data: DataSettings, expected: Mapping[str, str] = MappingProxyType({})):
        self.folder, self.data, self.expected = Path(folder), data, dict(expected)
        self._folder, self._layouts = str(folder), dict[str, Layout]()  # a Path takes time to become a text
        step = data.size if data.rank == 2 else 1
        self._steps = [step * place for place in range(data.channels)] if data.sequences_as_channels else [0]

    @property
    def planes(self) -> int:
        """Channels of an image as it is read: 1 where a grey slice fills all channels of an input."""
        return len(self._steps)

    def read(self, case: str, position: int, out: np.ndarray | None = None) -> np.ndarray:
        """The image at this place of `list_inputs`, (channel, [slice,] row, column), as the array has it.

        out: where it goes. Raises UserError where the case's array has other images than those of `data`.
        """
        first, layout = max(position, 0), self._layouts.get(case) or self._layout(case)
        return read_blocks(self._folder, case, layout, [first + step for step in self._steps], self.data.rank, out)

    def _layout(self, case: str) -> Layout:
        layout, data = array_layout(self.folder, case, self.expected.get(case, "")), self.data
        if layout.shape[-data.rank:] != data.image_shape or layout.dtype != data.array_dtype:
            raise UserError(self.folder / f"{case}.npy", f"has {layout.dtype} {layout.shape}, not images of "
                            f"{data.array_dtype} {data.image_shape}",
                            f"delete it and run {command('preprocess')} again")
        self._layouts[case] = layout
        return layout


@dataclass(frozen=True)
class Sampling:
    """Random order and augmentation, for training.

    fold: a part of the seed. weights: how often an epoch draws each input on average (`balance.drawn`), float64
    (inputs,); None: once.
    """

    fold: int = 0
    weights: np.ndarray | None = None


class InputBatches:
    """Batches of at most `micro_batch_size` and `batch_size` inputs, as even in size as possible.

    images, inputs: from `CachedImages` and `list_inputs`; labels: int per input, or None for prediction. sampling: for
    training; None keeps order and images. flip: axes of a batch to flip (`augmentation.tta_flips`). share: the part of
    each batch that this process feeds.
    Yields float32 (batch, [slice,] row, column, channels), in [0, 1] but for z-scores, and with labels float32 (batch,
    2) one-hot or, with one output, (batch, 1).
    """

    def __init__(self, recipe: Recipe, images: CachedImages, inputs: pd.DataFrame, labels: np.ndarray | None = None, *,
                 sampling: Sampling | None = None, flip: tuple[int, ...] = (), share: Share = Share()):
        self.recipe, self.images, self.inputs, self.labels = recipe, images, inputs, labels
        self.sampling, self.flip, self.share = sampling, flip, share
        self._cases, self._positions = inputs[ID].tolist(), inputs["position"].astype(int).tolist()
        self._bytes, self.augmentation = recipe.data.array_dtype == "uint8", None
        if sampling and varies(recipe.augmentation):
            self._words, self._lengths = self._words_of_inputs()
            if not self._bytes:  # albumentations takes a second to import
                self.augmentation = make_augmentation(recipe.augmentation, recipe.data)
        self.begin(0)

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        steps = self.recipe.optimisation
        return -(-len(self._order) // min(steps.micro_batch_size, steps.batch_size))

    @property
    def weights(self) -> np.ndarray | None:
        """How often an epoch draws each input on average, float64 (inputs,); None: once."""
        return None if self.sampling is None else self.sampling.weights

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray] | tuple[np.ndarray]:
        copies, rows = np.divmod(self.share.of(self._order, self.num_batches, number), len(self._cases))
        batch = np.empty((len(rows), *self.recipe.data.input_shape), np.float32)
        if self._bytes:
            self._write_bytes(batch, rows, copies)
        else:
            self._write_floats(batch, rows, copies)
        if self.flip:
            batch = np.ascontiguousarray(np.flip(batch, self.flip))
        return (batch,) if self.labels is None else (batch, self._truth(rows))

    def images_alone(self) -> Iterator[np.ndarray]:
        """The inputs of each batch in turn, without labels."""
        return (self[number][0] for number in range(self.num_batches))

    def begin(self, epoch: int) -> None:
        """Set the order and the augmentation of this epoch. Called by a callback: Keras counts epochs differently."""
        self.epoch, self._order = epoch, np.arange(len(self.inputs))
        if self.sampling is None:
            return
        random = np.random.default_rng((self.recipe.seed, self.sampling.fold, epoch))
        if self.sampling.weights is not None:
            self._order = drawn(self.sampling.weights, random)
        random.shuffle(self._order)
        steps = self.recipe.optimisation
        if steps.drop_last:  # others are left out in the next epoch
            self._order = self._order[:len(self._order) // steps.batch_size * steps.batch_size or None]

    def _truth(self, rows: np.ndarray) -> np.ndarray:
        assert self.labels is not None
        if self.recipe.network.outputs == 1:
            return self.labels[rows, None].astype(np.float32)
        return np.eye(2, dtype=np.float32)[self.labels[rows]]

    def _write_bytes(self, batch: np.ndarray, rows: np.ndarray, copies: np.ndarray) -> None:
        """These inputs into `batch`; a grey slice fills all of its channels."""
        data = self.recipe.data
        planes = np.empty((len(rows), self.images.planes, *data.image_shape), np.uint8)
        for row, out in zip(rows.tolist(), planes, strict=True):
            self.images.read(self._cases[row], self._positions[row], out)
        changes = no_changes(len(rows))
        if self.sampling is not None and varies(self.recipe.augmentation):
            changes = draw_changes(self.recipe.augmentation, data, *self._seeds(rows, copies))
        write_images(batch, planes, changes, data.mask_channel)

    def _write_floats(self, batch: np.ndarray, rows: np.ndarray, copies: np.ndarray) -> None:
        """These inputs, half floats, into `batch`; a grey slice fills all of its channels."""
        for out, row, copy in zip(batch, rows.tolist(), copies.tolist(), strict=True):
            planes = self.images.read(self._cases[row], self._positions[row]).astype(np.float32)
            if self.augmentation is None:
                out[...] = channels_last(planes)
                continue
            words, lengths = self._seeds(np.array([row]), np.array([copy]))
            out[...] = augment(self.augmentation, self.recipe.augmentation, self.recipe.data, planes,
                               tuple(words[0, :lengths[0]].tolist()))

    def _seeds(self, rows: np.ndarray, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The seed of each input's augmentation: words uint32 (rows, words), and how many there are of each.

        copies: how many times each came before in this epoch; each copy has an augmentation of its own.
        """
        assert self.sampling is not None
        first = seed_words((self.recipe.seed, self.sampling.fold, self.epoch))
        words = np.zeros((len(rows), len(first) + self._words.shape[1] + 1), np.uint32)
        words[:, :len(first)], words[:, len(first):-1] = first, self._words[rows]
        lengths = len(first) + self._lengths[rows]
        words[np.arange(len(rows)), lengths] = copies
        return words, lengths + (copies > 0)

    def _words_of_inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """What case and position add to the seed of each input: words uint32 (inputs, words), and how many."""
        cases = {case: seed_words([_number(case)]) for case in set(self._cases)}
        words = [[*cases[case], max(position, 0)]
                 for case, position in zip(self._cases, self._positions, strict=True)]
        lengths = np.array([len(each) for each in words], np.int64)
        table = np.zeros((len(words), max(lengths, default=0)), np.uint32)
        for row, each in zip(table, words, strict=True):
            row[:len(each)] = each
        return table, lengths


def _number(case: str) -> int:
    """A number that belongs to an id, for seeds alone: itself where it is one, else a hash of its text."""
    if case.isascii() and case.isdigit():
        return int(case)
    return int.from_bytes(hashlib.sha256(case.encode()).digest()[:8])


def label_inputs(inputs: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """The case's label for each input, int."""
    return inputs[ID].map(labels.set_index(ID)[LABEL]).to_numpy(int)
