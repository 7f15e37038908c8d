"""A deflated file is read, or refused before it fills the memory."""

import struct
import zlib

import pytest
from pydicom import filereader
from pydicom.uid import DeflatedExplicitVRLittleEndian

from benchmarks.synthetic.series_files import AXIAL, pattern, write_series
from radiogen.imaging import read_series
from radiogen.imaging.dicom import guarded
from radiogen.imaging.dicom.guarded import Inflated, _GuardedFile, read_tags
from radiogen.imaging.findings import FindingCode

from ..made.expected import finding, only


def _bomb(path, size):
    """The deflated file `path` with `size` zeros as its pixel data."""
    content = path.read_bytes()
    start = 144 + struct.unpack("<I", content[140:144])[0]
    values = zlib.decompress(content[start:], wbits=-15)
    head = values[:values.index(b"\xe0\x7f\x10\x00")] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size)
    packer = zlib.compressobj(wbits=-15)
    path.write_bytes(content[:start] + packer.compress(head + bytes(size)) + packer.flush())


def test_a_deflated_series_is_read_as_any_other(tmp_path):
    write_series(tmp_path, pattern(), syntax=DeflatedExplicitVRLittleEndian)
    assert (read_series(tmp_path).voxels == pattern()).all()


def test_a_deflated_file_that_holds_too_much_is_set_aside_and_its_slice_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(guarded, "MOST_INFLATED", 1 << 22)
    paths = write_series(tmp_path, pattern((8, 6, 8)), syntax=DeflatedExplicitVRLittleEndian)
    _bomb(paths[3], 1 << 23)
    assert paths[3].stat().st_size < 1 << 17
    with pytest.raises(Inflated):
        read_tags(paths[3], ["Rows"])
    findings = read_series(tmp_path).findings
    assert finding(FindingCode.FILE_INFLATES_TOO_MUCH, "Image-4.dcm", most_mib=4) in findings
    assert only(findings, FindingCode.SLICES_MISSING).values["holes"] == ((1, "Image-3.dcm", "Image-5.dcm"),)


def test_a_file_that_shrank_more_than_images_do_is_refused_long_before_it_is_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(guarded, "ALWAYS", 1 << 20)
    path = write_series(tmp_path, pattern((1, 6, 8)), syntax=DeflatedExplicitVRLittleEndian)[0]
    _bomb(path, 1 << 22)
    with pytest.raises(Inflated) as caught:
        read_tags(path, ["Rows"])
    assert caught.value.most_mib == 1
    write_series(tmp_path, pattern((1, 6, 8)), syntax=DeflatedExplicitVRLittleEndian)
    _bomb(path, 1 << 19)
    assert read_tags(path, ["Rows"]).Rows == 6


def test_a_rest_that_is_not_deflated_is_handed_on_as_it_is(tmp_path):
    path = write_series(tmp_path, pattern(), AXIAL)[0]
    with _GuardedFile(path) as file:
        assert file.read(4) + file.read() == path.read_bytes()


@pytest.mark.parametrize(("behind", "parsed"), [(bytes(3 << 20), 0), (bytes(16) + b"\1", 1)], ids=["zeros", "others"])
def test_zeros_behind_the_pixels_are_not_parsed_eight_by_eight(tmp_path, monkeypatch, behind, parsed):
    (tmp_path / "x").write_bytes(b"pixels" + behind)
    calls = []
    monkeypatch.setattr(filereader, "read_dataset", lambda *_, **__: calls.append(1) or {})
    with _GuardedFile(tmp_path / "x") as file:
        guarded.check_behind(file, 6, (False, True), [])
    assert len(calls) == parsed
