"""A volume says which reader read it and why; a fall-back has a declared reason and is logged once a series."""

import logging
from functools import partial

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from benchmarks.synthetic.series_files import pack_twelve_bits, pattern, write_enhanced, write_series
from radiogen.arrays import read_cube
from radiogen.imaging import read_series, read_volumes
from radiogen.imaging.fast import headers, pixels, uniform
from radiogen.imaging.findings import FindingCode, codes
from radiogen.imaging.reader import Reader, Reason, Unsupported

from ..made.expected import finding


def _rewrite(path, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def _byte_swapped(folder):
    write_series(folder, pattern(), syntax=pydicom.uid.ExplicitVRBigEndian)


def _compressed(folder):
    write_series(folder, pattern(), syntax=pydicom.uid.RLELossless)


def _wrong_representation(folder):
    for path in write_series(folder, pattern()):
        content = path.read_bytes()
        path.write_bytes(content.replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00SS"))


def _spelt_out(folder):
    for path in write_series(folder, pattern(), PatientComments="x" * 400, InstanceNumber=None):
        content = path.read_bytes()
        path.write_bytes(content.replace(b"\x28\x00\x30\x00DS", b"\x28\x00\x30\x00LO"))


@pytest.mark.parametrize(("make", "reason"), [
    (_byte_swapped, Reason.OTHER_SYNTAX), (_compressed, Reason.COMPRESSED),
    (_wrong_representation, Reason.ODD_ELEMENT), (_spelt_out, Reason.ODD_ELEMENT)])
def test_a_fall_back_has_a_reason_and_is_logged_once_a_series(tmp_path, caplog, make, reason):
    make(tmp_path / "series")
    with caplog.at_level(logging.DEBUG, "radiogen"):
        volume = read_series(tmp_path / "series")
    assert volume.reader == Reader("imagecodecs" if reason == Reason.COMPRESSED else "pydicom", reason)
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path / 'series'}: read by {volume.reader}"]
    assert str(volume.reader).endswith(f": {reason}")


def test_a_series_that_compiled_code_reads_says_so_and_logs_nothing(tmp_path, caplog):
    write_series(tmp_path / "classic", pattern())
    write_enhanced(tmp_path / "enhanced" / "all.dcm", pattern())
    with caplog.at_level(logging.DEBUG, "radiogen"):
        assert {read_series(tmp_path / name).reader for name in ("classic", "enhanced")} == {Reader("fast")}
        assert read_volumes(tmp_path / "enhanced")[0].reader == Reader("fast")
    assert not caplog.records


def test_pydicom_says_that_the_compiled_reader_was_switched_off(tmp_path):
    write_series(tmp_path, pattern())
    assert read_series(tmp_path, fast=False).reader == Reader("pydicom", Reason.SWITCHED_OFF)


def test_a_file_that_is_set_aside_does_not_make_pydicom_the_reader(tmp_path):
    write_series(tmp_path, pattern())
    (tmp_path / "notes.txt").write_text("hello")
    volume = read_series(tmp_path)
    assert volume.reader == Reader("fast") and volume.findings == (finding(FindingCode.FILE_NOT_DICOM, "notes.txt"),)


def test_one_odd_file_of_a_series_is_read_by_pydicom_and_named_as_the_reason(tmp_path):
    paths = write_series(tmp_path, pattern())
    content = paths[3].read_bytes()
    paths[3].write_bytes(content.replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00SS"))
    volume = read_series(tmp_path)
    assert volume.reader == Reader("pydicom", Reason.ODD_ELEMENT)
    assert np.array_equal(volume.voxels, pattern())


@pytest.mark.parametrize("place", [(headers, "storage_of"), (pixels, "read_native"), (uniform, "place_positions")])
@pytest.mark.parametrize("error", [ValueError, KeyError, OSError, MemoryError])
def test_a_mistake_of_the_package_is_no_reason_to_fall_back(tmp_path, monkeypatch, place, error):
    write_enhanced(tmp_path / "all.dcm", pattern()) if place[1] == "read_native" else write_series(tmp_path, pattern())

    def wrong(*_, **__):
        raise error("a bug")

    monkeypatch.setattr(*place, wrong)
    with pytest.raises(error, match="a bug"):
        read_series(tmp_path)


def test_a_declared_reason_makes_the_other_way_read_the_series(tmp_path, monkeypatch):
    write_series(tmp_path, pattern())

    def changed(*_, **__):
        raise Unsupported(Reason.CHANGED)

    monkeypatch.setattr(uniform, "read_voxels", changed)
    monkeypatch.setattr(uniform, "read_resized", changed)
    assert np.array_equal(read_series(tmp_path).voxels, pattern())
    assert read_cube(tmp_path, 4).shape == (4, 4, 4)


def test_pixels_of_twelve_bits_without_gaps_are_read_by_compiled_code_too(tmp_path):
    voxels = (pattern((4, 3, 5)) * np.uint16(61)) % np.uint16(4096)
    write_enhanced(tmp_path / "all.dcm", voxels, BitsAllocated=12, BitsStored=12, HighBit=11,
                   PixelData=pack_twelve_bits(voxels))
    volume = read_series(tmp_path)
    assert volume.reader == Reader("fast") and np.array_equal(volume.voxels, voxels)


@pytest.mark.parametrize("syntax", [pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ImplicitVRLittleEndian])
@pytest.mark.parametrize("with_meta_header", [True, False])
def test_files_without_a_preamble_are_read_by_compiled_code(tmp_path, syntax, with_meta_header):
    for path in write_series(tmp_path, pattern(), syntax=syntax):
        content = path.read_bytes()[132:]
        meta_length = 12 + int.from_bytes(content[8:12], "little")
        path.write_bytes(content if with_meta_header else content[meta_length:])
    volume = read_series(tmp_path)
    assert volume.reader == Reader("fast")
    assert np.array_equal(volume.voxels, read_series(tmp_path, fast=False).voxels)
    assert np.array_equal(volume.voxels, pattern())


def test_a_lookup_table_in_one_file_is_reported_where_the_others_hold_an_empty_one(tmp_path):
    paths = write_series(tmp_path, pattern())
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [2, 0, 16], b"\0\0\1\0"
    for path in paths:
        tables = [table] if path == paths[2] else []
        _rewrite(path, partial(Dataset.__setattr__, name="ModalityLUTSequence", value=tables))
    for fast in (True, False):
        assert read_series(tmp_path, fast=fast).findings == (
            finding(FindingCode.LOOKUP_TABLE, paths[2].name, everywhere=False),)


@pytest.mark.parametrize("number", range(3))
def test_a_position_with_one_number_in_powers_of_ten_is_read_whole(tmp_path, number):
    paths = write_series(tmp_path, pattern())
    (tmp_path / "other.txt").write_text("no image")  # file by file, then
    for path in paths:
        position = [str(each) for each in pydicom.dcmread(path).ImagePositionPatient]
        position[number] = f"{float(position[number]):e}"
        _rewrite(path, partial(Dataset.__setattr__, name="ImagePositionPatient", value=position))
    fast, slow = (read_series(tmp_path, fast=fast) for fast in (True, False))
    assert fast.reader == Reader("fast")
    assert np.array_equal(fast.affine, slow.affine) and np.array_equal(fast.voxels, slow.voxels)


@pytest.mark.parametrize("keyword", ["ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "InstanceNumber"])
def test_an_empty_value_in_one_file_says_the_same_by_both_ways(tmp_path, keyword):
    paths = write_series(tmp_path, pattern())
    _rewrite(paths[2], partial(Dataset.__setattr__, name=keyword, value=None))
    fast, slow = (read_series(tmp_path, fast=fast) for fast in (True, False))
    assert fast.findings == slow.findings
    assert np.array_equal(fast.voxels, slow.voxels)


def test_files_whose_private_values_have_other_representations_are_no_copies_of_each_other(tmp_path):
    """Each of two files holds the same four bytes as its b-value: a text in one, a number in the other."""
    paths = write_series(tmp_path, np.concatenate([pattern((1, 4, 6))] * 2), Manufacturer="SIEMENS")
    for path, representation in zip(paths, ("IS", "UL"), strict=True):
        _rewrite(path, lambda dataset: (
            setattr(dataset, "ImagePositionPatient", [0, 0, 0]),
            dataset.add_new(0x0019_0010, "LO", "SIEMENS MR HEADER"), dataset.add_new(0x0019_100C, "IS", "1000")))
        path.write_bytes(path.read_bytes().replace(b"\x19\0\x0c\x10IS", b"\x19\0\x0c\x10" + representation.encode()))
    assert read_series(tmp_path).findings == read_series(tmp_path, fast=False).findings


def test_files_that_differ_in_a_value_too_long_to_be_compared_are_no_copies_of_each_other(tmp_path):
    filler = ["X" * 16] * 25

    def component(index, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M" if index < 5 else "P", *filler]
        dataset.ImagePositionPatient = [0, 0, 3 * (index % 5)]

    voxels = np.concatenate([pattern(), pattern() + np.uint16(1000)])
    write_series(tmp_path, voxels, change=component)
    volume, slow = read_series(tmp_path), read_series(tmp_path, fast=False)
    assert np.array_equal(volume.voxels, pattern()) and volume.findings == slow.findings
    assert volume.reader == Reader("pydicom", Reason.ODD_VALUE)


@pytest.mark.parametrize("fast", [True, False])
def test_a_link_that_leads_in_a_circle_is_set_aside(tmp_path, fast):
    write_series(tmp_path, pattern())
    (tmp_path / "circle.dcm").symlink_to("circle.dcm")
    volume = read_series(tmp_path, fast=fast)
    assert np.array_equal(volume.voxels, pattern())
    assert codes(volume.findings) == (FindingCode.FILE_UNREADABLE,) and volume.findings[0].files == ("circle.dcm",)
