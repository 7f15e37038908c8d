"""A series cropped to the tumour's box, on its own grid, its intensities those of the whole head.

In: a series that was read with its voxels, and the case's mask in its space. Out: slices that are normalised over the
whole head whenever one is read, cropped, and as dark as air outside of the tumour where settings say so.
"""

from typing import NamedTuple

import numpy as np

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.values import normalised
from radiogen.arrays.settings import CacheSettings, MaskSettings
from radiogen.core.types import Mask, Slice2D
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.masks.grids import mask_on_grid
from radiogen.imaging.slices import ComputedSlices
from radiogen.imaging.volume import Volume, spacing_mm

_AXES = ("slices", "rows", "columns")


class TumourCrop(NamedTuple):
    """slices: normalised and cropped. mask: bool of the same shape. finding: what was cropped, None where nothing."""

    slices: ComputedSlices
    mask: Mask
    finding: Finding | None


def crop_to_tumour(settings: CacheSettings, series: CaseSeries, mask: Volume, *, slice_margin: bool) -> TumourCrop:
    """The series' slices within the tumour's box and the margin around it, as far as the series goes.

    All of them where settings want the mask as a channel of the whole head.
    slice_margin: False leaves the margin out along the slices, so that each shows the tumour. Where the spacing is not
    known there is no margin at all.
    """
    own, use = _on_series(mask, series), settings.mask or MaskSettings()
    steps = spacing_mm(series.header)
    margin_mm = use.margin_mm if steps else 0.0
    spans = [_span(own, axis, margin_mm / step if axis or slice_margin else 0.0) if use.crops else slice(0, count)
             for axis, (count, step) in enumerate(zip(own.shape, steps or (1.0, 1.0, 1.0), strict=True))]
    slices, air = normalised(settings, series)
    kept = own[tuple(spans)]

    def compute(number: int) -> Slice2D:
        pixels = slices[spans[0].start + number][spans[1], spans[2]]
        return np.where(kept[number], pixels, air) if use.region == "tumour-only" else pixels

    axes = tuple((name, span.start + 1, span.stop, count) for name, span, count in zip(
        _AXES, spans, own.shape, strict=True) if span.stop - span.start < count)
    finding = Finding(FindingCode.CROPPED_TO_TUMOUR, (), {"margin_mm": margin_mm, "axes": axes}) if axes else None
    return TumourCrop(ComputedSlices(kept.shape, compute), kept, finding)


def _on_series(mask: Volume, series: CaseSeries) -> Mask:
    """The mask on the series' own grid."""
    if series.affine is None:  # of one shape: case_mask.py
        return mask.voxels != 0
    return mask_on_grid(mask, series.affine, series.header.voxels.shape)


def _span(mask: Mask, axis: int, margin: float) -> slice:
    """From where to where the tumour reaches along an axis, with `margin` voxels, rounded up, on either side."""
    filled = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
    wide = int(np.ceil(margin - 1e-6))
    return slice(max(0, int(filled[0]) - wide), min(mask.shape[axis], int(filled[-1]) + 1 + wide))
