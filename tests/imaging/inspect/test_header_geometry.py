"""Headers alone say of each series' geometry what reading it whole says."""

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, planes, write_enhanced, write_series
from radiogen.dataset.geometry import COLUMNS, SIZES
from radiogen.imaging.inspect.header_geometry import header_geometry, series_geometry
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import plane, spacing_mm


def _read_whole(path):
    volume = read_series(path)
    return {"plane": plane(volume), **dict(zip(SIZES, (*volume.voxels.shape, *np.round(spacing_mm(volume), 4)),
                                               strict=True))}


@pytest.mark.parametrize(("name", "affine"), planes(), ids=lambda value: value if isinstance(value, str) else "")
def test_plane_matrix_and_spacing_are_those_of_the_volume(tmp_path, name, affine):
    write_series(tmp_path, pattern(), affine)
    assert series_geometry(tmp_path) == _read_whole(tmp_path)


def test_an_interpolated_slice_counts_as_it_does_in_the_volume(tmp_path):
    write_series(tmp_path, pattern((9, 6, 8)), AXIAL)
    sorted(tmp_path.iterdir())[4].unlink()
    found = series_geometry(tmp_path)
    assert found == _read_whole(tmp_path) and found["slices"] == 9 and found["slice_spacing_mm"] == 3.0


def test_the_frames_of_one_file_are_its_slices(tmp_path):
    write_enhanced(tmp_path / "1.dcm", pattern(), AXIAL)
    assert series_geometry(tmp_path) == _read_whole(tmp_path)


def test_a_nifti_file_has_its_geometry_too(tmp_path):
    path = tmp_path / "flair.nii.gz"
    nibabel.save(nibabel.Nifti1Image(pattern((8, 6, 5)).astype(np.int16), np.diag([0.5, 0.75, 3.0, 1])), path)
    assert series_geometry(path) == _read_whole(path)


def test_no_pixel_is_needed(tmp_path):
    write_series(tmp_path, np.zeros((5, 6, 8), np.uint16), AXIAL)  # refused as blank where it is read
    assert series_geometry(tmp_path)["plane"] == "axial"


def test_a_data_set_has_a_row_a_series_and_nothing_is_known_of_one_that_is_no_dicom(tmp_path):
    write_series(tmp_path / "train" / "00000" / "FLAIR", pattern(), AXIAL)
    (tmp_path / "train" / "00002" / "T1w").mkdir(parents=True)
    (tmp_path / "train" / "00002" / "T1w" / "Image-1.dcm").write_bytes(b"no DICOM")
    table = header_geometry(tmp_path, workers=1)
    assert list(table.columns) == list(COLUMNS) and table["sequence"].tolist() == ["FLAIR", "T1w"]
    assert table["plane"].tolist()[0] == "axial" and table.loc[1, ["plane", *SIZES]].isna().all()
    assert pd.to_numeric(table["slices"]).iloc[0] == 5
