"""Uniform series are read in one compiled call as pydicom reads them, bit for bit; all others go another way."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from benchmarks.synthetic.series_files import pattern, planes, write_series
from radiogen.arrays import read_cube, read_slices
from radiogen.imaging import SeriesError, read_series
from radiogen.imaging.fast.decimals import decimals
from radiogen.imaging.fast.files import scanned_files
from radiogen.imaging.fast.uniform import uniform_series
from radiogen.imaging.findings import FindingCode, codes
from radiogen.phantom.data_set import PhantomSettings, write_phantom

from ..made.expected import finding, only, refused


def _is_uniform(folder):
    with scanned_files(folder) as scanned:
        return uniform_series(folder, scanned) is not None


def _assert_same(folder):
    """Both paths give the same volume, bit for bit, and the same words."""
    fast, slow = read_series(folder), read_series(folder, fast=False)
    assert fast.voxels.dtype == slow.voxels.dtype
    assert np.array_equal(fast.voxels, slow.voxels)
    assert (fast.affine is None) == (slow.affine is None)
    assert fast.affine is None or np.array_equal(fast.affine, slow.affine)
    assert fast.findings == slow.findings
    assert np.array_equal(read_cube(folder, 8), read_cube(folder, 8, fast=False))
    assert np.array_equal(read_slices(folder, 12), read_slices(folder, 12, fast=False))


def _edit(folder, change, only=None):
    """Let `change` work on the data set of each file (or of the file number `only`)."""
    for number, path in enumerate(sorted(folder.iterdir())):
        if only is None or number == only:
            dataset = pydicom.dcmread(path)
            change(dataset, number)
            dataset.save_as(path)


@pytest.mark.parametrize(("plane", "affine"), planes())
def test_plain_series_of_every_plane_are_read_as_by_pydicom(tmp_path, plane, affine):
    write_series(tmp_path, pattern((9, 14, 11)), affine)
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)


@pytest.mark.parametrize("header", [
    {"RescaleSlope": "1.7", "RescaleIntercept": "-3.25"}, {"RescaleSlope": "1", "RescaleIntercept": "0"},
    {"BitsStored": 12, "HighBit": 11}, {"PixelSpacing": ["0.9765625001234", "0.9765625"]},
    {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]}, {"InstanceNumber": None}, {"SeriesInstanceUID": "1.2.3"},
    {"NumberOfFrames": 1}, {"PatientName": "Müller", "SpecificCharacterSet": "ISO_IR 100"}], ids=str)
def test_values_that_vary_from_scanner_to_scanner_are_read_as_by_pydicom(tmp_path, header):
    write_series(tmp_path, pattern((6, 10, 8)), **header)
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)


@pytest.mark.parametrize(("dtype", "stored"), [(np.uint8, 8), (np.int16, 16), (np.int16, 12), (np.uint16, 16)])
def test_bytes_and_signed_pixels_are_read_as_by_pydicom(tmp_path, dtype, stored):
    voxels = pattern((5, 8, 6)).astype(dtype)
    if np.dtype(dtype).kind == "i":
        voxels -= 300
    write_series(tmp_path, voxels, BitsStored=stored, HighBit=stored - 1)
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)
    assert np.array_equal(read_series(tmp_path).voxels, voxels)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint8"])
@pytest.mark.parametrize("slope", ["1", "1.5"])
def test_bits_above_high_bit_are_cut_off_in_volumes_cubes_and_slices(tmp_path, dtype, slope):
    stored = 6 if dtype == "uint8" else 12
    values = np.random.default_rng(5).integers(0, 1 << stored, (8, 32, 32))
    values -= (1 << stored - 1) * (dtype == "int16")
    noise = np.random.default_rng(6).integers(0, 1 << 16, values.shape) << stored
    cells = (values & (1 << stored) - 1 | noise).astype(np.uint16 if dtype != "uint8" else np.uint8).view(dtype)
    write_series(tmp_path, cells, BitsStored=stored, HighBit=stored - 1, RescaleSlope=slope, RescaleIntercept="0")
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)
    assert np.array_equal(read_series(tmp_path).voxels, values * float(slope))


def test_each_slice_is_rescaled_by_its_own_factors(tmp_path):
    write_series(tmp_path, pattern((6, 10, 8)))

    def factors(dataset, number):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(1 + number / 8), str(-number)

    _edit(tmp_path, factors)
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)
    assert codes(read_series(tmp_path).findings) == (FindingCode.RESCALE_DIFFERS,)


def test_holes_and_uneven_gaps_are_reported_and_filled_as_by_pydicom(tmp_path):
    write_series(tmp_path, pattern((12, 10, 8)))
    sorted(tmp_path.iterdir())[4].unlink()
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)
    assert codes(read_series(tmp_path).findings) == (FindingCode.SLICES_MISSING,)


def test_blank_slices_are_reported_by_name_and_a_blank_series_is_refused(tmp_path):
    voxels = pattern((6, 10, 8))
    voxels[2] = 7
    write_series(tmp_path / "some", voxels)
    assert _is_uniform(tmp_path / "some")
    _assert_same(tmp_path / "some")
    assert only(read_series(tmp_path / "some").findings, FindingCode.SLICES_BLANK).files == ("Image-3.dcm",)
    write_series(tmp_path / "all", np.full((4, 6, 5), 9, np.uint16))
    for fast in (True, False):
        with refused(FindingCode.SERIES_BLANK, slices=4, value=9):
            read_series(tmp_path / "all", fast=fast)
        with refused(FindingCode.SERIES_BLANK, slices=4, value=9):
            read_cube(tmp_path / "all", 4, fast=fast)


def test_orientations_that_differ_in_their_last_digit_stay_one_series(tmp_path):
    write_series(tmp_path, pattern((6, 10, 8)))
    _edit(tmp_path, lambda dataset, number: setattr(
        dataset, "ImageOrientationPatient", ["1", f"{number * 1e-6:.7f}", "0", "0", "1", "-0"]))
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)


def test_numbers_with_more_digits_than_a_double_has_are_read_as_by_pydicom(tmp_path):
    write_series(tmp_path, pattern((6, 10, 8)))
    _edit(tmp_path, lambda dataset, number: setattr(
        dataset, "ImagePositionPatient", ["-120.12345678901234567", "1.0e1", f"{number * 3.1:+.4f}"]))
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)


@pytest.mark.parametrize("defined", [True, False])
def test_sequences_before_the_pixels_are_stepped_over(tmp_path, defined):
    write_series(tmp_path, pattern((4, 10, 8)))

    def nest(dataset, number):
        inner, item = Dataset(), Dataset()
        inner.Rows, inner.ImagePositionPatient = 3, ["9", "9", "9"]  # would be taken for the image's own
        item.ReferencedImageSequence = Sequence([inner, Dataset()])
        item.InstanceNumber = 77
        dataset.ReferencedSeriesSequence = Sequence([item, Dataset()])
        for element in (dataset["ReferencedSeriesSequence"], item["ReferencedImageSequence"]):
            element.is_undefined_length = not defined
            for each in element.value:
                each.is_undefined_length_sequence_item = not defined

    _edit(tmp_path, nest)
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)


def test_a_header_longer_than_the_first_look_is_read_on(tmp_path):
    write_series(tmp_path, pattern((4, 10, 8)))
    _edit(tmp_path, lambda dataset, number: dataset.add_new(0x0011_0010, "LO", "SOMEBODY"))
    _edit(tmp_path, lambda dataset, number: dataset.add_new(0x0011_1001, "OB", bytes(90_000)))
    assert _is_uniform(tmp_path)
    _assert_same(tmp_path)


def _compress(dataset, number):
    dataset.compress(pydicom.uid.RLELossless)


ODD = {
    "a second series": lambda dataset, number: setattr(dataset, "SeriesInstanceUID", f"1.2.{number // 2}"),
    "another matrix": lambda dataset, number: number == 0 and setattr(dataset, "Rows", dataset.Rows // 2),
    "a localiser": lambda dataset, number: setattr(dataset, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "no position": lambda dataset, number: number == 2 and delattr(dataset, "ImagePositionPatient"),
    "no orientation": lambda dataset, number: delattr(dataset, "ImageOrientationPatient"),
    "twice the same place": lambda dataset, number: setattr(
        dataset, "ImagePositionPatient", [0, 0, number // 2]),
    "inverted": lambda dataset, number: setattr(dataset, "PhotometricInterpretation", "MONOCHROME1"),
    "compressed": _compress,
    "a slope of zero": lambda dataset, number: setattr(dataset, "RescaleSlope", "0"),
    "lossy": lambda dataset, number: setattr(dataset, "LossyImageCompression", "01"),
    "no such position": lambda dataset, number: setattr(dataset, "ImagePositionPatient", [0, float("nan"), number]),
    "spacing not a number": lambda dataset, number: setattr(dataset, "PixelSpacing", [1, "nan"]),
    "spacing not a number, first": lambda dataset, number: setattr(dataset, "PixelSpacing", ["nan", 1]),
    "spacing infinite": lambda dataset, number: setattr(dataset, "PixelSpacing", ["inf", 1]),
    "spacing of no size": lambda dataset, number: setattr(dataset, "PixelSpacing", ["1e-300", 1]),
    "spacing beyond the world": lambda dataset, number: setattr(dataset, "PixelSpacing", ["1e308", "1e308"]),
    "spacing zero": lambda dataset, number: setattr(dataset, "PixelSpacing", [0, 1]),
    "several frames": lambda dataset, number: dataset.update({"NumberOfFrames": 2, "Rows": dataset.Rows // 2}),
}


@pytest.mark.parametrize("oddity", ODD)
def test_whatever_is_odd_is_not_uniform(tmp_path, oddity):
    write_series(tmp_path, pattern((6, 10, 8)))
    assert _is_uniform(tmp_path)
    _edit(tmp_path, ODD[oddity])
    assert not _is_uniform(tmp_path)


@pytest.mark.parametrize("spoil", ["cut", "text", "empty", "subfolder"])
def test_a_file_that_is_damaged_or_foreign_leaves_the_series_to_pydicom(tmp_path, spoil):
    write_series(tmp_path, pattern((6, 10, 8)))
    path = sorted(tmp_path.iterdir())[3]
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif spoil == "subfolder":
        (tmp_path / "deeper").mkdir()
    else:
        (tmp_path / "notes.txt").write_bytes(b"hello" * 100 if spoil == "text" else b"")
    _assert_same(tmp_path)


def test_more_files_than_may_be_open_are_read_all_the_same(tmp_path, monkeypatch):
    import resource

    write_series(tmp_path, pattern((9, 6, 5)))
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (10, 10))
    assert read_series(tmp_path).reader.name == "fast"
    _assert_same(tmp_path)


def test_no_file_stays_open(tmp_path):
    write_series(tmp_path, pattern((9, 6, 5)))
    read_series(tmp_path)
    before = set(os.listdir("/proc/self/fd"))
    read_series(tmp_path)
    shutil.copy(sorted(tmp_path.iterdir())[0], tmp_path / "again.dcm")
    read_series(tmp_path)
    assert set(os.listdir("/proc/self/fd")) == before


@given(some.lists(some.floats(allow_nan=False, allow_infinity=False, width=32), min_size=3, max_size=3),
       some.sampled_from([".6g", ".3f", ".12f", "r", ".15g", ".1f"]), some.booleans())
@settings(max_examples=200, deadline=None)
def test_decimal_texts_become_the_double_that_python_makes_of_them(numbers, style, padded):
    texts = [repr(number) if style == "r" else format(number, style) for number in numbers]
    text = ("\\".join(texts) + (" " if padded else "")).encode()
    content = np.frombuffer(b"\0" + text, np.uint8)[None]
    found = decimals(content, np.array([[1, len(text)]], np.int32), 3)[0]
    sure = [value for value in zip(found, texts, strict=True) if not np.isnan(value[0])]
    assert all(value == float(text) for value, text in sure)
    plain = [len(text.lstrip("-").replace(".", "")) <= 15 and "e" not in text for text in texts]
    assert len(sure) == 3 or not all(plain)


@pytest.mark.parametrize("text", [
    b"", b"1\\2", b"1\\2\\3\\4", b"1\\x\\3", b"1\\\\3", b"1\\2\\", b"..1\\2\\3", b"1\\2\\-"])
def test_texts_that_are_no_three_numbers_are_not_guessed(text):
    content = np.frombuffer(b"\0" + text, np.uint8)[None]
    assert np.isnan(decimals(content, np.array([[1, len(text)]], np.int32), 3)).any()


@pytest.mark.slow
def test_fast_path_and_pydicom_agree_on_every_real_series(real_data):
    compared = 0
    folders = [path for path in (real_data / "dicom").iterdir() if path.is_dir()]
    folders += list((real_data / "tcga_lgg_side").glob("t*/*/*"))[:12]
    for folder in folders:
        try:
            slow = read_series(folder, fast=False)
        except SeriesError as error:
            with pytest.raises(SeriesError) as again:
                read_series(folder)
            assert again.value.finding == error.finding
            continue
        fast = read_series(folder)
        assert np.array_equal(fast.voxels, slow.voxels) and fast.findings == slow.findings, folder.name
        assert fast.voxels.dtype == slow.voxels.dtype
        assert np.array_equal(fast.affine, slow.affine) if slow.affine is not None else fast.affine is None
        assert np.array_equal(read_cube(folder), read_cube(folder, fast=False)), folder.name
        compared += _is_uniform(folder)
    assert compared >= 15, "hardly any real series took the fast path"


def test_fast_path_and_pydicom_agree_on_the_phantom(tmp_path):
    write_phantom(tmp_path / "small", PhantomSettings(cases=2, test_cases=0, scale=0.1), workers=1)
    for folder in (path for path in (tmp_path / "small" / "train").glob("*/*") if path.is_dir()):
        assert _is_uniform(folder)
        _assert_same(folder)


@pytest.mark.slow
def test_after_warming_up_a_plain_series_compiles_nothing_more(tmp_path):
    write_series(tmp_path / "series", pattern((6, 10, 8)))
    code = f"""
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from radiogen.arrays import read_cube, read_slices
from radiogen.imaging import read_series
from radiogen.imaging.compiled import compiling
from radiogen.imaging.fast.warm_up import warm_up
warm_up()
compiling._Announcement.said = compiling._ANNOUNCEMENT.said = False
for read in (read_series, read_cube, read_slices):
    read({str(tmp_path / "series")!r})
