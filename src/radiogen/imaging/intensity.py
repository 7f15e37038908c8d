"""Intensities of a whole volume brought to one scale: MR units mean nothing between scanners.

In: voxels of one series. Out: float32 of the same shape, at once (`normalise`) or slice by slice (`normalised_slices`),
which takes no more memory than a slice. Never by slice, unless a function says so in its name: that makes every slice's
noise as bright as the brain. A series without contrast comes out as zeros. Percentiles of integer voxels come from a
histogram, to the bit those of np.percentile. Geometry first, intensities last: what a transform pads is 0, which is air
in scanner units and the middle of the head in z-scores.
"""

import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.types import FloatArray, FloatVoxels, IndexArray, Mask, Voxels
from radiogen.core.wording import parameter
from radiogen.imaging.slices import ComputedSlices, Slices
from radiogen.imaging.sorted_floats import SortedFloats, mean_and_deviation

Normalisation = Literal["min-max", "min-max slices", "percentile", "z-score", "none"]

_Number = float | np.floating

_BLOCK = 1 << 17
"""Voxels that are worked on at once, so that they stay in the processor's cache."""
_WIDEST_HISTOGRAM = 1 << 16


class Scaling(NamedTuple):
    """How voxels become float32: (voxel - shift) / divisor, what is not finite counted as 0.

    divisor: 0 makes all voxels 0. clipped: to 0..1. lowest: the smallest of the voxels that it was made for.
    """

    shift: np.float32
    divisor: np.float32
    clipped: bool
    lowest: float

    def __call__(self, voxels: Voxels) -> FloatVoxels:
        """The voxels on the new scale, float32 of the same shape."""
        out = np.empty(voxels.shape, np.float32)
        if not self.divisor > 0:
            out[...] = 0
            return out
        for source, target in zip(_blocks(voxels), _blocks(out), strict=True):
            np.subtract(finite_voxels(source), self.shift, out=target, dtype=np.float32)
            np.divide(target, self.divisor, out=target)
            if self.clipped:
                np.clip(target, 0, 1, out=target)
        return out


def normalise(voxels: Voxels, how: Normalisation) -> FloatVoxels:
    """The voxels on one scale, float32 of the same shape.

    min-max: (voxels - min) / (max - min) over the finite voxels of the volume, as in the report; others become 0.
    min-max slices: the same of every slice by itself, as the competition's winner did; blank slices are 0. A slice of
    mere noise becomes as bright as the brain: for recipes that follow the winner, and no others. Source:
    FirasBaba/rsna-resnet10, utils.py, load_dicom_image.
    percentile: as min-max between the 1st and the 99.5th percentile of the head's voxels, clipped to [0, 1], so that
    one bright vessel does not darken the rest.
    z-score: (voxels - mean) / standard deviation, both of the head's voxels alone. Air comes out below zero, about -1
    to -3. Neither end is fixed, so bytes cannot hold it: a cache needs float16, which keeps three decimal digits.
    Voxels that are not finite count as 0 before.
    none: bytes from 0..255 to [0, 1], other numbers in [0, 1] unchanged; for images whose values mean the same in
    every case: CT in a window of Hounsfield units, masks, distances. Raises UserError for other values.
    """
    if how == "min-max slices":
        return np.stack([min_max(each) for each in voxels]) if len(voxels) else np.zeros(voxels.shape, np.float32)
    return _SCALINGS[how](voxels)(voxels)


def normalised_slices(slices: Slices, how: Normalisation) -> tuple[ComputedSlices, np.float32]:
    """`normalise`, to the bit, slice by slice whenever one is read; and the smallest value of all."""
    if how == "min-max slices":
        return ComputedSlices(slices.shape, lambda number: min_max(slices[number])), np.float32(0)
    scaling = _SCALINGS[how](slices)
    lowest = scaling(np.array([scaling.lowest], np.float32))[0]  # a larger voxel never becomes a smaller value
    return ComputedSlices(slices.shape, lambda number: scaling(slices[number])), lowest


def min_max(voxels: Voxels) -> FloatVoxels:
    """(voxels - min) / (max - min) over the finite voxels of the volume; others become 0."""
    return _min_max(voxels)(voxels)


def head_mask(voxels: Voxels) -> Mask:
    """Where the head is: voxels brighter than a tenth of the way from the minimum to the 99th percentile."""
    return voxels > head_threshold(voxels)


