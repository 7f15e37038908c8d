"""A cube that keeps millimetres: `edge_mm` in every direction, in patient orientation, around the head's centre.

All sequences of a case lie on the grid of the first, so that they are channels of one image.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.protocol import Built, Channel, as_channels
from radiogen.arrays.geometries.values import normalised, scale_to_dtype
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, Shape3D
from radiogen.imaging.cubes import need_affine, patient_grid
from radiogen.imaging.resampling import resample_slices
from radiogen.imaging.resized import Target
from radiogen.imaging.slices import ComputedSlices


@dataclass(frozen=True)
class IsotropicCube:
    """(sequence, size, size, size) on one grid of the patient; slices run to the vertex, rows to the back."""

    settings: CacheSettings
    needs_affine: ClassVar[bool] = True

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """None: where the head's centre lies is known when all voxels are."""
        return None

    def build(self, series: Mapping[str, CaseSeries]) -> Built:
        """One cube a sequence; findings for what was interpolated, padded, and cut off of the head."""
        return as_channels(self.settings, (self.settings.size,) * 3, self._cubes(series))

    def _cubes(self, series: Mapping[str, CaseSeries]) -> Iterator[Channel]:
        size, edge_mm = self.settings.size, self.settings.edge_mm
        if edge_mm is None:
            raise ValueError("edge_mm is needed for an isotropic cube")
        grid = patient_grid(next(iter(series.values())).voxels, size, edge_mm)
        for name, one in series.items():
            slices, air = normalised(self.settings, one)  # air is not 0 in z-scores; outside of the series shall be air
            cube, findings = resample_slices(_minus(slices, air), need_affine(one.affine), grid, (size,) * 3)
            yield name, scale_to_dtype(cube + air, self.settings), findings


def _minus(slices: ComputedSlices, air: np.float32) -> ComputedSlices:
    return ComputedSlices(slices.shape, lambda number: slices[number] - air)
