"""A series as one thing: voxels, where they lie in the patient, and what was odd about them.

In: arrays in (slice, row, column) order and an affine from voxel index to patient coordinates. Out: spacing, plane and
orientation, derived and never stored. Patient coordinates are DICOM's: LPS, in mm (x to the patient's left, y to the
back, z to the head; DICOM PS3.3, C.7.6.2.1.1).
"""

from dataclasses import dataclass

import numpy as np

from radiogen.core.types import Affine, Vector, Voxels
from radiogen.imaging.findings import Finding
from radiogen.imaging.reader import Reader

PLANES = ("sagittal", "coronal", "axial")
"""Planes by the patient axis (x, y, z) that their slice normal is nearest to."""


@dataclass(frozen=True)
class Volume:
    """One series.

    voxels: (slice, row, column), any real dtype; rescaled where the series asks for it. Slices that are computed when
    they are read are no volume: see slices.py.
    affine: (4, 4) float64 from (slice, row, column, 1) to (x, y, z, 1) in LPS mm; None where it is not known.
    findings: what was odd in the series; `str` makes a sentence of each, `findings.py` lists the codes.
    reader: which reader read the files, and why not the compiled one; None where no files were read.
    """

    voxels: Voxels
    affine: Affine | None
    findings: tuple[Finding, ...] = ()
    reader: Reader | None = None


def spacing_mm(volume: Volume) -> tuple[float, float, float] | None:
    """Distance in mm between neighbouring slices, rows and columns; None where the affine is unknown."""
    if volume.affine is None:
        return None
    slices, rows, columns = np.linalg.norm(volume.affine[:3, :3], axis=0).tolist()
    return slices, rows, columns


def slice_normal(volume: Volume) -> Vector | None:
    """Unit vector (x, y, z) at right angles to the slices, towards the next slice; None where unknown."""
    if volume.affine is None:
        return None
    normal = np.cross(volume.affine[:3, 2], volume.affine[:3, 1])
    normal = normal / np.linalg.norm(normal)
    return normal if normal @ volume.affine[:3, 0] >= 0 else -normal


def plane(volume: Volume) -> str | None:
    """`axial`, `coronal` or `sagittal`: the nearest one for an oblique series; None where unknown."""
    normal = slice_normal(volume)
    return None if normal is None else PLANES[int(np.argmax(np.abs(normal)))]
