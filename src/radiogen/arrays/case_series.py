"""One series of a case as it was read: what the geometries make arrays of.

In: what read_case (case_arrays.py) or a caller with volumes of their own found. Out: a `CaseSeries` with the voxels,
slices that were resized while the files were read, or both; its header and geometry need neither.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radiogen.core.types import Affine
from radiogen.dataset.geometry import SIZES
from radiogen.imaging.findings import Finding
from radiogen.imaging.resized import ResizedSlices
from radiogen.imaging.volume import Volume, plane, spacing_mm

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True)
class CaseSeries:
    """One series as far as the settings need it.

    Attributes
    ----------
    volume: where a setting needs the voxels.
    resized: slices that were resized while the files were read, and what is known of the whole series.
    unusable: why a test case is used without this series; there is neither volume nor slices then.
    windows: the window of each slice of the volume, where a setting applies them.
    window_findings: what was odd about the windows.
    perceptual_hash: as in perceptual_hash.py, or "".
    """

    volume: Volume | None = None
    resized: ResizedSlices | None = None
    unusable: Finding | None = None
    windows: "tuple[Dataset | None, ...]" = ()
    window_findings: tuple[Finding, ...] = ()
    perceptual_hash: str = ""

    @property
    def voxels(self) -> Volume:
        """The volume. Raises ValueError where the series was read without its voxels."""
        if self.volume is None:
            raise ValueError("the voxels of this series were not kept when it was read")
        return self.volume

    @property
    def header(self) -> Volume:
        """Shape, affine and findings as a `Volume`, whose voxels may all be 0. Raises ValueError where unusable."""
        if self.volume is not None:
            return self.volume
        if self.resized is None:
            raise ValueError(f"an unusable series has no header: {self.unusable}")
        return Volume(np.broadcast_to(np.uint8(0), self.resized.shape), self.resized.affine, self.resized.findings)

    @property
    def affine(self) -> Affine | None:
        """From voxel index to the patient's mm; None where the series does not report its position."""
        return self.header.affine

    @property
    def geometry(self) -> dict[str, str | int | float | None]:
        """Plane, matrix and spacing by the columns of a cache's `geometry.csv`; None where it is not known."""
        steps = spacing_mm(self.header)
        rounded = (None, None, None) if steps is None else tuple(step and round(step, 4) for step in steps)
        return {"plane": plane(self.header), **dict(zip(SIZES, (*self.header.voxels.shape, *rounded), strict=True))}
