"""What one series says of its scanner: header fields as they are, air from the corners as it was stored."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless

from radiogen.dataset.scanner import AIR, NUMBERS, TEXTS
from radiogen.imaging.inspect.scanner import _middle_file, _number, _text, air_of, scanner_row
from radiogen.phantom.data_set import PhantomSettings, write_phantom


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scanner") / "phantom"
    write_phantom(folder, PhantomSettings(cases=2, test_cases=0, scale=0.05, vendor_confound=True), workers=1)
    return sorted(path for path in folder.glob("train/*/FLAIR"))


def _slice(path):
    names = sorted(path.iterdir(), key=lambda file: (len(file.name), file.name))
    return pydicom.dcmread(names[len(names) // 2])


def test_header_fields_are_those_of_the_file(phantom):
    for path in phantom:
        row, dataset = scanner_row(path), _slice(path)
        assert (row["manufacturer"], row["model"]) == (dataset.Manufacturer, dataset.ManufacturerModelName)
        assert (row["software"], row["echo_ms"]) == (dataset.SoftwareVersions, dataset.EchoTime)
        assert (row["field_strength_t"], row["repetition_ms"]) == (dataset.MagneticFieldStrength,
                                                                   dataset.RepetitionTime)


def test_air_is_that_of_the_stored_values_in_the_corners_of_the_middle_slice(phantom):
    for path in phantom:
        row, pixels = scanner_row(path), _slice(path).pixel_array.astype(float)
        high, wide = (max(1, size // 8) for size in pixels.shape)
        air = np.concatenate([pixels[a, b].ravel() for a in (slice(high), slice(-high, None))
                              for b in (slice(wide), slice(-wide, None))])
        assert np.isclose(row["air_mean"], air.mean()) and np.isclose(row["air_deviation"], air.std())
        assert np.isclose(row["air_q99"], np.quantile(air, 0.99))


def test_a_head_in_the_middle_of_the_slice_does_not_touch_its_air():
    pixels = np.full((64, 64), 7, np.uint16)
    pixels[10:54, 10:54] = 5000
    found = air_of(pixels)
    assert (found["air_mean"], found["air_deviation"], found["air_zeros"]) == (7, 0, 0)
    assert found["signal"] == 5000


def test_of_compressed_pixels_only_the_header_is_known(phantom, tmp_path):
    dataset = _slice(phantom[0])
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
    dataset.save_as(tmp_path / "one.dcm")
    row = scanner_row(tmp_path)
    assert row["manufacturer"] == dataset.Manufacturer
    assert all(row[name] is None for name in AIR)


def test_implicit_elements_hide_neither_header_nor_air(phantom, tmp_path):
    dataset = _slice(phantom[0])
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    assert scanner_row(tmp_path) == scanner_row(phantom[0])


@pytest.mark.parametrize("content", [b"", b"no image", b"\0" * 128 + b"DICM" + b"\xff" * 40])
def test_a_file_that_is_no_image_says_nothing_and_raises_nothing(tmp_path, content):
    (tmp_path / "one.dcm").write_bytes(content)
    row = scanner_row(tmp_path)
    assert {row[name] for name in TEXTS} == {""} and {row[name] for name in NUMBERS} == {None}


def test_a_missing_folder_an_empty_one_and_a_nifti_file_say_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "head.nii.gz").write_bytes(b"1")
    for path in (tmp_path / "missing", tmp_path / "empty", tmp_path / "head.nii.gz"):
        assert set(scanner_row(path).values()) == {"", None}


@pytest.mark.parametrize(("value", "text"), [
    (None, ""), ("  a   b\n", "a b"), (["V1", "V2"], "V1\\V2"), (3, "3"), ("", ""), ((), "")])
def test_a_text_is_one_line_and_several_values_are_divided_as_in_the_file(value, text):
    assert _text(value) == text


@pytest.mark.parametrize(("value", "number"), [
    (None, None), ("1.5", 1.5), ("x", None), ([2, 3], 2.0), ("inf", None), (float("nan"), None), (0, 0.0), ("", None)])
def test_a_number_is_finite_and_of_several_the_first(value, number):
    assert _number(value) == number


@pytest.mark.parametrize(("names", "middle"), [
    (["1", "2", "10"], "2"), (["10", "9"], "10"), (["1"], "1"), ([".hidden", "1"], "1"), (["3", "1", "2", "4"], "3")])
def test_the_middle_file_is_that_of_names_in_the_order_of_their_numbers(tmp_path, names, middle):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    assert _middle_file(tmp_path) == tmp_path / middle


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (8, 8)])
def test_of_a_small_slice_the_corners_are_single_pixels(shape):
    pixels = np.full(shape, 5, np.uint8)
    pixels[0, 0] = 0
    found = air_of(pixels)
    corners = 4
    assert found["air_zeros"] == (1.0 if shape == (1, 1) else 1 / corners)
