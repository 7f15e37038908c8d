"""One multi-frame DICOM file, judged by dciodvfy, pydicom, SimpleITK, dcm2niix and our own reader."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, planes
from radiogen.core.errors import UserError
from radiogen.imaging import Volume, read_series
from radiogen.imaging.export.multi_frame import Origin, SourceFile, is_upright, write_dicom

from ..made.other_readers import compare, dcm2niix_volumes, simpleitk_volumes

ORIGIN = Origin("00042", "FLAIR 64-cube", "resized", resampled=True)
SOURCES = tuple(SourceFile("1.2.3", f"1.2.3.{series}", "1.2.840.10008.5.1.4.1.1.4", f"1.2.3.{series}.{number}")
                for series in (1, 2) for number in (1, 2, 3))


def errors_of(path) -> list[str]:
    """What dciodvfy calls an error; the test is skipped where dciodvfy is absent."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy here: apt install dicom3tools")
    end = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    output = (end.stdout + end.stderr).splitlines()
    assert "EnhancedMRImage" in output
    return [line for line in output if line.startswith(("Error", "Abort"))]


@pytest.mark.parametrize(("voxels", "origin"), [
    (pattern(), ORIGIN),
    (pattern(), replace(ORIGIN, resampled=False, sources=SOURCES, frame_of_reference="1.2.3.4")),
    (np.linspace(-1e-6, 12345.678, 240).reshape(5, 6, 8), ORIGIN),
    (np.zeros((5, 6, 8), np.float32), ORIGIN),
    (pattern(), replace(ORIGIN, sources=SOURCES, deidentified=True)),
    (pattern(), replace(ORIGIN, sources=SOURCES, deidentified=True, uids_kept=True)),
    (pattern(), Origin("näme=^\\" * 20, "", "a finding; " * 200, resampled=True, sources=SOURCES)),
], ids=["whole numbers", "with sources", "fractions", "blank", "de-identified", "UIDs kept", "odd and long words"])
def test_dciodvfy_finds_no_error(tmp_path, voxels, origin):
    assert errors_of(write_dicom(tmp_path / "x.dcm", Volume(voxels, AXIAL), origin)) == []


@pytest.mark.parametrize("mirrored", [False, True], ids=["", "mirrored"])
@pytest.mark.parametrize(("name", "affine"), planes(), ids=lambda value: value if isinstance(value, str) else "")
def test_other_readers_find_the_same_voxels_in_the_same_place(tmp_path, name, affine, mirrored):
    pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    pytest.importorskip("dcm2niix", reason="install the extra `test` for dcm2niix")
    if mirrored:
        affine = affine * [-1, 1, 1, 1]
    voxels = pattern((6, 20, 24), "int16") - np.int16(900)
    path = write_dicom(tmp_path / "in" / "x.dcm", Volume(voxels, affine), ORIGIN)
    ours = read_series(path)
    for others in ([(ours.voxels, ours.affine)], simpleitk_volumes(path.parent),
                   dcm2niix_volumes(path.parent, tmp_path / "out")):
        assert len(others) == 1
        apart_mm, difference = compare((voxels, affine), others[0])
        assert apart_mm < 1e-3
        assert difference == 0


def test_frames_ascend_along_row_x_column_and_each_tells_its_place(tmp_path):
    voxels = pattern()
    dataset = pydicom.dcmread(write_dicom(tmp_path / "x.dcm", Volume(voxels, AXIAL * [-1, 1, 1, 1]), ORIGIN))
    shared, frames = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.75, 0.5]
    assert [frame.PlanePositionSequence[0].ImagePositionPatient[2] for frame in frames] == [18, 21, 24, 27, 30]
    assert np.array_equal(dataset.pixel_array, voxels[::-1])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", ">u2", "int32", "int64", "float16", "float32"])
def test_whole_numbers_come_back_as_they_are(tmp_path, dtype):
    voxels = (pattern() % 100).astype(dtype)
    if np.dtype(dtype).kind == "i":
        voxels -= np.array(50, dtype)
    volume = read_series(write_dicom(tmp_path / "x.dcm", Volume(voxels, AXIAL), ORIGIN))
    assert np.array_equal(volume.voxels, voxels)


@pytest.mark.parametrize("voxels", [
    np.random.default_rng(1).normal(size=(5, 6, 8)), np.random.default_rng(2).normal(1e-7, 1e-9, size=(5, 6, 8)),
    pattern(dtype="int32") * 1_000_003, np.full((5, 6, 8), 0.25), np.full((5, 6, 8), -7),
], ids=["fractions", "tiny", "a wide span", "one fraction", "one number"])
def test_other_values_come_back_to_half_a_step(tmp_path, voxels):
    volume = read_series_or_pixels(write_dicom(tmp_path / "x.dcm", Volume(voxels, AXIAL), ORIGIN))
    half_step = np.ptp(voxels.astype(float)) / 65535 / 2
    assert np.abs(volume - voxels).max() <= half_step * 1.001 + 1e-9 * np.abs(voxels).max()