def head_threshold(voxels: Voxels) -> float:
    """Voxels brighter than this are the head's; a whole number for integers, which compare without a conversion then.

    NaN, which no voxel exceeds, where a voxel is NaN.
    """
    if voxels.dtype == np.float32 and voxels.size:
        if any(np.isnan(block).any() for block in _blocks(voxels)):
            return math.nan
        return _float_threshold(SortedFloats(lambda: _blocks(voxels)), float(voxels.min()))
    counted = _histogram(voxels) if voxels.dtype.kind in "iu" else None
    if counted is not None:
        return math.floor(_counted_threshold(*counted))
    bottom = float(voxels.min(initial=0))
    return _tenth(bottom, float(np.percentile(voxels, 99)) if voxels.size else bottom)


def percentile(levels: FloatArray | FloatVoxels, counts: IndexArray, percent: float) -> _Number:
    """Percentile, by linear interpolation, of a sample that has each of `levels` (ascending) `counts` times.

    To the bit what np.percentile returns for the whole sample, in the type in which it counts: that of `levels` where
    `percent` is a Python float, float64 where it is np.float64. `counts` must not be all 0.
    """
    below = np.cumsum(counts)
    first, after, share = _ranks(int(below[-1]), percent)
    before, behind = levels[np.searchsorted(below, [first, after], side="right")]
    return _interpolated(before, behind, share)


def finite_voxels(voxels: Voxels) -> Voxels:
    """Integers of up to 16 bits as they are, all else as float32 with 0 for what is not finite."""
    voxels = np.asarray(voxels)
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize <= 2:
        return voxels
    values = np.asarray(voxels, dtype=np.float32)
    finite = all(np.isfinite(block).all() for block in _blocks(values))
    return values if finite else np.nan_to_num(values, nan=0, posinf=0, neginf=0)


def _min_max(slices: Slices) -> Scaling:
    lowest, highest = _extremes(slices)
    return _between(lowest, highest, lowest)


def _percentile_clip(slices: Slices, low: float = 1, high: float = 99.5) -> Scaling:
    lowest, highest = _extremes(slices)
    if _has_floats(slices):
        bounds = _bounds_of_floats(slices, lowest, low, high)
    else:
        bounds = _bounds_of_integers(slices, low, high)
    if bounds is None:
        return _between(lowest, highest, lowest)
    bottom, top = (float(each) for each in bounds)
    return _between(min(bottom, lowest) if lowest >= 0 else bottom, top, lowest)


def _bounds_of_integers(slices: Slices, low: float, high: float) -> list[_Number] | None:
    counted = _histogram(slices)
    if counted is None:
        return None
    levels, counts = counted[0].astype(np.float32), counted[1]
    counts = np.where(levels > _counted_threshold(levels, counts), counts, 0)
    return [percentile(levels, counts, np.float64(each)) for each in (low, high)] if counts.any() else None


def _bounds_of_floats(slices: Slices, lowest: float, low: float, high: float) -> list[_Number] | None:
    voxels = SortedFloats(lambda: _finite_blocks(slices))
    threshold = _float_threshold(voxels, lowest)
    count = sum(int(np.count_nonzero(block > threshold)) for block in _finite_blocks(slices))
    if not count:
        return None
    places = [_ranks(count, np.float64(each)) for each in (low, high)]
    air = voxels.size - count  # the head's are the last in the order
    found = voxels.at([air + rank for first, after, _ in places for rank in (first, after)])
    return [_interpolated(before, behind, share)
            for before, behind, (_, _, share) in zip(found[::2], found[1::2], places, strict=True)]


def _z_score(slices: Slices) -> Scaling:
    lowest, _ = _extremes(slices)
    counted = None if _has_floats(slices) else _histogram(slices)
    if counted is not None:
        levels, counts = counted[0].astype(np.float64), counted[1]
        counts = np.where(levels > _counted_threshold(*counted), counts, 0)
        total = max(int(counts.sum()), 1)
        mean = (levels * counts).sum() / total
        deviation = math.sqrt(((levels - mean) ** 2 * counts).sum() / total)
    elif 0 in slices.shape:
        mean = deviation = 0.0
    else:
        threshold = _float_threshold(SortedFloats(lambda: _finite_blocks(slices)), lowest)
        mean, deviation = mean_and_deviation(lambda: (block[block > threshold] for block in _finite_blocks(slices)))
    return Scaling(np.float32(mean), np.float32(deviation if deviation > 0 else 0), False, lowest)


