"""How slices are resized: which old samples each new one is made of, and by what weights.

In: shapes. Out: what the compiled loops (kernels.py) need, and room for them to work in. Made once a series.
"""

import functools
from typing import NamedTuple

import numpy as np

ROOM_BYTES = 1 << 17
"""Of a slice that are read at once: little enough to stay in the processor's second cache."""


class Weights(NamedTuple):
    """How an axis of `old` samples becomes `new` ones: sample i is the sum of weights[i, k] * old[start[i] + k].

    start: (new,) uint64. weights: (new, taps) float32, rows sum to 1; taps are 2, 3 or, with zeros, a multiple of 4,
    unless the axis is shorter than that.
    """

    start: np.ndarray
    weights: np.ndarray


@functools.lru_cache(maxsize=256)
def axis_weights(old: int, new: int) -> Weights:
    """Both ends of the axis keep their place: sample i covers [i, i + 1) / count of the same length.

    Shrinking weighs each old sample by the part of it that the new one covers, so nothing aliases; growing
    interpolates linearly between the centres. Kept, as the series of a data set have few lengths: not to be changed.
    """
    if new <= old:
        edges = np.arange(new + 1) * (old / new)
        taps = int((np.ceil(edges[1:] - 1e-9) - np.floor(edges[:-1] + 1e-9)).max())
        first = np.floor(edges[:-1] + 1e-9).astype(np.int64)
    else:
        centres = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
        taps, first = 2, np.floor(centres).astype(np.int64)
    wide = max(taps, 2) if taps <= 3 else -(-taps // 4) * 4
    taps = min(wide if wide <= old else taps, old)
    start = np.clip(first, 0, old - taps)
    cells = start[:, None] + np.arange(taps)
    if new <= old:
        covered = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        weights = np.clip(covered, 0, None) * (new / old)
    else:
        weights = np.clip(1 - np.abs(cells - centres[:, None]), 0, None)
    return Weights(start.astype(np.uint64), weights.astype(np.float32))


class SlicePlan(NamedTuple):
    """What a slice of one shape needs to be resized to another; made once a series.

    lines (8, old columns), woven (old columns, 8) and done (8, 8) are room to work in: eight new rows while only their
    rows are averaged, the same column by column, and eight new columns of them.
    """

    down_start: np.ndarray
    down_weights: np.ndarray
    across_start: np.ndarray
    across_weights: np.ndarray
    lines: np.ndarray
    woven: np.ndarray
    done: np.ndarray


def slice_plan(old: tuple[int, int], new: tuple[int, int]) -> SlicePlan:
    """From slices of `old` (rows, columns) to `new`."""
    return SlicePlan(*axis_weights(old[0], new[0]), *axis_weights(old[1], new[1]), *(
        np.empty(shape, np.float32) for shape in ((8, old[1]), (old[1], 8), (8, 8))))


def reading_room(plan: SlicePlan, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Room for the rows that eight new ones are made of, and more: what stays in the processor's second cache."""
    taps, start = plan.down_weights.shape[1], plan.down_start.astype(np.int64)
    span = int((start[7:] - start[:-7]).max()) + taps if len(start) > 8 else shape[0]
    return np.empty((min(shape[0], max(span, ROOM_BYTES // (shape[1] * dtype.itemsize))), shape[1]), dtype)
