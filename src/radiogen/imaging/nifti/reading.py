"""A NIfTI file as a `Volume`: the same thing, in the same order, as `read_series` makes of DICOM files.

In: a path. Out: voxels (slice, row, column), the affine to the patient's LPS mm, and findings; `findings.FindingCode`
lists what can be odd and what is done. NIfTI has no rows and columns: the third axis, or the one that `dim_info`
names, is that of the slices, and each slice lies as a radiologist looks at its plane (`volume.PLANE_AXES`), which
is how scanners store it in DICOM. Nothing is interpolated.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from radiogen.core.memory import translate_memory_errors
from radiogen.core.types import Voxels
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import SeriesError, blank_findings
from radiogen.imaging.nifti.files import NiftiFile, read_file
from radiogen.imaging.nifti.place import FILE_ORDER, read_affine
from radiogen.imaging.reader import Reader
from radiogen.imaging.volume import Volume, display_order

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

Order = Literal["display", "file"]


def read_nifti(path: Path | str, *, order: Order = "display") -> Volume:
    """The one volume of a NIfTI-1 or NIfTI-2 file: `.nii`, `.hdr` with `.img`, each also compressed (`.gz`).

    Parameters
    ----------
    path
        The file; of a pair either one.
    order
        `display`: slices, rows and columns run as in a radiologist's picture of the plane, slices towards S, P or R
        (`volume.PLANE_AXES`); without an affine as in the file. `file`: slice k, row j, column i of the file as
        they are, which returns the order of a series that `export.write_nifti` wrote.

    Returns
    -------
    Volume
        voxels: (slice, row, column), the stored dtype in native byte order, or float32 where scl_slope and scl_inter
        ask for a rescale. affine: LPS mm; None where neither sform nor qform is set.

    Raises
    ------
    SeriesError
        Where there is no such file, it is no NIfTI image of one volume of grey values, damaged, or blank.

    Examples
    --------
    >>> from radiogen.imaging.export.series_export import write_nifti
    >>> from radiogen.imaging.series import read_series
    >>> _ = write_nifti("flair.nii.gz", read_series("input/phantom/train/00000/FLAIR"))
    >>> read_nifti("flair.nii.gz").voxels.shape
    (8, 8, 8)
    """
    path = Path(path)
    with translate_memory_errors(path):
        return to_volume(read_file(path), path, order)


def to_volume(file: NiftiFile, path: Path, order: Order = "display") -> Volume:
    """What `read_nifti` makes of a file that was read; path: its name in errors and findings."""
    affine, odd = read_affine(file.header, _extents(file))
    findings = [*file.findings, *odd]
    voxels = _native(file.stored).transpose(FILE_ORDER)
    if affine is not None:
        affine = affine[:, [*FILE_ORDER, 3]]
    if order == "display":
        voxels, affine = display_order(voxels, affine, slices=FILE_ORDER.index(_slice_axis(file.header)))
    voxels = np.ascontiguousarray(_rescaled(voxels, file.header, path, findings))
    findings += _value_findings(path, voxels)
    return Volume(voxels, affine, tuple(findings), Reader("nibabel"))


def _extents(file: NiftiFile) -> tuple[int, int, int]:
    first, second, third = file.stored.shape
    return first, second, third


def _slice_axis(header: "Nifti1Header") -> int:
    """The axis (0: i, 1: j, 2: k) along which slices follow each other; k where the header does not say."""
    axis = header.get_dim_info()[2]
    return 2 if axis is None else int(axis)


def _native(stored: Voxels) -> Voxels:
    """In native byte order, and in a dtype that is known everywhere: float64 stays, longer floats do not."""
    dtype = stored.dtype.newbyteorder("=")
    return stored.astype(np.float64 if dtype.kind == "f" and dtype.itemsize > 8 else dtype, copy=False)


def _rescaled(voxels: Voxels, header: "Nifti1Header", path: Path, findings: list[Finding]) -> Voxels:
    """scl_slope * voxel + scl_inter as float32; a slope of 0 means that there is none (nifti1.h)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or (slope, intercept) == (1, 0):
        return voxels
    if not np.isfinite(slope) or not np.isfinite(intercept):
        if not (np.isnan(slope) and np.isnan(intercept)):  # nibabel writes NaN for "none"
            findings.append(Finding(FindingCode.RESCALE_NO_NUMBER, [path.name], {
                "name": "factor", "text": f"{slope:g}, {intercept:g}", "everywhere": False}))
        return voxels
    made = np.empty(voxels.shape, np.float32)
    for target, source in zip(made, voxels, strict=True):
        target[...] = source * np.float64(slope) + np.float64(intercept)
    return made


def _value_findings(path: Path, voxels: Voxels) -> list[Finding]:
    """Voxels that are NaN or infinite, and blank slices. Raises SeriesError where there is nothing but those."""
    if voxels.dtype.kind == "f":
        lost = int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
        if lost == voxels.size:
            raise SeriesError(path, Finding(FindingCode.VALUES_LOST), "fetch the file again or leave it out")
    else:
        lost = 0
    findings = [Finding(FindingCode.VALUES_NOT_FINITE, (), {"count": lost, "total": voxels.size})] if lost else []
    values = [each.flat[0] if (each == each.flat[0]).all() else None for each in voxels]
    return [*findings, *blank_findings(path, values, [f"slice {number + 1}" for number in range(len(voxels))])]