def _unchanged(slices: Slices) -> Scaling:
    first = next(_all_blocks(slices), None)
    if first is not None and first.dtype == np.uint8:
        return _between(0.0, 255.0, _extremes(slices)[0])
    lowest = highest = 0.0
    for number, block in enumerate(_all_blocks(slices)):
        low, high = float(block.min()), float(block.max())
        lowest, highest = (low, high) if not number else (np.minimum(lowest, low), np.maximum(highest, high))
    if not (lowest >= 0 and highest <= 1):  # NaN, too
        raise UserError(parameter("normalisation", "none"), f"has values from {lowest:g} to {highest:g}",
                        f"bring them to 0..1 or to bytes, or choose another {parameter('normalisation')} than none")
    return Scaling(np.float32(0), np.float32(1), False, float(lowest))


_SCALINGS: dict[str, Callable[[Slices], Scaling]] = {
    "min-max": _min_max, "percentile": _percentile_clip, "z-score": _z_score, "none": _unchanged}


def _extremes(slices: Slices) -> tuple[float, float]:
    """Smallest and largest finite voxel as float32; 0 and 0 without any."""
    lowest, highest = math.inf, -math.inf
    for block in _finite_blocks(slices):
        lowest, highest = min(lowest, float(block.min())), max(highest, float(block.max()))
    return (float(np.float32(lowest)), float(np.float32(highest))) if lowest <= highest else (0.0, 0.0)


def _has_floats(slices: Slices) -> bool:
    """Whether `finite_voxels` makes floats of them."""
    block = next(_all_blocks(slices), None)
    return block is not None and finite_voxels(block[:1]).dtype == np.float32


def _histogram(slices: Slices) -> tuple[FloatArray, IndexArray] | None:
    """Of integers, every value from the smallest to the largest as float64, and its count; None: too many to count."""
    ends = [(int(block.min()), int(block.max())) for block in _all_blocks(slices)]
    if not ends:
        return None
    lowest, highest = min(low for low, _ in ends), max(high for _, high in ends)
    if highest - lowest >= _WIDEST_HISTOGRAM:
        return None
    counts = np.zeros(highest - lowest + 1, np.int64)
    for block in _all_blocks(slices):
        counts += np.bincount(block.astype(np.intp) - lowest, minlength=len(counts))
    return np.arange(lowest, highest + 1, dtype=np.float64), counts


def _counted_threshold(levels: FloatArray | FloatVoxels, counts: IndexArray) -> float:
    return _tenth(min(float(levels[0]), 0.0), float(percentile(levels, counts, 99.0)))


def _float_threshold(voxels: SortedFloats, lowest: float) -> float:
    first, after, share = _ranks(voxels.size, 99.0)
    before, behind = voxels.at([first, after])
    return _tenth(min(lowest, 0.0), float(_interpolated(before, behind, share)))


def _ranks(count: int, percent: float) -> tuple[int, int, float]:
    """Between which two of `count` values in ascending order a percentile lies, and how far from the first."""
    place = (count - 1) * (percent / 100)
    first = math.floor(place)
    return first, min(first + 1, count - 1), place - first


def _interpolated(before: _Number, after: _Number, share: float) -> _Number:
    """As NumPy rounds it."""
    step = after - before
    return after - step * (1 - share) if share >= 0.5 else before + step * share


def _tenth(bottom: float, top: float) -> float:
    return bottom + 0.1 * (top - bottom)


def _between(bottom: float, top: float, lowest: float) -> Scaling:
    """`bottom` becomes 0, `top` 1."""
    return Scaling(np.float32(bottom), np.float32(top - bottom if top > bottom else 0), True, lowest)


def _finite_blocks(slices: Slices) -> Iterator[Voxels]:
    return map(finite_voxels, _all_blocks(slices))


def _all_blocks(slices: Slices) -> Iterator[Voxels]:
    """All voxels as flat arrays of one block at most."""
    if isinstance(slices, np.ndarray):
        return _blocks(slices)
    return (block for each in slices for block in _blocks(each))


def _blocks(values: Voxels) -> Iterator[Voxels]:
    flat = values.reshape(-1)
    return (flat[start:start + _BLOCK] for start in range(0, flat.size, _BLOCK))
