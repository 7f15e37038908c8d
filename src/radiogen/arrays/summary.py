"""What a case's array looks like in a few hundred numbers: coarse images, spread of the values, roughness.

In: an array as the cache keeps it. Out: a vector by sequence, by which a case can be compared with others. It knows
nothing of labels; what is far from all training cases here, no network of the run has learnt anything about.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from radiogen.core.types import FloatArray, Voxels

BLOCKS = 5
"""Blocks along each axis of the coarse image."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SUMMARY_SIZE = BLOCKS ** 3 + len(QUANTILES) + 2


def array_summary(array: Voxels, slices: str, sequences: Sequence[str]) -> FloatArray:
    """(sequences, `SUMMARY_SIZE`) float64; a sequence without slices is NaN.

    array: cubes (sequences, slice, row, column), or slices of all sequences, (slices, row, column), as the index's
    cell `slices` counts them (`FLAIR:24 T1w:160`). Bytes are divided by 255, all else is taken as it is.
    """
    stacks = _stacks(array, slices, sequences)
    return np.stack([_summary(stacks[name]) if name in stacks else np.full(SUMMARY_SIZE, np.nan) for name in sequences])


def _stacks(array: Voxels, slices: str, sequences: Sequence[str]) -> Mapping[str, Voxels]:
    if not slices:
        return dict(zip(sequences, array, strict=False))  # a mask may be a further channel
    stacks, first = {}, 0
    for part in slices.split():
        name, many = part.split(":")
        stacks[name] = array[first:first + int(many)]
        first += int(many)
    return {name: stack for name, stack in stacks.items() if len(stack)}


def _summary(stack: Voxels) -> FloatArray:
    values = stack.astype(np.float64) / (255 if stack.dtype == np.uint8 else 1)
    coarse = values
    for axis in range(3):
        edges = np.linspace(0, coarse.shape[axis], BLOCKS + 1).astype(int)[:-1]
        widths = np.maximum(np.diff([*edges, coarse.shape[axis]]), 1)
        coarse = np.add.reduceat(coarse, edges, axis=axis) / np.expand_dims(widths, tuple({0, 1, 2} - {axis}))
    steps = np.mean([np.abs(np.diff(values, axis=axis)).mean() for axis in (1, 2)])
    return np.concatenate([coarse.ravel(), np.quantile(values, QUANTILES), [values.std(), steps]])
