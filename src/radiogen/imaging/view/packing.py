"""Volumes as a page holds them: NIfTI, compressed, as text; with all their values, or in 8 bits and a note of it.

In: a volume. Out: its text, the window that it opens with, and what was changed. Nothing is resampled or cropped.
"""

import base64
import gzip
import hashlib
import struct
from typing import NamedTuple

import numpy as np

from radiogen.core.types import Voxels
from radiogen.imaging.export.series_export import nifti_bytes
from radiogen.imaging.volume import Volume

UNPLACED = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
"""Stands for the affine of a series that does not report its place, which is then drawn in millimetres of its own."""
_SLOPE_AT = 112
"""Where NIfTI-1 keeps scl_slope and scl_inter, two float32."""
_BRIGHTEST = 99.99
"""Percentile that is the largest value in 8 bits, so that a few outliers do not take all the steps."""


class Packed(NamedTuple):
    """text: NIfTI, gzip, base64. key: of its content, for names of files. reduced: what was changed, "" for nothing."""

    text: str
    key: str
    reduced: str = ""


def pack_exactly(volume: Volume) -> Packed:
    """All values as they are."""
    return _packed(nifti_bytes(_placed(volume)))


def pack_in_8_bits(volume: Volume) -> Packed:
    """Values in 255 equal steps; bytes as they are. The NIfTI's slope and intercept lead back to the series' values."""
    voxels = volume.voxels
    if voxels.dtype in (np.uint8, np.bool_):
        return pack_exactly(volume)
    low, high = _range(voxels)
    step = (high - low) / 255
    finite = np.nan_to_num(voxels, nan=low, posinf=high, neginf=low) if voxels.dtype.kind == "f" else voxels
    steps = np.rint((np.clip(finite, low, high) - low) * (1 / step)).astype(np.uint8)
    content = bytearray(nifti_bytes(_placed(Volume(steps, volume.affine))))
    struct.pack_into("=ff", content, _SLOPE_AT, step, low)
    if step == 1 and voxels.dtype.kind in "iu":
        return _packed(bytes(content))
    brighter = int(np.count_nonzero(finite > high))
    above = f"; {brighter:,} brighter voxels as {_number(high)}" if brighter else ""
    reach = f"from {_number(low)} to {_number(high)}"
    return _packed(bytes(content), f"8 bits: values in steps of {step:.3g} {reach}{above}")


def display_window(voxels: Voxels) -> tuple[float, float]:
    """The window that a series opens with: its 1st and 99.8th percentile, from some 500,000 voxels."""
    finite = _finite(voxels)
    shown = finite[::max(1, finite.size // 500_000)]
    low, high = np.percentile(shown, [1, 99.8]).tolist() if shown.size else (0.0, 1.0)
    return low, high if high > low else low + 1


def _range(voxels: Voxels) -> tuple[float, float]:
    """What 8 bits reach from and to; integers of no more than 256 values keep them."""
    finite = _finite(voxels)
    if not finite.size:
        return 0.0, 1.0
    low, most = float(finite.min()), float(finite.max())
    if voxels.dtype.kind in "iu" and most - low <= 255:
        return low, low + 255
    high = float(np.percentile(finite, _BRIGHTEST))
    return low, high if high > low else max(most, low + 1)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _finite(voxels: Voxels) -> Voxels:
    return voxels[np.isfinite(voxels)] if voxels.dtype.kind == "f" else voxels.ravel()


def _placed(volume: Volume) -> Volume:
    return volume if volume.affine is not None else Volume(volume.voxels, UNPLACED)


def _packed(nifti: bytes, reduced: str = "") -> Packed:
    content = gzip.compress(nifti, 6, mtime=0)
    return Packed(base64.b64encode(content).decode("ascii"), hashlib.sha256(nifti).hexdigest()[:16], reduced)