print(compiling._ANNOUNCEMENT.said)
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["False"]
    assert ended.stderr.count("compiling") == 1


def test_one_file_with_more_pixel_data_than_it_declares_is_reported_as_by_pydicom(tmp_path):
    paths = write_series(tmp_path, pattern((6, 10, 8)))
    content = paths[3].read_bytes()
    place = content.index(b"\xe0\x7f\x10\x00OW") + 8
    paths[3].write_bytes(content[:place] + (160 + 20).to_bytes(4, "little") + content[place + 4:] + bytes(20))
    assert not _is_uniform(tmp_path)
    _assert_same(tmp_path)
    assert finding(FindingCode.PIXELS_IN_EXCESS, paths[3].name, everywhere=False) in read_series(tmp_path).findings


def test_zeros_and_padding_behind_the_pixels_are_passed_over_and_other_pixels_there_are_not(tmp_path):
    paths = write_series(tmp_path, pattern((6, 10, 8)))
    content = paths[5].read_bytes()
    padding = b"\xfc\xff\xfc\xffOB\0\0" + (6).to_bytes(4, "little") + b"\x07" * 6
    for behind in (bytes(2), bytes(70_000), padding):
        paths[5].write_bytes(content + behind)
        assert _is_uniform(tmp_path)
        _assert_same(tmp_path)
        assert not read_series(tmp_path).findings
    pixels = b"\xe0\x7f\x10\x00OW\0\0" + (160).to_bytes(4, "little") + bytes(160)
    for behind in (pixels, b"noise that is no element", padding[:-2] + bytes(9)):
        paths[5].write_bytes(content + behind)
        assert not _is_uniform(tmp_path)
        _assert_same(tmp_path)
    paths[5].write_bytes(content + pixels)
    assert finding(FindingCode.HEADER_BEHIND_PIXELS, paths[5].name) in read_series(tmp_path).findings


def test_a_group_length_of_another_kind_is_left_to_pydicom(tmp_path):
    paths = write_series(tmp_path, pattern((6, 10, 8)))
    content = paths[3].read_bytes()
    paths[3].write_bytes(content.replace(b"\x02\x00\x00\x00UL", b"\x02\x00\x00\x00FD"))
    _assert_same(tmp_path)
    assert only(read_series(tmp_path).findings, FindingCode.FILE_DAMAGED).files == (paths[3].name,)
