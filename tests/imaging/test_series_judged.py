"""`read_series` judged by others: dcm2niix, SimpleITK, reference NIfTIs and each file's own header.

docs/reading-series.md tells who is right where they disagree.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic.series_files import pack_twelve_bits, pattern, planes, write_series
from radiogen.imaging import Volume, read_series, read_volumes
from radiogen.imaging.findings import FindingCode, Policy

from .made.expected import finding, only, refused
from .made.other_readers import RAS_TO_LPS, compare, dcm2niix_volumes, simpleitk_volumes

ONE_VOLUME = ("philips_mprage_sag", "siemens_t1_sag", "ge_pd_ax_obl", "siemens_xa_t1_jpegll", "siemens_xa_enh_t1",
              "philips_enh_t1_plus_raw", "philips_cl_t1_ffe", "hyperfine_enh", "generic_jpegls", "bad_duplicates",
              "bad_localizer_inside")
SEVERAL_VOLUMES = {"canon_enh_dti": 13, "siemens_mosaic_cor": 2, "philips_cl_fieldmap_mixed": 4, "ge_fmri_5vol": 5,
                   "ge_localizer_3plane": 3}

DCM2NIIX_APART_MM = {"philips_mprage_sag": 0.002, "siemens_xa_t1_jpegll": 0.011, "ge_pd_ax_obl": 1.35}
"""dcm2niix takes the step from the first gap, which is rounded, and multiplies the rounding by the number of slices."""

SIMPLEITK_APART_MM = {"ge_pd_ax_obl": 0.06}
"""SimpleITK keeps the step at right angles to the slices, so rounded positions do not lie on its line."""

SIMPLEITK_CANNOT = ("bad_duplicates",)
"""SimpleITK stacks copies as further slices."""


@pytest.fixture(scope="module")
def series(real_data) -> Path:
    return real_data / "dicom"


@pytest.fixture(scope="module")
def dcm2niix(series, tmp_path_factory):
    """Reads a series with dcm2niix."""
    pytest.importorskip("dcm2niix", reason="install the extra `test` for dcm2niix")
    return lambda folder: dcm2niix_volumes(folder, tmp_path_factory.mktemp("nifti"))


@pytest.fixture
def simpleitk():
    """Reads a series with SimpleITK."""
    pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    return simpleitk_volumes


def nearest(volume: Volume, others: list) -> tuple[float, float]:
    return min(compare((volume.voxels, volume.affine), other) for other in others)


@pytest.mark.parametrize("name", ONE_VOLUME)
def test_a_real_series_agrees_with_dcm2niix(series, dcm2niix, name):
    apart_mm, difference = nearest(read_series(series / name), dcm2niix(series / name))
    assert apart_mm < DCM2NIIX_APART_MM.get(name, 1e-3)
    assert difference < 1e-6


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow if name == "ge_pd_ax_obl" else ())  # GDCM takes 12 s for its headers
    for name in ONE_VOLUME if name not in SIMPLEITK_CANNOT])
def test_a_real_series_agrees_with_simpleitk(series, simpleitk, name):
    apart_mm, difference = nearest(read_series(series / name), simpleitk(series / name))
    assert apart_mm < SIMPLEITK_APART_MM.get(name, 1e-3)
    assert difference < 1e-6


@pytest.mark.parametrize("name", SEVERAL_VOLUMES)
def test_every_volume_of_a_real_series_is_one_of_dcm2niix(series, dcm2niix, name):
    volumes, others = read_volumes(series / name), dcm2niix(series / name)
    assert len(volumes) == len(others) == SEVERAL_VOLUMES[name]
    for volume in volumes:
        apart_mm, difference = nearest(volume, others)
        assert apart_mm < 1e-3
        assert difference < 1e-6


@pytest.mark.parametrize("number", range(1, 10))
def test_a_mosaic_is_the_same_in_nine_transfer_syntaxes(series, dcm2niix, tmp_path, number):
    file = series / "siemens_ts_matrix" / f"000{number}.dcm"
    volume, first = read_series(file), read_series(file.with_name("0001.dcm"))
    assert np.array_equal(volume.voxels, first.voxels)
    assert np.array_equal(volume.affine, first.affine)
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(file, alone)
    apart_mm, difference = nearest(volume, dcm2niix(alone))
    assert apart_mm < 1e-3
    assert difference == 0


@pytest.mark.parametrize("name", ["siemens_xa_t1_jpegll", "siemens_xa_enh_t1", "canon_enh_dti", "siemens_mosaic_cor",
                                  "ge_fmri_5vol", "hyperfine_enh", "generic_jpegls"])
def test_the_reference_nifti_of_a_series_has_our_voxels_in_our_place(series, name):
    import nibabel

    image = nibabel.load(series / f"{name}.nii.gz")
    voxels = np.asanyarray(image.dataobj)
    moments = [voxels[..., moment] for moment in range(voxels.shape[3])] if voxels.ndim == 4 else [voxels]
    volumes = read_volumes(series / name)
    assert len(volumes) == len(moments)
    for volume in volumes:
        apart_mm, difference = nearest(volume, [(moment, RAS_TO_LPS @ image.affine) for moment in moments])
        assert apart_mm < DCM2NIIX_APART_MM.get(name, 1e-3)
        assert difference == 0


def values_of(path: Path) -> np.ndarray:
    """Rescaled values by pydicom, and by SimpleITK where the file is compressed."""
    import pydicom

    dataset = pydicom.dcmread(path)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        itk = pytest.importorskip("SimpleITK")
        return itk.GetArrayFromImage(itk.ReadImage(str(path)))[0]
    return dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))


@pytest.mark.parametrize(("name", "rounding_mm"), [
    ("philips_mprage_sag", 1e-3), ("siemens_t1_sag", 1e-3), ("ge_pd_ax_obl", 0.1), ("siemens_xa_t1_jpegll", 1e-3),
    ("philips_cl_t1_ffe", 1e-3), ("generic_jpegls", 1e-3), ("siemens_ct_tilt", 1e-3), ("bad_missing_slices", 0.1),
    ("bad_truncated", 1e-3)])
def test_every_file_is_found_in_the_volume_where_its_own_header_says(series, name, rounding_mm):
    pydicom = pytest.importorskip("pydicom")
    volume, found = read_series(series / name), 0
    inverse = np.linalg.inv(volume.affine)
    for path in sorted((series / name).iterdir()):
        try:
            dataset = pydicom.dcmread(path)
            pixels = values_of(path)
        except Exception:  # the bad ones
            continue
        index = np.rint(inverse @ [*dataset.ImagePositionPatient, 1])[:3].astype(int)
        assert np.array_equal(volume.voxels[index[0]], pixels.astype(volume.voxels.dtype))
        place = (volume.affine @ [*index, 1])[:3]
        assert np.linalg.norm(place - np.array(dataset.ImagePositionPatient, float)) < rounding_mm
        found += 1
    assert found >= 4


def test_a_gantry_tilt_is_a_shear_of_fourteen_degrees(series):
    affine = read_series(series / "siemens_ct_tilt").affine
    step, normal = affine[:3, 0], np.cross(affine[:3, 2], affine[:3, 1])
    cosine = step @ normal / np.linalg.norm(step) / np.linalg.norm(normal)
    assert np.degrees(np.arccos(cosine)) == pytest.approx(14, abs=0.01)


def test_the_bad_series_end_as_their_index_says(series):
    assert read_series(series / "bad_duplicates").findings[0] == finding(FindingCode.COPIES, "0036.dcm", "0037.dcm")
    assert finding(FindingCode.OTHER_SERIES, "0021.dcm", "0022.dcm", "0023.dcm") in read_series(
        series / "bad_localizer_inside").findings
    missing = only(read_series(series / "bad_missing_slices").findings, FindingCode.SLICES_MISSING)
    assert missing.values["holes"] == ((2, "0007.dcm", "0008.dcm"), (1, "0013.dcm", "0014.dcm"))
    aside = {name for one in read_series(series / "bad_truncated").findings
             if one.code.policy is Policy.PART_USED for name in one.files}
    assert aside == {"0012.dcm", "0030.dcm", "0033.dcm"}
    with refused(FindingCode.NO_USABLE_IMAGE):
        read_series(series / "bad_not_dicom")
    with refused(FindingCode.SEVERAL_STACKS):
        read_series(series / "ge_localizer_3plane")


def test_the_missing_slices_of_a_series_lie_between_those_that_are_there(series):
    whole, holed = read_series(series / "ge_pd_ax_obl"), read_series(series / "bad_missing_slices")
    assert np.allclose(whole.affine, holed.affine)
    same = [bool(np.array_equal(a, b)) for a, b in zip(whole.voxels, holed.voxels, strict=True)]
    assert [index + 1 for index, each in enumerate(same) if not each] == [8, 9, 16]


@pytest.mark.parametrize(("name", "affine"), planes(), ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_a_made_series_agrees_with_both_readers_in_every_plane(tmp_path, simpleitk, name, affine, dtype):
    pytest.importorskip("dcm2niix")
    voxels = pattern((6, 20, 24), dtype) - np.array(1000 if dtype == "int16" else 0, dtype)
    write_series(tmp_path / "in", voxels, affine, numbers=[4, 1, 6, 2, 3, 5], SeriesNumber=1,
                 RescaleSlope="2.5" if dtype == "uint16" else "1", RescaleIntercept="-7" if dtype == "uint16" else "0")
    volume = read_series(tmp_path / "in")
    for others in (simpleitk(tmp_path / "in"), dcm2niix_volumes(tmp_path / "in", tmp_path / "out")):
        apart_mm, difference = nearest(volume, others)
        assert apart_mm < 1e-3
        assert difference < 1e-6


def test_twelve_bits_packed_agree_with_simpleitk(tmp_path, simpleitk):
    voxels = (pattern((4, 18, 22)) + np.uint16(2000)) % np.uint16(4096)
    write_series(tmp_path, voxels, BitsAllocated=12, BitsStored=12, HighBit=11,
                 change=lambda index, dataset: setattr(dataset, "PixelData", pack_twelve_bits(voxels[index])))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert nearest(volume, simpleitk(tmp_path)) == (pytest.approx(0, abs=1e-3), 0)


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_what_simpleitk_compressed_without_loss_is_read_as_it_was(tmp_path, compressor, dtype):
    itk = pytest.importorskip("SimpleITK")
    limits = np.iinfo(dtype)
    voxels = np.random.default_rng(5).integers(limits.min, limits.max, (40, 48)).astype(dtype)
    writer = itk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.SetFileName(str(tmp_path / "slice.dcm"))
    writer.Execute(itk.GetImageFromArray(voxels))
    read = read_series(tmp_path).voxels
    assert read.dtype == voxels.dtype
    assert np.array_equal(read[0], voxels)
