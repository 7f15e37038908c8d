"""A file of labels as a mask of the tumour: 1 inside, 0 outside.

In: a NIfTI file or a folder of DICOM images, and which of its numbers are tumour. Out: a `Volume` of uint8 with the
affine of the file. What is no mask (no label of the tumour, values that are no labels) is refused by name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from radiogen.core.types import Voxels
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.intensity import finite_voxels
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume

_ROUNDING = 1e-3
"""How far a stored label may be from a whole number: files of floats with a slope and an intercept round."""
_REMEDY = "correct the mask or leave the case out"


def read_mask(path: Path | str, values: Mapping[str, Sequence[int]] | None = None) -> Volume:
    """The tumour that a file of labels marks.

    Parameters
    ----------
    path
        A NIfTI file, or the folder of a DICOM series whose pixels are labels.
    values
        The labels of each part of the tumour, which is all of them together; None or {}: every label but 0.

    Returns
    -------
    Volume
        voxels: (slice, row, column) uint8, 1 in the tumour. affine: LPS mm, None where the file does not say.
        findings: what is odd; blank slices are not, in a mask.

    Raises
    ------
    SeriesError
        Where there is no such file, it is damaged, holds values that are no labels, or marks no tumour.
    """
    path = Path(path)
    try:
        volume = read_series(path)
    except SeriesError as error:
        if error.finding.code is FindingCode.SERIES_BLANK and error.finding.values["value"] == 0:
            raise SeriesError(path, Finding(FindingCode.MASK_EMPTY), _REMEDY) from error
        raise
    labels = _labels(path, volume.voxels)
    named = sorted({number for numbers in (values or {}).values() for number in numbers})
    findings = [each for each in volume.findings if each.code is not FindingCode.SLICES_BLANK]
    tumour = np.isin(labels, named) if named else labels != 0
    unnamed = tuple(int(each) for each in np.unique(labels[~tumour]) if each) if named else ()
    if unnamed:
        findings.append(Finding(FindingCode.MASK_VALUES_UNNAMED, (), {"numbers": unnamed}))
    if not tumour.any():
        raise SeriesError(path, Finding(FindingCode.MASK_EMPTY), _REMEDY)
    return Volume(tumour.astype(np.uint8), volume.affine, tuple(findings), volume.reader)


def _labels(path: Path, voxels: Voxels) -> Voxels:
    """Whole numbers from 0 up; voxels that are not finite count as 0. Raises SeriesError where there are others."""
    values = finite_voxels(voxels)
    labels = np.rint(values) if values.dtype.kind == "f" else values
    wrong = (values < 0) if labels is values else (labels < 0) | (np.abs(values - labels) > _ROUNDING)
    if wrong.any():
        value = float(values[np.unravel_index(int(wrong.argmax()), wrong.shape)])
        raise SeriesError(path, Finding(FindingCode.MASK_NOT_LABELS, (), {"value": value}), _REMEDY)
    return labels