def read_series_or_pixels(path) -> np.ndarray:
    """The real values in double precision, blank or not."""
    dataset = pydicom.dcmread(path)
    transformation = dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0]
    assert (dataset.BitsStored, dataset.PixelRepresentation) == (16, 0)
    return dataset.pixel_array * float(transformation.RescaleSlope) + float(transformation.RescaleIntercept)


def test_voxels_that_are_not_finite_count_as_zero(tmp_path):
    voxels = pattern(dtype="float32")
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    volume = read_series(write_dicom(tmp_path / "x.dcm", Volume(voxels, AXIAL), ORIGIN))
    assert np.array_equal(volume.voxels, np.nan_to_num(voxels, nan=0, posinf=0, neginf=0))


def test_the_file_says_whose_it_is_and_that_it_was_derived(tmp_path):
    origin = replace(ORIGIN, sources=SOURCES, frame_of_reference="1.2.3.4")
    dataset = pydicom.dcmread(write_dicom(tmp_path / "x.dcm", Volume(pattern(), AXIAL), origin))
    assert (dataset.PatientID, dataset.SeriesDescription) == ("00042", "FLAIR 64-cube")
    assert dataset.ImageType == ["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]
    assert (dataset.PhotometricInterpretation, dataset.BurnedInAnnotation) == ("MONOCHROME2", "NO")
    assert dataset.FrameOfReferenceUID == "1.2.3.4"
    derivation = dataset.SharedFunctionalGroupsSequence[0].DerivationImageSequence[0]
    assert derivation.DerivationDescription.startswith("radiogen ")
    assert derivation.DerivationDescription.endswith(": resized")
    assert [source.ReferencedSOPInstanceUID for source in derivation.SourceImageSequence] == [
        source.instance for source in SOURCES]
    evidence = dataset.SourceImageEvidenceSequence[0].ReferencedSeriesSequence
    assert [len(series.ReferencedSOPSequence) for series in evidence] == [3, 3]


@pytest.mark.parametrize(("kept", "codes"), [(False, ["113100", "113105"]), (True, ["113100", "113105", "113110"])])
def test_a_de_identified_file_says_so_and_how(tmp_path, kept, codes):
    origin = replace(ORIGIN, deidentified=True, uids_kept=kept)
    dataset = pydicom.dcmread(write_dicom(tmp_path / "x.dcm", Volume(pattern(), AXIAL), origin))
    assert dataset.PatientIdentityRemoved == "YES"
    assert [each.CodeValue for each in dataset.DeidentificationMethodCodeSequence] == codes
    assert ("source UIDs kept" in dataset.DeidentificationMethod) == kept
    assert all(len(words) <= 64 for words in dataset.DeidentificationMethod)


def test_what_was_not_de_identified_does_not_say_so(tmp_path):
    dataset = pydicom.dcmread(write_dicom(tmp_path / "x.dcm", Volume(pattern(), AXIAL), ORIGIN))
    assert "PatientIdentityRemoved" not in dataset and "DeidentificationMethod" not in dataset


def test_the_same_volume_gives_the_same_bytes_and_another_one_other_uids(tmp_path):
    first, again = (write_dicom(tmp_path / name, Volume(pattern(), AXIAL), ORIGIN) for name in ("a.dcm", "b.dcm"))
    assert first.read_bytes() == again.read_bytes()
    other = write_dicom(tmp_path / "c.dcm", Volume(pattern() + np.uint16(1), AXIAL), ORIGIN)
    one, two = pydicom.dcmread(first), pydicom.dcmread(other)
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    assert one.StudyInstanceUID == two.StudyInstanceUID  # of the same case


def test_a_series_without_an_affine_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(UserError, match="does not report where its slices lie; use --to nifti"):
        write_dicom(tmp_path / "x.dcm", Volume(pattern(), None), ORIGIN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("row", "column"), [(1, 0), (0, 2), (1, 2)])
def test_a_shear_between_any_two_axes_is_refused(tmp_path, row, column):
    sheared = AXIAL.copy()
    sheared[:3, row] += 0.25 * AXIAL[:3, column]
    volume = Volume(pattern((20, 20, 20)), sheared)
    assert not is_upright(sheared, volume.voxels.shape)
    with pytest.raises(UserError, match=r"sheared \(gantry tilt\); use --to nifti"):
        write_dicom(tmp_path / "x.dcm", volume, ORIGIN)


def test_positions_that_a_scanner_rounded_are_no_shear_and_are_kept(tmp_path):
    rounded = AXIAL.copy()
    rounded[:3, 0] += [0.01, -0.005, 0]
    volume = read_series(write_dicom(tmp_path / "x.dcm", Volume(pattern(), rounded), ORIGIN))
    assert np.abs(volume.affine - rounded).max() < 1e-9
