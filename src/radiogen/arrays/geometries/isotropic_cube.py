"""A cube that keeps millimetres: `edge_mm` in every direction, in patient orientation, around the head's centre.

All sequences of a case lie on the grid of the first, so that they are channels of one image. With a mask the cube may
lie around the tumour, and the mask, by nearest neighbour on the same grid, may be a channel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries.protocol import Built, Channel, as_channels
from radiogen.arrays.geometries.values import mask_values, normalised, scale_to_dtype
from radiogen.arrays.settings import CacheSettings, MaskSettings
from radiogen.core.types import Affine, Shape3D
from radiogen.dataset.source import MASK
from radiogen.imaging.cubes import need_affine, patient_grid
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.masks.grids import SMALLEST_SHARE, mask_on_grid, share_inside, tumour_grid
from radiogen.imaging.resampling import resample_slices
from radiogen.imaging.resized import Target
from radiogen.imaging.slices import ComputedSlices
from radiogen.imaging.volume import Volume


@dataclass(frozen=True)
class IsotropicCube:
    """(sequence, size, size, size) on one grid of the patient; slices run to the vertex, rows to the back."""

    settings: CacheSettings
    needs_affine: ClassVar[bool] = True

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """None: where the head's centre lies is known when all voxels are."""
        return None

    def build(self, series: Mapping[str, CaseSeries], masks: Mapping[str, Volume]) -> Built:
        """One cube a sequence; findings for what was interpolated, padded, and cut off of the head or the tumour."""
        mask = next(iter(masks.values()), None)
        grid = self._grid(next(iter(series.values())), mask)
        return as_channels(self.settings, self._shape, self._cubes(series, mask, grid))._replace(grid=grid)

    @property
    def _shape(self) -> Shape3D:
        return (self.settings.size,) * 3

    def _cubes(self, series: Mapping[str, CaseSeries], mask: Volume | None, grid: Affine) -> Iterator[Channel]:
        use = self.settings.mask or MaskSettings()
        tumour = None if mask is None else mask_on_grid(mask, grid, self._shape)
        for name, one in series.items():
            slices, air = normalised(self.settings, one)  # air is not 0 in z-scores; outside of the series shall be air
            cube, findings = resample_slices(_minus(slices, air), need_affine(one.affine), grid, self._shape)
            if tumour is not None and use.crops:
                findings = [each for each in findings if each.code is not FindingCode.HEAD_CUT_OFF]
            if tumour is not None and use.region == "tumour-only":
                cube[~tumour] = 0
            yield name, scale_to_dtype(cube + air, self.settings), findings
        if mask is not None and tumour is not None:
            cut_off = 1 - share_inside(mask, grid, self._shape)
            finding = Finding(FindingCode.TUMOUR_CUT_OFF, (), {"share": cut_off}) if cut_off >= SMALLEST_SHARE else None
            yield MASK, mask_values(tumour, self.settings) if use.channel else None, [finding]

    def _grid(self, first: CaseSeries, mask: Volume | None) -> Affine:
        """Around the head or, with a mask and where settings say so, around the tumour."""
        size, edge_mm, use = self.settings.size, self.settings.edge_mm, self.settings.mask
        if edge_mm is None:
            raise ValueError("edge_mm is needed for an isotropic cube")
        if mask is None or use is None or not use.crops:
            return patient_grid(first.voxels, size, edge_mm)
        return tumour_grid(mask, size, use.crop_edge_mm, use.margin_mm)


def _minus(slices: ComputedSlices, air: np.float32) -> ComputedSlices:
    return ComputedSlices(slices.shape, lambda number: slices[number] - air)
