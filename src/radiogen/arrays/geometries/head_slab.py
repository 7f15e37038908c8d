"""The competition winner's slab: the slices around the one that shows most of the head, each resized.

Source: FirasBaba/rsna-resnet10, dataset.py, load_dicom_images_3d: slices are chosen by the stored pixels, then
windowed, resized, and normalised last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.protocol import Built, Channel, as_channels
from radiogen.arrays.geometries.values import scale_to_dtype
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, Shape3D
from radiogen.imaging.cubes import grown, interpolate
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.intensity import normalise
from radiogen.imaging.resized import Target
from radiogen.imaging.transforms import slab_slices
from radiogen.imaging.volume import Volume
from radiogen.imaging.window import apply_window


@dataclass(frozen=True)
class HeadSlab:
    """(sequence, depth, size, size); works without an affine. A slab that hangs over the series is padded with air."""

    settings: CacheSettings
    needs_affine: ClassVar[bool] = False

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """None: which slices are needed is known when all voxels are."""
        return None

    def build(self, series: Mapping[str, CaseSeries], masks: Mapping[str, Volume]) -> Built:
        """One slab a sequence; findings for which slices it is made of and what was padded or grew; without masks."""
        return as_channels(self.settings, self._shape, (self._slab(name, one) for name, one in series.items()))

    @property
    def _shape(self) -> Shape3D:
        return self.settings.depth or self.settings.size, self.settings.size, self.settings.size

    def _slab(self, name: str, series: CaseSeries) -> Channel:
        voxels, shape = series.voxels.voxels, self._shape
        first, end, middle = slab_slices(voxels, shape[0])
        windows = series.windows[first:end] if self.settings.window else [None] * (end - first)
        slices = [interpolate(apply_window(pixels, window), shape[1:])
                  for pixels, window in zip(voxels[first:end], windows, strict=True)]
        values = normalise(np.stack(slices), self.settings.normalisation)
        slab = np.full(shape, values.min(), np.float32)  # air is not 0 in z-scores
        slab[:len(values)] = values
        missing = shape[0] - len(values)
        part = Finding(FindingCode.SLAB_OF_SLICES, (), {
            "first": first + 1, "last": end, "total": len(voxels), "middle": middle + 1})
        return name, scale_to_dtype(slab, self.settings), [
            part if end - first < len(voxels) else None,
            Finding(FindingCode.SLICES_PADDED_AIR, (), {"slices": missing}) if missing else None,
            grown(voxels.shape, (0, *shape[1:]))]
