"""Percentiles, mean and deviation of float32 voxels, to the bit as NumPy computes them, without a sorted copy.

In: a function that yields the voxels in blocks, as often as it is called. Out: the value of any rank, counted in two
passes: by the upper sixteen bits of each number, which order floats as they order integers, then by the lower sixteen
of those among which the rank lies. Sums are added up in the order in which NumPy adds.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

Blocks = Callable[[], Iterator[np.ndarray]]
"""Yields flat arrays of float32, finite or not, but no NaN."""

_SIGN = np.uint32(1 << 31)
_BUFFER = 8192
"""Numbers that NumPy converts at once where it sums in another type; it adds up the sums of these one by one."""
_LEAF = 1 << 17


class SortedFloats:
    """The voxels in ascending order, as far as it is needed; size: how many there are."""

    def __init__(self, blocks: Blocks):
        self._blocks = blocks
        counts = np.zeros(1 << 16, np.int64)
        for block in blocks():
            counts += np.bincount(_keys(block) >> np.uint32(16), minlength=1 << 16)
        self._below = np.cumsum(counts)
        self.size = int(self._below[-1])

    def at(self, ranks: Sequence[int]) -> list[np.float32]:
        """The values of these ranks, 0 for the smallest."""
        uppers = np.searchsorted(self._below, ranks, side="right")
        counts = {upper: np.zeros(1 << 16, np.int64) for upper in set(uppers.tolist())}
        for block in self._blocks():
            keys = _keys(block)
            for upper, found in counts.items():
                chosen = keys[keys >> np.uint32(16) == upper]
                if len(chosen):
                    found += np.bincount(chosen & np.uint32(0xFFFF), minlength=1 << 16)
        values = []
        for rank, upper in zip(ranks, uppers.tolist(), strict=True):
            before = int(self._below[upper - 1]) if upper else 0
            lower = int(np.searchsorted(np.cumsum(counts[upper]), rank - before, side="right"))
            values.append(_float(upper << 16 | lower))
        return values


def mean_and_deviation(blocks: Blocks) -> tuple[float, float]:
    """As `numpy.mean` and `numpy.std` of all voxels in one array, both with dtype=float64; 0 and 0 without voxels."""
    total, count = 0.0, 0
    for part in _regrouped(blocks(), _BUFFER):
        total, count = total + np.add.reduce(part.astype(np.float64)), count + len(part)
    if not count:
        return 0.0, 0.0
    mean = total / count
    return float(mean), math.sqrt(_pairwise(_Reader(blocks()), count, mean) / count)


def _keys(block: np.ndarray) -> np.ndarray:
    """Unsigned integers in the order of the floats."""
    bits = block.view(np.uint32)
    return bits ^ ((bits.view(np.int32) >> 31).view(np.uint32) | _SIGN)


def _float(key: int) -> np.float32:
    bits = key ^ (1 << 31 if key >> 31 else 0xFFFF_FFFF)
    return np.uint32(bits).view(np.float32)


def _regrouped(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same numbers in arrays of `size`, the last one shorter."""
    reader = _Reader(blocks)
    while len(part := reader.take(size)):
        yield part


class _Reader:
    """Takes so many numbers at once from blocks of other sizes."""

    def __init__(self, blocks: Iterator[np.ndarray]):
        self._blocks, self._left = blocks, np.empty(0, np.float32)

    def take(self, count: int) -> np.ndarray:
        parts, missing = [], count
        while missing:
            if not len(self._left):
                left = next(self._blocks, None)
                if left is None:
                    break
                self._left = left
            parts.append(self._left[:missing])
            self._left = self._left[missing:]
            missing -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [self._left])


def _pairwise(reader: _Reader, count: int, mean: float) -> float:
    """The sum of squared differences from the mean of the next `count` numbers, halved as NumPy halves its sums."""
    if count <= _LEAF:
        off = reader.take(count) - np.float64(mean)
        return float(np.add.reduce(off * off))
    half = count // 2 - count // 2 % 8
    return _pairwise(reader, half, mean) + _pairwise(reader, count - half, mean)
