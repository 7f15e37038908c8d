"""Intensities of a whole volume brought to one scale: MR units mean nothing between scanners.

In: voxels of one series. Out: float32 of the same shape. Never slice by slice, unless a function says so in its name:
that makes every slice's noise as bright as the brain. A series without contrast comes out as zeros. Percentiles of
integer voxels come from a histogram, to the bit those of np.percentile. Geometry first, intensities last: what a
transform pads is 0, which is air in scanner units and the middle of the head in z-scores.
"""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np

from radiogen.errors import UserError

Normalisation = Literal["min-max", "min-max slices", "percentile", "z-score", "none"]

_BLOCK = 1 << 17
"""Voxels that are worked on at once, so that they stay in the processor's cache."""
_WIDEST_HISTOGRAM = 1 << 16


def normalise(voxels: np.ndarray, how: Normalisation) -> np.ndarray:
    """To [0, 1] by `min-max` of the volume (the report's) or of each slice, or `percentile`; or `z-score`; float32.

    `none` takes what is on one scale already. Raises UserError where it is not.
    """
    return {"min-max": min_max, "min-max slices": min_max_each_slice, "percentile": percentile_clip,
            "z-score": z_score, "none": as_they_are}[how](voxels)


def min_max(voxels: np.ndarray) -> np.ndarray:
    """(voxels - min) / (max - min) over the finite voxels of the volume; others become 0."""
    finite = finite_voxels(voxels)
    if finite.size == 0:
        return np.zeros(finite.shape, np.float32)
    return _scale(finite, float(np.float32(finite.min())), float(np.float32(finite.max())))


def min_max_each_slice(voxels: np.ndarray) -> np.ndarray:
    """`min_max` of every slice (slice, row, column) by itself, as the competition's winner did; blank slices are 0.

    A slice of mere noise becomes as bright as the brain: for recipes that follow the winner, and no others.
    Source: FirasBaba/rsna-resnet10, utils.py, load_dicom_image.
    """
    return np.stack([min_max(each) for each in voxels]) if len(voxels) else np.zeros(voxels.shape, np.float32)


def percentile_clip(voxels: np.ndarray, low: float = 1, high: float = 99.5) -> np.ndarray:
    """As `min_max` between two percentiles of the head's voxels, so that one bright vessel does not darken the rest."""
    finite = finite_voxels(voxels)
    counted = _histogram(finite)
    if counted is None:
        head = finite[head_mask(finite)]
        bounds = np.percentile(head, [low, high]) if head.size else None
    else:
        levels, counts = counted[0].astype(np.float32), counted[1]
        counts = np.where(levels > _head_threshold(levels, counts), counts, 0)
        bounds = [percentile(levels, counts, np.float64(each)) for each in (low, high)] if counts.any() else None
    if bounds is None:
        return min_max(voxels)
    bottom, top = (float(each) for each in bounds)
    return _scale(finite, min(bottom, float(np.float32(finite.min()))) if finite.min() >= 0 else bottom, top)


def z_score(voxels: np.ndarray) -> np.ndarray:
    """(voxels - mean) / standard deviation, both of the head's voxels alone; float32 without bounds.

    Air comes out below zero, about -1 to -3. Neither end is fixed, so bytes cannot hold it: a cache needs float16,
    which keeps three decimal digits. Voxels that are not finite count as 0 before.
    """
    finite = finite_voxels(voxels)
    counted = _histogram(finite)
    if counted is None:
        head = finite[head_mask(finite)]
        mean, deviation = (head.mean(dtype=np.float64), head.std(dtype=np.float64)) if head.size else (0.0, 0.0)
    else:
        levels, counts = counted[0].astype(np.float64), counted[1]
        counts = np.where(levels > _head_threshold(*counted), counts, 0)
        total = max(int(counts.sum()), 1)
        mean = (levels * counts).sum() / total
        deviation = math.sqrt(((levels - mean) ** 2 * counts).sum() / total)
    if not deviation > 0:
        return np.zeros(finite.shape, np.float32)
    return _shift_and_divide(finite, np.float32(mean), np.float32(deviation))


