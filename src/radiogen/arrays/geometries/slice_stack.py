"""Slices of size x size for networks of two dimensions: the sequences of a case one after the other.

Two geometries: rows and columns stretched to the square, or their mm kept and the shorter side padded with 0. With a
mask only the slices that show the tumour are taken, and of those its box.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radiogen.arrays.case_findings import CaseFinding, of_sequence
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.protocol import Built
from radiogen.arrays.geometries.tumour_crop import crop_to_tumour
from radiogen.arrays.geometries.values import needs_voxels, normalised, scale_to_dtype
from radiogen.arrays.series_arrays import slices_2d
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, Shape3D, Voxels
from radiogen.imaging.cubes import Geometry, padded, slice_target
from radiogen.imaging.resized import Target
from radiogen.imaging.slices import ComputedSlices
from radiogen.imaging.volume import Volume


@dataclass(frozen=True)
class StretchedSlices:
    """(slice, size, size), each slice resized to the square, whatever its mm; works without an affine."""

    settings: CacheSettings
    needs_affine: ClassVar[bool] = False
    geometry: ClassVar[Geometry] = "stretch"

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """The wanted slices in their size before they are padded, as bytes where the cache stores bytes."""
        settings = self.settings
        if needs_voxels(settings) or (self.needs_affine and affine is None):
            return None
        target = slice_target(shape, affine, settings.size, self.geometry, settings.slices_per_series)
        return target._replace(as_bytes=settings.dtype == "uint8")

    def build(self, series: Mapping[str, CaseSeries], masks: Mapping[str, Volume]) -> Built:
        """The sequences' slices one after the other, and how many there are of each."""
        stacks: dict[str, Voxels] = {}
        changes: list[CaseFinding] = []
        for name, one in series.items():
            if name in masks:
                crop = crop_to_tumour(self.settings, one, masks[name], slice_margin=False)
                stacks[name] = self._resized(crop.slices, one.affine)
                changes += of_sequence(name, [crop.finding])
            else:
                stacks[name] = self._stack(one)
        counts = " ".join(f"{name}:{len(stack)}" for name, stack in stacks.items())
        return Built(np.concatenate(list(stacks.values())), changes, counts)

    def _stack(self, series: CaseSeries) -> Voxels:
        settings, resized = self.settings, series.resized
        target = self.plan(series.header.voxels.shape, series.affine)
        if target is None or resized is None:
            return self._resized(normalised(settings, series)[0], series.affine)
        if target.as_bytes:
            return padded(resized.bytes(target), settings.size)
        scaled = scale_to_dtype(resized.floats(target), settings, resized.lowest, resized.highest)
        return padded(scaled, settings.size)

    def _resized(self, slices: ComputedSlices, affine: Affine | None) -> Voxels:
        settings = self.settings
        stack = slices_2d(slices, affine, settings.size, self.geometry, settings.slices_per_series)
        return scale_to_dtype(stack, settings)


@dataclass(frozen=True)
class IsotropicSlices(StretchedSlices):
    """(slice, size, size), the longer side of each slice resized to `size`, the shorter in proportion of mm, padded."""

    needs_affine: ClassVar[bool] = True
    geometry: ClassVar[Geometry] = "isotropic"
