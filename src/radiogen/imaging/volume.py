"""A series as one thing: voxels, where they lie in the patient, and what was odd about them.

In: arrays in (slice, row, column) order and an affine from voxel index to patient coordinates. Out: spacing, plane and
orientation, derived and never stored. Patient coordinates are DICOM's: LPS, in mm (x to the patient's left, y to the
back, z to the head; DICOM PS3.3, C.7.6.2.1.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.types import Affine, FloatArray, Mask, Vector, Voxels
from radiogen.imaging.findings import Finding
from radiogen.imaging.reader import Reader

PLANES = ("sagittal", "coronal", "axial")
"""Planes by the patient axis (x, y, z) that their slice normal is nearest to."""

PLANE_AXES = {"axial": "SPL", "coronal": "PIL", "sagittal": "RIP"}
"""Where slices, rows and columns run in a radiologist's picture of each plane; slices as `read_series` orders them."""

_TOWARDS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}


@dataclass(frozen=True)
class Volume:
    """One series.

    voxels: (slice, row, column), any real dtype; rescaled where the series asks for it. Slices that are computed when
    they are read are no volume: see slices.py.
    affine: (4, 4) float64 from (slice, row, column, 1) to (x, y, z, 1) in LPS mm; None where it is not known.
    findings: what was odd in the series; `str` makes a sentence of each, `findings.py` lists the codes.
    reader: which reader read the files, and why not the compiled one; None where no files were read.

    Examples
    --------
    >>> volume = Volume(np.zeros((10, 20, 30)), np.array([[0, 0, 1, 0], [0, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1.0]]))
    >>> spacing_mm(volume), plane(volume)
    ((3.0, 2.0, 1.0), 'axial')
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


def display_order(voxels: Voxels, affine: Affine | None, slices: int = 0) -> tuple[Voxels, Affine | None]:
    """Voxels and affine with the axis `slices` first, and each slice as a radiologist looks at its plane.

    Rows and columns run as nearly as they can as `PLANE_AXES` says for the plane that the slices are nearest to; slices
    ascend along the normal of rows and columns, as `read_series` orders them. A view, nothing is copied. Without an
    affine only the axis of the slices is moved.
    """
    rest = [axis for axis in range(3) if axis != slices]
    if affine is None:
        return voxels.transpose([slices, *rest]), None
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    normal = np.cross(*(directions[:, axis] for axis in rest))
    cosines = directions_of(PLANES[int(np.argmax(np.abs(normal)))]) @ directions
    rows, columns = max((rest, rest[::-1]), key=lambda pair: abs(cosines[1, pair[0]]) + abs(cosines[2, pair[1]]))
    backwards = [False, bool(cosines[1, rows] < 0), bool(cosines[2, columns] < 0)]
    signs = np.where(backwards, -1, 1)
    towards = np.cross(signs[2] * directions[:, columns], signs[1] * directions[:, rows])
    backwards[0] = bool(towards @ directions[:, slices] < 0)
    return reordered(voxels, affine, (slices, rows, columns), np.array(backwards))


def reordered(voxels: Voxels, affine: Affine, order: Sequence[int], backwards: Mask) -> tuple[Voxels, Affine]:
    """Axes exchanged, then those flipped that run backwards: every voxel keeps its place in the patient."""
    affine = affine[:, [*order, 3]]
    last = np.array(voxels.shape)[list(order)] - 1
    affine[:3, 3] += affine[:3, :3] @ (last * backwards)
    affine[:3, :3] *= np.where(backwards, -1, 1)
    return np.flip(voxels.transpose(order), tuple(np.flatnonzero(backwards).tolist())), affine


def directions_of(axes: str) -> FloatArray:
    """(3, 3): a row of LPS for each letter."""
    letters = PLANE_AXES.get(axes, axes)
    wanted = [_TOWARDS[letter] for letter in letters if letter in _TOWARDS]
    if len(letters) != 3 or len(wanted) != 3 or abs(np.linalg.det(wanted)) < 1:
        raise UserError(f"axes {axes!r}", "are not three directions at right angles",
                        f"give one letter of each pair, L or R, A or P, S or I, or one of {', '.join(PLANE_AXES)}")
    return np.array(wanted, float)
