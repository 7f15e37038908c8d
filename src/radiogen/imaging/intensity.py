"""Intensities of a whole volume brought to 0..1: MR units mean nothing between scanners.

In: voxels of one series. Out: float32 of the same shape in [0, 1]. Never slice by slice: that would make every slice's
noise as bright as the brain. A series without contrast comes out as zeros.
"""

from typing import Literal

import numpy as np

Normalisation = Literal["min-max", "percentile"]


def normalise(voxels: np.ndarray, how: Normalisation) -> np.ndarray:
    """Bring `voxels` to [0, 1] as float32: `min-max` of the volume (the report's), or `percentile` over the head."""
    return min_max(voxels) if how == "min-max" else percentile_clip(voxels)


def min_max(voxels: np.ndarray) -> np.ndarray:
    """(voxels - min) / (max - min) over the finite voxels of the volume; others become 0."""
    finite = _finite(voxels)
    return _scale(finite, float(finite.min(initial=np.inf)), float(finite.max(initial=-np.inf)))


def percentile_clip(voxels: np.ndarray, low: float = 1, high: float = 99.5) -> np.ndarray:
    """As `min_max` between two percentiles of the head's voxels, so that one bright vessel does not darken the rest."""
    finite = _finite(voxels)
    head = finite[head_mask(finite)]
    if head.size == 0:
        return min_max(voxels)
    bottom, top = np.percentile(head, [low, high])
    return _scale(finite, min(float(bottom), float(finite.min())) if finite.min() >= 0 else float(bottom), float(top))


def head_mask(voxels: np.ndarray) -> np.ndarray:
    """Where the head is: voxels brighter than a tenth of the way from the minimum to the 99th percentile."""
    bottom = float(voxels.min(initial=0))
    top = float(np.percentile(voxels, 99)) if voxels.size else bottom
    return voxels > bottom + 0.1 * (top - bottom)


def _finite(voxels: np.ndarray) -> np.ndarray:
    values = np.asarray(voxels, dtype=np.float32)
    return values if np.isfinite(values).all() else np.nan_to_num(values, nan=0, posinf=0, neginf=0)


def _scale(values: np.ndarray, bottom: float, top: float) -> np.ndarray:
    if not top > bottom:
        return np.zeros_like(values)
    return np.clip((values - np.float32(bottom)) / np.float32(top - bottom), 0, 1)
