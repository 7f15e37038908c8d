"""Exports of a series: the place of its voxels in NIfTI, in the cube and in DICOM; the pictures and their folder."""

import gzip

import cv2
import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from benchmarks.synthetic.series_files import AXIAL, pattern, planes, write_series
from radiogen.arrays import read_slices
from radiogen.core.errors import UserError
from radiogen.imaging import Volume, read_series
from radiogen.imaging.export.series_export import (
    LPS_TO_RAS,
    ExportSettings,
    _source_files,
    cube_volume,
    export_series,
    write_nifti,
    write_png_slices,
)

from ..made.other_readers import compare, simpleitk_volumes
from .test_multi_frame import errors_of

KEY = b"a key of a test's own"


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


def nifti(path) -> tuple[np.ndarray, np.ndarray]:
    image = nibabel.load(path)
    return np.asanyarray(image.dataobj), LPS_TO_RAS @ image.affine


def simpleitk_file(path) -> tuple[np.ndarray, np.ndarray]:
    itk = pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    image, affine = itk.ReadImage(str(path)), np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return itk.GetArrayFromImage(image).transpose(2, 1, 0), affine


@pytest.mark.parametrize(("name", "affine"), planes(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_nifti_is_read_in_the_same_place_by_two_readers(tmp_path, name, affine):
    for suffix, turned in ((".nii", affine), (".nii.gz", affine * [-1, 1, 1, 1])):
        path = write_nifti(tmp_path / f"x{suffix}", Volume(pattern(), turned))
        for read in (nifti, simpleitk_file):
            apart_mm, difference = compare((pattern(), turned), read(path))
            assert apart_mm < 1e-3
            assert difference == 0


def test_a_nifti_has_columns_first_slices_last_and_tells_scanner_coordinates(tmp_path):
    image = nibabel.load(write_nifti(tmp_path / "x.nii.gz", Volume(pattern((5, 6, 8)), AXIAL)))
    assert image.shape == (8, 6, 5)
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert image.header["sform_code"] == image.header["qform_code"] == 1
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize(("dtype", "stored"), [
    ("uint8", "uint8"), ("int16", "int16"), (">u2", "uint16"), ("float32", "float32"), ("bool", "uint8"),
    ("float16", "float32"), ("int64", "int32"), ("uint64", "int32")])
def test_a_nifti_keeps_every_value_in_a_dtype_that_programs_know(tmp_path, dtype, stored):
    voxels = (pattern() % 120).astype(dtype)
    read, _ = nifti(write_nifti(tmp_path / "x.nii", Volume(voxels, AXIAL)))
    assert read.dtype == np.dtype(stored)
    assert np.array_equal(read.transpose(2, 1, 0), voxels)


def test_a_gantry_tilt_stays_in_the_sform_and_no_qform_denies_it(tmp_path):
    tilted = AXIAL.copy()
    tilted[1, 0] = 1.5
    path = write_nifti(tmp_path / "x.nii", Volume(pattern(), tilted))
    assert np.abs(nifti(path)[1] - tilted[:, [2, 1, 0, 3]]).max() < 1e-5
    assert nibabel.load(path).header["qform_code"] == 0


def test_a_nifti_of_a_series_without_an_affine_says_that_its_place_is_unknown(tmp_path):
    image = nibabel.load(write_nifti(tmp_path / "x.nii", Volume(pattern(), None)))
    assert image.header["sform_code"] == image.header["qform_code"] == 0


def test_a_nifti_has_the_same_bytes_every_time_and_needs_its_own_suffix(tmp_path):
    one, two = (write_nifti(tmp_path / name / "x.nii.gz", Volume(pattern(), AXIAL)) for name in "ab")
    assert one.read_bytes() == two.read_bytes()
    with pytest.raises(UserError, match=r"let it end in .nii or .nii.gz"):
        write_nifti(tmp_path / "x.img", Volume(pattern(), AXIAL))


def test_every_slice_is_an_rgb_picture_in_the_order_of_the_series(tmp_path):
    write_series(tmp_path / "in", pattern((12, 40, 30)))
    folder = write_png_slices(tmp_path / "png", read_series(tmp_path / "in"))
    names = sorted(path.name for path in folder.glob("*.png"))
    assert (names[0], names[-1], len(names)) == ("slice-000.png", "slice-011.png", 12)
    pictures = [cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED) for name in names]
    for picture, grey in zip(pictures, read_slices(tmp_path / "in", 224), strict=True):
        assert np.array_equal(picture, np.stack([grey] * 3, axis=2))


def test_isotropic_pictures_are_padded_with_black_also_where_values_are_negative(tmp_path):
    voxels = pattern((3, 10, 10), "int16") - np.int16(400)  # 7.5 mm high, 5 mm wide
    folder = write_png_slices(tmp_path / "png", Volume(voxels, AXIAL), 24, "isotropic")
    picture = cv2.imread(str(folder / "slice-002.png"))
    assert picture.shape == (24, 24, 3)
    assert not picture[:, :4].any() and not picture[:, -4:].any()
    assert picture[:, 4:-4].min() > 128


def test_pictures_replace_those_of_an_earlier_export_and_nothing_else(tmp_path):
    folder = tmp_path / "png"
    write_png_slices(folder, Volume(pattern((7, 6, 8)), AXIAL), 16)
    write_png_slices(folder, Volume(pattern((3, 6, 8)), AXIAL), 16)
    assert len(list(folder.glob("*.png"))) == 3
    for name in ("notes.txt", "slice-007.png", "slice-001.png"):  # the last one is ours, and marked by the user
        before = (folder / name).read_bytes() if (folder / name).exists() else None
        (folder / name).write_text("mine")
        with pytest.raises(UserError, match=f"{name}: was .* choose another --output"):
            write_png_slices(folder, Volume(pattern(), AXIAL), 16)
        assert (folder / name).read_text() == "mine"
        (folder / name).write_bytes(before) if before else (folder / name).unlink()
    assert len(list(folder.glob("*.png"))) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["png"]


def blob(shape, affine, place) -> np.ndarray:
    """A bright ball of 12 mm around a place in the patient."""
    index = np.moveaxis(np.indices(shape), 0, -1)
    away = np.linalg.norm(index @ affine[:3, :3].T + affine[:3, 3] - place, axis=-1)
    return (1000 * np.exp(-(away / 12) ** 2)).astype(np.uint16)


def centre(voxels, affine) -> np.ndarray:
    """Where the brightness lies in mm."""
    weights = np.where(voxels > 0.02 * voxels.max(), voxels, 0).astype(float)
    index = np.array([(weights.sum(axis=tuple({0, 1, 2} - {axis})) * np.arange(weights.shape[axis])).sum()
                      for axis in range(3)]) / weights.sum()
    return (affine @ [*index, 1])[:3]


@pytest.mark.parametrize("geometry", ["stretch", "isotropic"])
@pytest.mark.parametrize("shape", [(40, 60, 70), (30, 80, 50), (64, 40, 50), (24, 30, 30)])
def test_what_is_bright_in_the_series_lies_in_the_same_place_in_the_exported_cube(tmp_path, shape, geometry):
    *_, (_, affine) = planes()  # doubly oblique
    affine = affine @ np.diag([1, 2, 3, 1])  # voxels of 2.5, 1.5 and 1.5 mm
    place = (affine @ [*(np.array(shape) * [0.45, 0.55, 0.5]), 1])[:3]
    folder = tmp_path / "00042" / "FLAIR"
    write_series(folder, blob(shape, affine, place), affine)
    (_, path), = export_series([folder], tmp_path / "out", ExportSettings(["dicom"], size=48, geometry=geometry))
    assert path.name == f"00042-FLAIR-cube48-{geometry}.dcm"
    volume = read_series(path)
    assert volume.voxels.shape == (48, 48, 48)
    assert np.linalg.norm(centre(volume.voxels, volume.affine) - place) < 0.5
    (voxels, theirs), = simpleitk_volumes(path.parent)
    assert np.linalg.norm(centre(voxels, theirs) - place) < 0.5


def test_a_cube_without_an_affine_keeps_its_voxels_and_none(tmp_path):
    cube = cube_volume(Volume(pattern((9, 20, 10)), None), 8)
    assert cube.affine is None
    assert (cube.voxels.shape, cube.voxels.dtype) == ((8, 8, 8), np.uint8)


def test_a_series_is_exported_in_all_formats_with_all_its_voxels(tmp_path):
    voxels = pattern((6, 20, 24))
    folder = tmp_path / "00042" / "T1w"
    write_series(folder, voxels, numbers=[4, 1, 6, 2, 3, 5])
    settings = ExportSettings(["dicom", "nifti", "png"], whole=True, picture_size=32)
    written = dict(export_series([folder], tmp_path / "out", settings))
    assert [path.name for path in written.values()] == [
        "00042-T1w.dcm", "00042-T1w.nii.gz", "00042-T1w-slices32-stretch"]
    assert pydicom.dcmread(written["dicom"]).PatientID == "00042"
    volume = read_series(written["dicom"])
    assert np.array_equal(volume.voxels, voxels)
    assert np.abs(volume.affine - AXIAL).max() < 1e-9
    assert np.array_equal(nifti(written["nifti"])[0].transpose(2, 1, 0), voxels)


@pytest.fixture
def named(tmp_path):
    """A folder and files that a patient's name can be read from, with a gap that the findings tell."""
    folder = tmp_path / "in" / "DOE_JANE" / "DOE_JANE_T1_post"
    write_series(folder, pattern((6, 20, 24)), PatientID="4711-DOE", PatientName="DOE^JANE", StudyID="DOE1",
                 StudyInstanceUID=generate_uid(), FrameOfReferenceUID=generate_uid())
    for path in sorted(folder.iterdir()):
        path.rename(folder / f"DOE_JANE_{path.name.removeprefix('Image-')}")
    (folder / "DOE_JANE_notes.txt").write_text("no DICOM")
    return folder


def _source_uids(folder):
    headers = [pydicom.dcmread(path) for path in folder.glob("*.dcm")]
    return {str(each[name].value) for each in headers for name in (
        "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")}


def test_an_export_names_nobody_and_none_of_the_sources_uids(named, tmp_path):
    assert any("DOE_JANE" in str(one) for one in read_series(named).findings)
    settings = ExportSettings(["dicom", "nifti", "png"], size=16)
    for _, path in export_series([named], tmp_path / "out", settings, key=KEY):
        assert "DOE" not in path.name
        for written in [path] if path.is_file() else path.iterdir():
            assert b"DOE" not in written.read_bytes()
    (path,) = (tmp_path / "out").glob("*.dcm")
    text = str(pydicom.dcmread(path))
    assert len(_source_uids(named)) == 9 and not [uid for uid in _source_uids(named) if uid in text]
    assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


def test_pseudonyms_and_uids_are_those_of_the_key(named, tmp_path):
    def read(output, key):
        (_, path), = export_series([named], tmp_path / output, ExportSettings(["dicom"], size=16), key=key)
        return path, pydicom.dcmread(path)

    (one, first), (two, _), (_, other) = read("a", KEY), read("b", KEY), read("c", KEY + b"!")
    assert one.name == two.name and one.read_bytes() == two.read_bytes()
    assert first.PatientID != other.PatientID and first.FrameOfReferenceUID != other.FrameOfReferenceUID
    assert first.FrameOfReferenceUID.startswith("2.25.") and first.FrameOfReferenceUID.is_valid


def test_two_series_of_a_patient_share_pseudonym_study_and_mapped_frame_of_reference(tmp_path):
    uids = {"StudyInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid(), "PatientID": "4711"}
    for name in ("pre", "post"):
        write_series(tmp_path / name, pattern(), **uids)
    folders = [tmp_path / "pre", tmp_path / "post"]
    written = export_series(folders, tmp_path / "out", ExportSettings(["dicom"], size=16), key=KEY)
    one, two = (pydicom.dcmread(path) for _, path in written)
    for name in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert one[name].value == two[name].value
    studies = {each.SourceImageEvidenceSequence[0].StudyInstanceUID for each in (one, two)}
    assert len(studies) == 1 and uids["StudyInstanceUID"] not in studies


def test_references_in_the_groups_are_those_of_the_evidence(named, tmp_path):
    (_, path), = export_series([named], tmp_path / "out", ExportSettings(["dicom"], size=16), key=KEY)
    dataset = pydicom.dcmread(path)
    series, = dataset.SourceImageEvidenceSequence[0].ReferencedSeriesSequence
    evidence = {each.ReferencedSOPInstanceUID for each in series.ReferencedSOPSequence}
    image, = dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence
    assert {each.ReferencedSOPInstanceUID for each in image.SourceImageSequence} == evidence and len(evidence) == 6


def test_the_sources_uids_are_kept_where_the_user_asks_for_it(named, tmp_path):
    (_, path), = export_series([named], tmp_path / "out", ExportSettings(["dicom"], size=16), key=KEY, keep_uids=True)
    assert not [uid for uid in _source_uids(named) if uid not in str(pydicom.dcmread(path))]
    assert b"DOE" not in path.read_bytes()


def test_the_user_may_say_how_the_patient_is_called(named, tmp_path):
    (_, path), = export_series([named], tmp_path / "out", ExportSettings(["dicom"], size=16), key=KEY, patient="P-007")
    assert path.name.startswith("P-007-") and pydicom.dcmread(path).PatientID == "P-007"
    with pytest.raises(UserError, match=r"--patient-id ../x: cannot be part of a file's name"):
        list(export_series([named], tmp_path / "out", ExportSettings(["dicom"]), key=KEY, patient="../x"))


def test_five_digits_above_a_folder_that_is_no_sequence_are_no_case_id(tmp_path):
    write_series(tmp_path / "80123" / "DOE_T1", pattern())
    folder, settings = tmp_path / "80123" / "DOE_T1", ExportSettings(["dicom"], size=16)
    (_, path), = export_series([folder], tmp_path / "out", settings, key=KEY)
    assert "80123" not in path.name and b"80123" not in path.read_bytes()


def test_two_series_of_the_same_name_are_refused_before_anything_is_written(tmp_path):
    for name in "ab":
        write_series(tmp_path / name / "00042" / "T1w", pattern())
    folders = [tmp_path / name / "00042" / "T1w" for name in "ab"]
    with pytest.raises(UserError, match="one of several series that would be written as 00042-T1w"):
        list(export_series(folders, tmp_path / "out", ExportSettings(["nifti"])))
    assert not (tmp_path / "out").exists()


def test_sources_are_the_files_of_the_largest_series_and_their_frame_of_reference(tmp_path):
    uids = {"StudyInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid()}
    write_series(tmp_path, pattern((5, 6, 8)), **uids)
    scout = {**uids, "SeriesInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid()}
    write_series(tmp_path, pattern((2, 6, 8)), first=10, **scout)
    write_series(tmp_path, pattern((1, 6, 8)), first=20, **uids, SOPInstanceUID="0.0.0.0.7")
    (tmp_path / "notes.txt").write_text("no DICOM")
    sources, frame, _ = _source_files(tmp_path)
    assert {source.series for source in sources} == {pydicom.dcmread(tmp_path / "Image-1.dcm").SeriesInstanceUID}
    assert len(sources) == 5
    assert frame == uids["FrameOfReferenceUID"]


@pytest.mark.parametrize("whole", [False, True], ids=["cube", "whole"])
@pytest.mark.parametrize(("name", "straight_mm"), [
    ("siemens_t1_sag", 1e-3), ("hyperfine_enh", 1e-3), ("ge_pd_ax_obl", 0.1)])
def test_a_real_series_is_exported_to_its_place(real_data, tmp_path, name, straight_mm, whole):
    """GE's rounded positions drift aside by 0.056 mm, which SimpleITK's upright grids do not follow."""
    volume = read_series(real_data / "dicom" / name)
    settings = ExportSettings(["dicom", "nifti"], whole=whole)
    written = dict(export_series([real_data / "dicom" / name], tmp_path, settings))
    assert errors_of(written["dicom"]) == []
    expected = volume if whole else cube_volume(volume, 64)
    ours = read_series(written["dicom"])
    judged = [(expected, (ours.voxels, ours.affine), 1e-3), (volume, nifti(written["nifti"]), 1e-3),
              (expected, simpleitk_volumes(tmp_path)[0], straight_mm),
              (volume, simpleitk_file(written["nifti"]), straight_mm)]
    for wanted, read, limit_mm in judged:
        apart_mm, difference = compare((wanted.voxels, wanted.affine), read)
        assert apart_mm < limit_mm
        assert difference <= 1 / 65535


def test_a_real_gantry_tilt_is_refused_as_dicom_before_anything_is_written(real_data, tmp_path):
    with pytest.raises(UserError, match="gantry tilt"):
        list(export_series([real_data / "dicom" / "siemens_ct_tilt"], tmp_path, ExportSettings(["dicom", "nifti"])))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("whole", [False, True])
def test_a_nifti_file_is_exported_as_the_dicom_series_is_that_it_was_made_of(tmp_path, whole):
    volume = Volume(pattern(), AXIAL)
    source = write_nifti(tmp_path / "00007" / "FLAIR.nii.gz", volume)
    written = dict(export_series([source], tmp_path / "out", ExportSettings(("dicom", "nifti", "png"), 8, whole=whole),
                                 key=KEY))
    assert written["nifti"].name == "00007-FLAIR.nii.gz" and written["png"].name == "00007-FLAIR-slices224-stretch"
    ours, again = read_series(written["dicom"]), read_series(written["nifti"])
    wanted = volume if whole else cube_volume(volume, 8)
    apart_mm, difference = compare((wanted.voxels, wanted.affine), (ours.voxels, ours.affine))
    assert apart_mm < 1e-3 and difference <= 1 / 65535
    assert np.array_equal(again.voxels, read_series(source).voxels)
    dataset = pydicom.dcmread(written["dicom"])
    assert dataset.PatientID == "00007" and "ReferencedImageEvidenceSequence" not in dataset


def test_the_name_of_a_nifti_file_of_another_layout_is_not_written(tmp_path):
    source = write_nifti(tmp_path / "Smith_John" / "Smith_John_T1w.nii.gz", Volume(pattern(), AXIAL))
    for _, path in export_series([source], tmp_path / "out", ExportSettings(("dicom", "nifti")), key=KEY):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert "Smith" not in path.name and b"Smith" not in content
