"""Where a NIfTI header says that its voxels lie: sform or qform, in the patient's LPS mm, or unknown.

In: nibabel's header. Out: an affine for the axes in the file's order (i, j, k), and what is odd about it. The sform is
taken before the qform, each where its code is not 0 (nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE").
With both codes 0 the header has voxel sizes and no directions: nothing says where left is, so there is no affine.
"""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from radiogen.core.types import Affine
from radiogen.imaging.findings import Finding, FindingCode

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM's patient axes run to the left and back, NIfTI's to the right and front; its own inverse."""
FILE_ORDER = (2, 1, 0)
"""From (i, j, k) to (slice, row, column): NIfTI's first axis is the fastest in the file, as the columns of an image
are; its own inverse."""
LEAST_MM, MOST_MM = 1e-3, 1e3
"""Between two voxels of a patient, as for DICOM."""
CODES = {1: "the scanner's coordinates", 2: "aligned to another image", 3: "Talairach", 4: "MNI 152",
         5: "another template"}
UNITS_MM = {"mm": 1.0, "unknown": 1.0, "meter": 1e3, "micron": 1e-3}


def read_affine(header: "Nifti1Header", shape: tuple[int, int, int]) -> tuple[Affine | None, list[Finding]]:
    """The affine of the axes (i, j, k) to LPS mm, None where unknown, and findings."""
    unit = _unit(header)
    findings: list[Finding] = []
    if UNITS_MM[unit] != 1:
        findings.append(Finding(FindingCode.NIFTI_UNITS, (), {"unit": unit}))
    forms = _forms(header)
    findings += [Finding(FindingCode.NIFTI_FORM_IMPOSSIBLE, (), {"form": name})
                 for name, affine in forms.items() if affine is None]
    affines = {name: affine for name, affine in forms.items() if affine is not None}
    if not affines:
        return None, [*findings, Finding(FindingCode.NIFTI_PLACE_MISSING)]
    if len(affines) == 2:
        apart_mm = _corners_apart_mm(affines["sform"], affines["qform"], shape)
        if apart_mm > np.linalg.norm(affines["sform"][:3, :3], axis=0).min() / 2:
            findings.append(Finding(FindingCode.NIFTI_FORMS_DIFFER, (), {"apart_mm": apart_mm}))
    return LPS_TO_RAS @ next(iter(affines.values())), findings


def form_used(header: "Nifti1Header") -> str:
    """Which of the two forms `read_affine` takes, with its code and what that means (nifti1.h), in a phrase."""
    used = next((name for name, affine in _forms(header).items() if affine is not None), None)
    if used is None:
        return "neither sform nor qform"
    code = int(header[f"{used}_code"])
    return f"{used}, code {code} ({CODES.get(code, 'a code that the format does not have')})"


def _forms(header: "Nifti1Header") -> dict[str, Affine | None]:
    """The forms whose code is set, the sform first, in mm (RAS); None for one that is no affine."""
    read = {"sform": header.get_sform, "qform": header.get_qform}
    return {name: _scaled(form, UNITS_MM[_unit(header)]) for name, form in read.items()
            if int(header[f"{name}_code"]) > 0}


def _unit(header: "Nifti1Header") -> str:
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:  # a code that the format does not have
        unit = "unknown"
    return unit if unit in UNITS_MM else "unknown"


def _scaled(read: "object", factor: float) -> Affine | None:
    """An affine in mm; None where it is none: not finite, flat, or of steps that cannot lie between two voxels."""
    from nibabel.spatialimages import HeaderDataError

    try:
        affine = np.array(read(), np.float64)  # type: ignore[operator]
    except (HeaderDataError, ValueError, ArithmeticError):
        return None
    affine[:3] *= factor
    if not np.isfinite(affine).all():
        return None
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    if steps.min() < LEAST_MM or steps.max() > MOST_MM or abs(np.linalg.det(affine[:3, :3] / steps)) < 1e-3:
        return None
    return affine


def _corners_apart_mm(one: Affine, other: Affine, shape: tuple[int, int, int]) -> float:
    corners = np.array(list(itertools.product(*((0, extent - 1) for extent in shape))), np.float64)
    apart = (one - other) @ np.column_stack([corners, np.ones(len(corners))]).T
    return float(np.linalg.norm(apart[:3], axis=0).max())
