"""The report's cube: every axis of a series resized to `size`, whatever its mm; the longest axis comes first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.protocol import Built, as_channels
from radiogen.arrays.geometries.values import needs_voxels, normalised, scale_to_dtype
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, Shape3D, Voxels
from radiogen.imaging.cubes import cube_of_bytes, grown, longest_first, stretch_cube
from radiogen.imaging.resized import Target


@dataclass(frozen=True)
class StretchedCube:
    """(sequence, size, size, size); works without an affine. Anatomy is distorted wherever the axes differ."""

    settings: CacheSettings
    needs_affine: ClassVar[bool] = False

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """Slices of size x size as floats: their third axis is resized when all of them are there."""
        return None if needs_voxels(self.settings) else Target(self.settings.size, self.settings.size)

    def build(self, series: Mapping[str, CaseSeries]) -> Built:
        """One cube a sequence; a finding for each whose axes had to grow."""
        shape = (self.settings.size,) * 3
        return as_channels(self.settings, shape, (
            (name, self._cube(one), [grown(one.header.voxels.shape, shape)]) for name, one in series.items()))

    def _cube(self, series: CaseSeries) -> Voxels:
        settings, resized = self.settings, series.resized
        target = self.plan(series.header.voxels.shape, series.affine)
        if target is None or resized is None:
            return scale_to_dtype(stretch_cube(normalised(settings, series)[0], settings.size), settings)
        if settings.dtype == "uint8":
            return cube_of_bytes(resized, settings.size)
        from radiogen.imaging.compiled.kernels import resize_slice_axis

        floats = resize_slice_axis(resized.floats(target), settings.size)
        return longest_first(scale_to_dtype(floats, settings, resized.lowest, resized.highest), resized.shape)
