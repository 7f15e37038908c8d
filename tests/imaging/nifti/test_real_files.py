"""Files of real scanners, converted by others: every voxel has the value and the place that two readers give it."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from radiogen.imaging import read_nifti
from radiogen.imaging.findings import FindingCode, codes
from radiogen.imaging.folder import SeriesError

from ..made.other_readers import compare, nibabel_nifti, simpleitk_nifti

ONE_VOLUME = ("generic_jpegls", "hyperfine_enh", "philips_cl_t1_ffe", "philips_enh_t1_plus_raw", "siemens_xa_enh_t1",
              "siemens_xa_t1_jpegll", *(f"siemens_ts_matrix_{number}" for number in range(1, 10)))
SEVERAL = {"canon_enh_dti": 13, "ge_fmri_5vol": 5, "siemens_mosaic_cor": 2}


def _file(folder: Path, name: str) -> Path:
    path = folder / "dicom" / f"{name}.nii.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real series here")
    return path


@pytest.mark.parametrize("name", ONE_VOLUME)
def test_a_real_file_has_the_voxels_and_places_of_nibabel_and_simpleitk(real_data, name):
    pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    volume = read_nifti(_file(real_data, name))
    for other in (nibabel_nifti, simpleitk_nifti):
        apart_mm, differs = compare((volume.voxels, volume.affine), other(_file(real_data, name)))
        assert apart_mm < 1e-3 and differs < 1e-6


@pytest.mark.parametrize("name", ONE_VOLUME)
def test_slices_of_a_real_file_are_called_blank_where_they_are(real_data, name):
    volume = read_nifti(_file(real_data, name))
    blank = [number for number, one in enumerate(volume.voxels) if one.min() == one.max()]
    assert codes(volume.findings) == ((FindingCode.SLICES_BLANK,) if blank else ())


@pytest.mark.parametrize("name", SEVERAL)
def test_a_real_file_of_several_volumes_is_refused_with_their_number_and_each_one_is_read(real_data, name, tmp_path):
    path = _file(real_data, name)
    with pytest.raises(SeriesError, match=f"holds {SEVERAL[name]} volumes, not one"):
        read_nifti(path)
    nibabel.save(nibabel.four_to_three(nibabel.load(path))[-1], tmp_path / "last.nii")
    volume = read_nifti(tmp_path / "last.nii")
    voxels, affine = nibabel_nifti(path)
    assert max(compare((volume.voxels, volume.affine), (np.asarray(voxels[..., -1]), affine))) < 1e-3
