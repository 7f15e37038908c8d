"""How slices are resized: which old samples each new one is made of, and by what weights.

In: shapes. Out: what the compiled loops (kernels.py) need, and room for them to work in. Made once a series.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOM_BYTES = 1 << 17
"""Of a slice that are read at once: little enough to stay in the processor's second cache."""


OpenFiles = tuple[NDArray[np.int32], NDArray[np.int64]]
"""By slice, the descriptor of its file and how many bytes lie before its pixels."""


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
        start, counts, total = _axis_counts(old, new)
        return Weights(start, (counts / total).astype(np.float32))
    centres = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    taps = min(2, old)
    start = np.clip(np.floor(centres).astype(np.int64), 0, old - taps)
    weights = np.clip(1 - np.abs(start[:, None] + np.arange(taps) - centres[:, None]), 0, None)
    return Weights(start.astype(np.uint64), weights.astype(np.float32))


def _axis_counts(old: int, new: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The weights of an axis that shrinks as whole numbers: `start` and, instead of `weights`, counts; and their sum.

    512 samples become 224 as 16 become 7: cut into 7 parts each, they make 16 parts for every new one.
    """
    divisor = math.gcd(old, new)
    total, parts = old // divisor, new // divisor
    begin = np.arange(new) * total
    first, last = begin // parts, -(-(begin + total) // parts)  # old samples of which a new one has some
    taps = int((last - first).max())
    wide = max(taps, 2) if taps <= 3 else -(-taps // 4) * 4
    taps = min(wide if wide <= old else taps, old)
    start = np.clip(first, 0, old - taps)
    cells = (start[:, None] + np.arange(taps)) * parts
    counts = np.minimum(begin[:, None] + total, cells + parts) - np.maximum(begin[:, None], cells)
    return start.astype(np.uint64), np.clip(counts, 0, None), total


class SlicePlan(NamedTuple):
    """What a slice of one shape needs to be resized to another; made once a series.

    down_start, down_weights, across_start, across_weights: `axis_weights` of rows and columns.
    brightest: pixels of 0 to this may be summed up as whole numbers; -1 where the sizes do not allow it. counts: uint16
    instead of down_weights then; count_weights: instead of across_weights, so that both make up for the counts' sum.

    lines (8, old columns) float32 or sums, uint16; woven (old columns, 8) and done (8, 8) float32 are room to work in:
    eight new rows while only their rows are averaged, the same column by column, and eight new columns of them.
    """

    down_start: np.ndarray
    down_weights: np.ndarray
    across_start: np.ndarray
    across_weights: np.ndarray
    brightest: int
    counts: np.ndarray
    count_weights: np.ndarray
    lines: np.ndarray
    sums: np.ndarray
    woven: np.ndarray
    done: np.ndarray


def slice_plan(old: tuple[int, int], new: tuple[int, int]) -> SlicePlan:
    """From slices of `old` (rows, columns) to `new`."""
    down, across = axis_weights(old[0], new[0]), axis_weights(old[1], new[1])
    brightest, counts, total = -1, np.zeros((0, 0), np.int64), 1
    if new[0] <= old[0] and min(new) >= 8 and old[1] >= 16 and old[1] % 2 == 0 and (
            across.weights.shape[1] in (2, 3) or across.weights.shape[1] % 4 == 0):
        _, counts, total = _axis_counts(old[0], new[0])
        if total & (total - 1) == 0 and (counts.shape[1] in (2, 3) or counts.shape[1] % 4 == 0):
            brightest = 0xFFFF // total
    room = (np.empty(shape, dtype) for shape, dtype in (((8, old[1]), np.float32), ((8, old[1]), np.uint16),
                                                        ((old[1], 8), np.float32), ((8, 8), np.float32)))
    return SlicePlan(*down, *across, brightest, counts.astype(np.uint16), across.weights / np.float32(total), *room)


def reading_room(plan: SlicePlan, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Room for the rows that eight new ones are made of, and more: what stays in the processor's second cache."""
    taps, start = plan.down_weights.shape[1], plan.down_start.astype(np.int64)
    span = int((start[7:] - start[:-7]).max()) + taps if len(start) > 8 else shape[0]
    bytes_a_row = shape[1] * dtype.itemsize
    rows = min(shape[0], max(span, ROOM_BYTES // bytes_a_row))
    return np.empty((rows + -(-64 // bytes_a_row), shape[1]), dtype)  # 64: where rows begin is chosen by the reader
