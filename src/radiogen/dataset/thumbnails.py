"""A series as a thumbnail in text, by which copies are found that were moved, mirrored, turned or cut.

In: 12 x 24 x 24 averages of a series (slice, row, column). Out: a character for each, and back. It follows the 64
digits of a perceptual hash after a dot; hashes of earlier versions have none.
"""

import numpy as np
from numpy.typing import NDArray

from radiogen.core.types import FloatVoxels, IndexArray

SHAPE = (12, 24, 24)
DIGITS = 64
"""Of the perceptual hash before the thumbnail."""
LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SLICES, _BRIGHT = 32, 99.5


def thumbnail_slices(slices: int) -> IndexArray:
    """Indices of the slices that a thumbnail is made of: at most 32, evenly over all of them."""
    count = min(slices, _SLICES)
    return np.floor((np.arange(count) + 0.5) * slices / count).astype(int)


def with_thumbnail(digits: str, averages: FloatVoxels) -> str:
    """The perceptual hash with a thumbnail; averages: of `SHAPE`, in any unit; the brightest 0.5 % are one level."""
    low, high = float(averages.min()), float(np.percentile(averages, _BRIGHT))
    share = np.clip((averages - low) / max(high - low, 1e-12), 0.0, 1.0)
    levels = np.frombuffer(LEVELS.encode(), np.uint8)[np.rint(share * (len(LEVELS) - 1)).astype(int)]
    return f"{digits}.{levels.tobytes().decode()}"


def thumbnail_of(mark: str) -> NDArray[np.float32] | None:
    """The thumbnail in a perceptual hash, `SHAPE`, levels from 0 to 63; None where it has none."""
    text = mark[DIGITS + 1:]
    if mark[DIGITS:DIGITS + 1] != "." or len(text) != int(np.prod(SHAPE)):
        return None
    levels = np.full(256, -1, np.int16)
    levels[np.frombuffer(LEVELS.encode(), np.uint8)] = np.arange(len(LEVELS))
    values = levels[np.frombuffer(text.encode(errors="replace"), np.uint8)[:len(text)]]
    return None if (values < 0).any() else values.reshape(SHAPE).astype(np.float32)
