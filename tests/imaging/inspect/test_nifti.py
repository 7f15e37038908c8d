"""NIfTI files in the quality table, on the contact sheet and in the proof: what DICOM of the same head says too."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import pattern, planes, write_series
from radiogen.imaging import Volume, read_series
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.inspect.proof import explain_case
from radiogen.imaging.inspect.quality import inspect_dataset, inspect_series

OF_THE_VOLUME = ("plane", "oblique_degrees", "rows", "columns", "slices", "slice_spacing_mm", "row_spacing_mm",
                 "column_spacing_mm", "blank_share", "dtype", "lowest", "highest", "refused")


@pytest.fixture
def both(tmp_path):
    """A data set of one case as DICOM and as NIfTI: a straight, and an oblique series."""
    for name, (_, affine) in zip(("FLAIR", "T1w"), (list(planes())[0], list(planes())[-1]), strict=True):
        write_series(tmp_path / "dicom" / "train" / "00001" / name, pattern(), affine)
        write_nifti(tmp_path / "nifti" / "train" / "00001" / f"{name}.nii.gz",
                    read_series(tmp_path / "dicom" / "train" / "00001" / name))
    return tmp_path / "dicom", tmp_path / "nifti"


def test_the_cells_that_are_of_the_volume_are_those_of_its_dicom_files(both):
    dicom, nifti = (inspect_dataset(data, drawn=1, workers=1) for data in both)
    straight = [table[0].loc[0, list(OF_THE_VOLUME)].tolist() for table in (dicom, nifti)]
    assert straight[0] == straight[1]
    oblique = [table[0].loc[1, ["plane", "oblique_degrees", "slices", "findings"]].tolist() for table in (dicom, nifti)]
    assert oblique[0] == oblique[1]
    assert nifti[0]["reader"].tolist() == ["nibabel"] * 2 and nifti[0]["files"].tolist() == [1, 1]
    assert np.array_equal(dicom[1][0].pixels, nifti[1][0].pixels) and dicom[1][0][1:] == nifti[1][0][1:]


def test_the_proof_names_the_form_its_code_and_the_directions(both):
    text = "\n".join(explain_case(both[1], "00001"))
    for words in ("FLAIR.nii.gz: ", "sform, code 1 (the scanner's coordinates)", "axial; slices, rows and columns run "
                  "towards H P L", "train/00001/FLAIR"):
        assert words in text


def test_a_file_without_a_place_and_a_damaged_one_say_so(both):
    path = both[1] / "train" / "00001" / "FLAIR.nii.gz"
    write_nifti(path, Volume(pattern(), None))
    row = inspect_series(path)
    assert (row["plane"], row["ordered_by"], row["finding_codes"]) == ("", "", "NIFTI_PLACE_MISSING")
    assert "nothing says where left is" in "\n".join(explain_case(both[1], "00001"))
    path.write_bytes(b"nothing")
    assert inspect_series(path)["refused_code"] == "NIFTI_UNKNOWN"
    assert "is not a NIfTI file" in "\n".join(explain_case(both[1], "00001"))
