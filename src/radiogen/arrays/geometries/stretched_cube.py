"""The report's cube: every axis of a series resized to `size`, whatever its mm; the longest axis comes first.

With a mask the series may be cropped to the tumour before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.protocol import Built, Channel, as_channels
from radiogen.arrays.geometries.tumour_crop import crop_to_tumour
from radiogen.arrays.geometries.values import mask_values, needs_voxels, normalised, scale_to_dtype
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, Mask, Shape3D, Voxels
from radiogen.dataset.source import MASK
from radiogen.imaging.cubes import cube_of_bytes, grown, longest_first, stretch_cube
from radiogen.imaging.resized import Target
from radiogen.imaging.volume import Volume


@dataclass(frozen=True)
class StretchedCube:
    """(sequence, size, size, size); works without an affine. Anatomy is distorted wherever the axes differ."""

    settings: CacheSettings
    needs_affine: ClassVar[bool] = False

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """Slices of size x size as floats: their third axis is resized when all of them are there."""
        return None if needs_voxels(self.settings) else Target(self.settings.size, self.settings.size)

    def build(self, series: Mapping[str, CaseSeries], masks: Mapping[str, Volume]) -> Built:
        """One cube a sequence; a finding for each that was cropped or whose axes had to grow."""
        return as_channels(self.settings, (self.settings.size,) * 3, self._cubes(series, masks))

    def _cubes(self, series: Mapping[str, CaseSeries], masks: Mapping[str, Volume]) -> Iterator[Channel]:
        use, shape = self.settings.mask, (self.settings.size,) * 3
        for name, one in series.items():
            if use is None or name not in masks:
                yield name, self._cube(one), [grown(one.header.voxels.shape, shape)]
                continue
            crop = crop_to_tumour(self.settings, one, masks[name], slice_margin=True)
            cube = scale_to_dtype(stretch_cube(crop.slices, self.settings.size), self.settings)
            yield name, cube, [crop.finding, grown(crop.mask.shape, shape)]
            if use.channel:  # of the only sequence: recipe/checks.py
                yield MASK, mask_values(_nearest_cube(crop.mask, self.settings.size), self.settings), ()

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


def _nearest_cube(mask: Mask, size: int) -> Mask:
    """A mask on the grid of `stretch_cube`, each voxel that of the mask which holds its middle."""
    places = [np.minimum(((np.arange(size) + 0.5) * count / size).astype(int), count - 1) for count in mask.shape]
    return np.moveaxis(mask[np.ix_(*places)], int(np.argmax(mask.shape)), 0)