def as_they_are(voxels: np.ndarray) -> np.ndarray:
    """Bytes from 0..255 to [0, 1], other numbers in [0, 1] unchanged; float32. Raises UserError for other values.

    For images whose values mean the same in every case: CT in a window of Hounsfield units, masks, distances.
    """
    if voxels.dtype == np.uint8:
        return _scale(voxels, 0.0, 255.0)
    lowest, highest = (float(voxels.min()), float(voxels.max())) if voxels.size else (0.0, 0.0)
    if not (lowest >= 0 and highest <= 1):  # NaN, too
        raise UserError("--normalisation none", f"has values from {lowest:g} to {highest:g}",
                        "bring them to 0..1 or to bytes, or choose another --normalisation than none")
    return voxels.astype(np.float32)


def head_mask(voxels: np.ndarray) -> np.ndarray:
    """Where the head is: voxels brighter than a tenth of the way from the minimum to the 99th percentile."""
    counted = _histogram(voxels)
    if counted is not None:
        return voxels > math.floor(_head_threshold(*counted))  # the same, and integers compare without a conversion
    bottom = float(voxels.min(initial=0))
    return voxels > _tenth(bottom, float(np.percentile(voxels, 99)) if voxels.size else bottom)


def percentile(levels: np.ndarray, counts: np.ndarray, percent: float) -> float:
    """Percentile, by linear interpolation, of a sample that has each of `levels` (ascending) `counts` times.

    To the bit what np.percentile gives for the whole sample, in the type in which it counts: that of `levels` where
    `percent` is a Python float, float64 where it is np.float64. `counts` must not be all 0.
    """
    below = np.cumsum(counts)
    place = (int(below[-1]) - 1) * (percent / 100)
    first = math.floor(place)
    share = place - first
    before, after = levels[np.searchsorted(below, [first, min(first + 1, int(below[-1]) - 1)], side="right")]
    step = after - before
    return after - step * (1 - share) if share >= 0.5 else before + step * share


def finite_voxels(voxels: np.ndarray) -> np.ndarray:
    """Integers of up to 16 bits as they are, all else as float32 with 0 for what is not finite."""
    voxels = np.asarray(voxels)
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize <= 2:
        return voxels
    values = np.asarray(voxels, dtype=np.float32)
    return values if np.isfinite(values).all() else np.nan_to_num(values, nan=0, posinf=0, neginf=0)


def _histogram(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Every value from the smallest to the largest as float64, and its count; None where they are too many to count."""
    if voxels.dtype.kind not in "iu" or voxels.size == 0:
        return None
    lowest, highest = int(voxels.min()), int(voxels.max())
    if highest - lowest >= _WIDEST_HISTOGRAM:
        return None
    counts = np.zeros(highest - lowest + 1, np.int64)
    for block in _blocks(voxels):
        counts += np.bincount(block.astype(np.intp) - lowest, minlength=len(counts))
    return np.arange(lowest, highest + 1, dtype=np.float64), counts


def _head_threshold(levels: np.ndarray, counts: np.ndarray) -> float:
    return _tenth(min(float(levels[0]), 0.0), float(percentile(levels, counts, 99.0)))


def _tenth(bottom: float, top: float) -> float:
    return bottom + 0.1 * (top - bottom)


def _scale(values: np.ndarray, bottom: float, top: float) -> np.ndarray:
    if not top > bottom:
        return np.zeros(values.shape, np.float32)
    return _shift_and_divide(values, np.float32(bottom), np.float32(top - bottom), clipped=True)


def _shift_and_divide(values: np.ndarray, shift: np.float32, divisor: np.float32, clipped: bool = False) -> np.ndarray:
    out = np.empty(values.shape, np.float32)
    for source, target in zip(_blocks(values), _blocks(out), strict=True):
        np.subtract(source, shift, out=target, dtype=np.float32)
        np.divide(target, divisor, out=target)
        if clipped:
            np.clip(target, 0, 1, out=target)
    return out


def _blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    flat = values.reshape(-1)
    return (flat[start:start + _BLOCK] for start in range(0, flat.size, _BLOCK))
