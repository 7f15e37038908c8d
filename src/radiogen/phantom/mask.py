"""The true mask of a phantom's tumour, a NIfTI file beside the case's series.

In: a head and the grid of one of its series. Out: `mask.nii.gz` on that grid, 1 where at least half of a voxel is
tumour: rim and core together, so that it does not say how much of the tumour is core, which is what the label moves.
"""

from pathlib import Path

import numpy as np

from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.volume import Volume
from radiogen.phantom.anatomy import Head, render_tumour
from radiogen.phantom.geometry import Grid

GRID_OF = "T1wCE"
"""The sequence on whose grid the mask lies, as radiologists draw it."""


def write_mask(path: Path, head: Head, grid: Grid) -> None:
    """Write the tumour's mask on the grid of a series."""
    share = render_tumour(head, grid.affine, grid.shape, grid.thickness_mm)
    write_nifti(path, Volume((share >= 0.5).astype(np.uint8), grid.affine))
