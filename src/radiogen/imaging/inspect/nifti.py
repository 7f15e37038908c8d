"""What is said of a NIfTI file in the quality table, on the contact sheet, and as the proof of its geometry.

In: a path. Out: a row, a picture, lines to print. A NIfTI file has no headers of slices, so the cells about files,
their order and gaps stay empty; what says where the voxels lie is the sform or the qform.
"""

from pathlib import Path
from typing import Any

import numpy as np

from radiogen.imaging.findings import codes_text
from radiogen.imaging.inspect.evidence import oblique_degrees, side
from radiogen.imaging.nifti.files import read_file
from radiogen.imaging.nifti.place import form_used
from radiogen.imaging.nifti.reading import to_volume
from radiogen.imaging.volume import Volume, plane, slice_normal, spacing_mm


def nifti_row(volume: Volume) -> dict[str, Any]:
    """The cells of the quality table that a NIfTI file has."""
    voxels, normal = volume.voxels, slice_normal(volume)
    steps = spacing_mm(volume) or (None, None, None)
    return {
        **volume_cells(volume),
        "plane": plane(volume) or "", "oblique_degrees": None if normal is None else round(oblique_degrees(normal), 2),
        "rows": voxels.shape[1], "columns": voxels.shape[2],
        **{f"{name}_spacing_mm": step and round(step, 4)
           for name, step in zip(("slice", "row", "column"), steps, strict=True)},
        "ordered_by": "" if volume.affine is None else "affine", "file_names": "", "instance_numbers": "",
        "missing_slices": 0, "smallest_gap_mm": None, "largest_gap_mm": None, "uneven": "",
        "signed": "yes" if voxels.dtype.kind == "i" else "", "rescaled": "", "files": 1}


def volume_cells(volume: Volume) -> dict[str, Any]:
    """The cells of the quality table that every series has, whichever file it was read from."""
    voxels, reader = volume.voxels, volume.reader
    blank = voxels.min(axis=(1, 2)) == voxels.max(axis=(1, 2))
    finite = voxels[np.isfinite(voxels)] if voxels.dtype.kind == "f" else voxels
    return {
        "slices": len(voxels), "blank_share": round(float(blank.mean()), 4), "dtype": str(voxels.dtype),
        "lowest": finite.min().item(), "highest": finite.max().item(), "reader": reader.name if reader else "",
        "reader_reason": str(reader.reason or "") if reader else "", "findings": "; ".join(map(str, volume.findings)),
        "finding_codes": codes_text(volume.findings), "refused": "", "refused_code": ""}


def picture_sides(volume: Volume) -> tuple[str, str]:
    """The patient's side at the left and at the top of a slice: R, L, A, P, F, H, or "" where it is not known."""
    if volume.affine is None:
        return "", ""
    return side(-volume.affine[:3, 2]), side(-volume.affine[:3, 1])


def explain_nifti(path: Path) -> dict[str, str]:
    """What the place of a NIfTI file's voxels was taken from: sentences by their heading."""
    file = read_file(path)
    volume = to_volume(file, path)
    extents = " x ".join(map(str, file.stored.shape))
    kept = "order and directions as in the file: nothing says where left is"
    shape = " x ".join(map(str, volume.voxels.shape))
    if volume.affine is None:
        turned = kept
    else:
        towards = " ".join(side(volume.affine[:3, axis]) for axis in range(3))
        turned = f"{plane(volume)}; slices, rows and columns run towards {towards}"
    steps = spacing_mm(volume)
    return {
        "file": f"{path.name}: {extents} voxels (i, j, k) of {file.stored.dtype}",
        "place": form_used(file.header), "plane": turned,
        "spacing": "not known" if steps is None else
                   f"{steps[0]:.4g} mm between slices, {steps[1]:.4g} x {steps[2]:.4g} mm between rows and columns",
        "volume": f"{shape} (slice, row, column) of {volume.voxels.dtype}",
        **({"findings": "; ".join(map(str, volume.findings))} if volume.findings else {})}
