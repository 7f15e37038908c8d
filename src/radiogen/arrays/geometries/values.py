"""The intensities of an array: windowed and normalised on the way in, uint8 or float16 on the way out.

In: a series that was read with its voxels. Out: its slices as a geometry wants them, and values as a cache stores
them. `scale_to_dtype` is the one place that turns values into bytes.
"""

import numpy as np

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import FloatVoxels, Mask, Voxels
from radiogen.imaging.intensity import normalised_slices
from radiogen.imaging.slices import ComputedSlices, Slices
from radiogen.imaging.window import apply_window

KEPT_BYTES = 1 << 28
"""Windowed series of up to this size as floats are kept; larger ones are windowed whenever a slice is needed."""


def needs_voxels(settings: CacheSettings) -> bool:
    """Whether intensities depend on more than a series' extremes (windows, percentiles, z-scores), or on a mask.

    Averaging and min-max scaling are linear, so min-max may follow when all slices were seen.
    """
    return settings.normalisation != "min-max" or settings.window or settings.mask is not None


def normalised(settings: CacheSettings, series: CaseSeries) -> tuple[ComputedSlices, np.float32]:
    """The series' slices, windowed and normalised whenever one is read, and the smallest value of all."""
    voxels = series.voxels.voxels
    slices: Slices = voxels
    if settings.window:
        windowed = ComputedSlices(voxels.shape, lambda number: apply_window(voxels[number], series.windows[number]))
        slices = windowed.kept() if voxels.size * 4 <= KEPT_BYTES else windowed
    return normalised_slices(slices, settings.normalisation)


def mask_values(mask: Mask, settings: CacheSettings) -> Voxels:
    """A mask as the cache stores it: 0 and 1, or 0 and 255 in uint8."""
    return mask.astype(settings.dtype) * (255 if settings.dtype == "uint8" else 1)


def scale_to_dtype(values: FloatVoxels, settings: CacheSettings, lowest: float = 0.0, highest: float = 1.0) -> Voxels:
    """Values as the cache stores them: `lowest` to `highest` become 0 to 1, or 0 to 255 in uint8."""
    if settings.dtype == "uint8":
        from radiogen.imaging.compiled.kernels import to_bytes

        return to_bytes(values, lowest, highest)
    scale = 1 / (highest - lowest) if highest > lowest else 0.0
    return ((values - np.float32(lowest)) * np.float32(scale)).astype(np.float16)
