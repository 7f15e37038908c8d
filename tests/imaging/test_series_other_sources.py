"""Habits of other writers of DICOM, met in the test data of other projects or known from their issue trackers.

Every series is made here; the fact is that `read_series` gives its voxels and its place all the same, or says why not.
"""

import errno
import os
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from benchmarks.synthetic.series_files import AXIAL, as_read, pattern, planes, write_enhanced, write_series
from radiogen.imaging import read_series, read_volumes
from radiogen.imaging.findings import FindingCode, codes

from .dicom.test_mosaic import csa, write_mosaic
from .made.expected import everywhere, finding, only, refused


def as_written(folder: Path, voxels: np.ndarray, affine: np.ndarray = AXIAL) -> bool:
    """Whether both paths give these voxels in this place."""
    volumes = [read_series(folder, fast=fast) for fast in (True, False)]
    return all(np.array_equal(volume.voxels, voxels) and np.allclose(volume.affine, affine, atol=1e-6)
               for volume in volumes)


def rewrite(paths: list[Path], change) -> None:
    for path in paths:
        path.write_bytes(change(path.read_bytes()))


def without_meta_header(content: bytes) -> bytes:
    return content[:132] + content[144 + struct.unpack("<I", content[140:144])[0]:]


@pytest.mark.parametrize("texts", [
    ["-1.0e+1", "-2E1", "{}e0"], ["-10.0000000000000000000", "-20.00000000000000000001", "{}.0000000000000000000"],
    [" -10 ", "-20.", "+{}"]])
def test_positions_may_be_written_in_any_way_that_is_a_number(tmp_path, texts):
    paths = write_series(tmp_path, pattern())

    def change(content: bytes) -> bytes:
        element = content.index(b"\x20\x00\x32\x00DS")
        size = struct.unpack("<H", content[element + 6:element + 8])[0]
        height = content[element + 8:element + 8 + size].split(b"\\")[2].strip().decode()
        value = "\\".join(texts).format(height).encode()
        value += b" " * (len(value) % 2)
        return content[:element + 6] + struct.pack("<H", len(value)) + value + content[element + 8 + size:]

    rewrite(paths, change)
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize(("digits", "off_mm"), [(3, 0.01), (4, 0.001)])
def test_an_orientation_that_was_rounded_moves_no_voxel_by_more_than_the_rounding(tmp_path, digits, off_mm):
    voxels, affine = as_read(pattern(), dict(planes())["doubly oblique"])

    def change(_, dataset):
        dataset.ImageOrientationPatient = [f"{float(number):.{digits}f}" for number in dataset.ImageOrientationPatient]

    write_series(tmp_path, voxels, affine, change=change)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert np.abs((volume.affine - affine) @ [4, 5, 7, 1]).max() < off_mm
    assert volume.findings == ()


def test_a_last_digit_that_changes_from_slice_to_slice_makes_no_second_stack(tmp_path):
    def change(index, dataset):
        dataset.PixelSpacing = [f"{0.75 + 1e-6 * index:.6f}", f"{0.5 - 1e-6 * index:.6f}"]
        dataset.ImageOrientationPatient = ["1", "-0.0", f"{1e-6 * index:.6f}", "-0", "1", "0"]

    write_series(tmp_path, pattern(), change=change)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert np.allclose(volume.affine, AXIAL, atol=1e-5)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_thumbnail_within_the_header_is_not_taken_for_the_image(tmp_path, syntax):
    def change(_, dataset):
        icon = Dataset()
        icon.Rows, icon.Columns, icon.PixelData = 2, 1, b"\1\2"
        icon["PixelData"].VR = "OW"
        icon.ImagePositionPatient, icon.PixelSpacing = ["9", "9", "9"], ["7", "7"]
        dataset.IconImageSequence = Items([icon])

    write_series(tmp_path, pattern(), syntax=syntax, change=change)
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize("after", [b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0\0\0\0\0", b"not DICOM at all" * 40])
def test_what_follows_the_pixels_is_ignored(tmp_path, after):
    rewrite(write_series(tmp_path, pattern()), lambda content: content + after)
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize("change", [
    without_meta_header, lambda content: content[:140] + struct.pack("<I", 10) + content[144:]],
    ids=["no meta header", "a wrong length of the meta header"])
def test_a_damaged_meta_header_costs_nothing(tmp_path, change):
    rewrite(write_series(tmp_path, pattern()), change)
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize(("keyword", "representation", "convert"), [
    ("ImagePositionPatient", "FD", lambda value: [float(each) for each in value]),
    ("ImagePositionPatient", "LO", lambda value: [str(each) for each in value]),
    ("PixelSpacing", "UN", lambda value: "\\".join(map(str, value)).encode()),
    ("Rows", "UL", int), ("BitsAllocated", "SS", int), ("InstanceNumber", "US", int)])
def test_a_value_in_another_representation_than_the_standards_is_read(tmp_path, keyword, representation, convert):
    def change(_, dataset):
        dataset[keyword] = pydicom.DataElement(keyword, representation, convert(dataset[keyword].value))

    write_series(tmp_path, pattern(), change=change)
    assert as_written(tmp_path, pattern())


def test_signed_and_unsigned_files_in_one_series_keep_all_their_values(tmp_path):
    voxels = np.stack([pattern()[index] if index % 2 else pattern()[index] + np.uint16(40_000) for index in range(5)])
    write_series(tmp_path, voxels, change=lambda index, dataset: setattr(dataset, "PixelRepresentation", index % 2))
    assert as_written(tmp_path, voxels.astype(np.int32))


def test_real_world_values_and_private_scales_do_not_touch_the_voxels(tmp_path):
    def change(_, dataset):
        item = Dataset()
        item.RealWorldValueSlope, item.RealWorldValueIntercept = 2.5, 7.0
        dataset.RealWorldValueMappingSequence = Items([item])
        dataset.add_new(0x2005_0010, "LO", "Philips MR Imaging DD 001")
        dataset.add_new(0x2005_100E, "FL", 0.0123)

    write_series(tmp_path, pattern(), change=change)
    assert as_written(tmp_path, pattern())


def test_frames_of_an_enhanced_file_are_rescaled_each_by_its_own_factors(tmp_path):
    def change(frame, groups):
        item = Dataset()
        item.RescaleSlope, item.RescaleIntercept, item.RescaleType = str(1 + frame / 2), str(frame), "US"
        groups.PixelValueTransformationSequence = Items([item])

    write_enhanced(tmp_path / "all.dcm", pattern(), change=change)
    number = np.arange(5)[:, None, None]
    assert np.allclose(read_series(tmp_path).voxels, pattern() * (1 + number / 2) + number)


def test_one_volume_in_two_enhanced_files_is_one_volume(tmp_path):
    upper = AXIAL.copy()
    upper[:3, 3] += AXIAL[:3, 0] * 3
    write_enhanced(tmp_path / "1.dcm", pattern()[:3], SeriesInstanceUID="1.2.3")
    write_enhanced(tmp_path / "2.dcm", pattern()[3:], upper, SeriesInstanceUID="1.2.3")
    assert as_written(tmp_path, pattern())


def test_a_screen_save_and_what_windows_leaves_behind_are_set_aside(tmp_path):
    write_series(tmp_path, pattern(), SeriesInstanceUID="1.2.3")
    write_series(tmp_path, pattern((1, 20, 30)), None, first=99, SeriesInstanceUID="1.2.3",
                 SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    (tmp_path / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" * 200)
    assert as_written(tmp_path, pattern())
    assert read_series(tmp_path).findings == (
        finding(FindingCode.FILE_NOT_DICOM, "Thumbs.db"),
        finding(FindingCode.OTHER_MATRIX, "Image-99.dcm", rows=20, columns=30, main_rows=6, main_columns=8))


def test_a_localiser_of_three_planes_that_does_not_say_so_is_set_aside_by_its_own_series(tmp_path):
    write_series(tmp_path, pattern((12, 6, 8)), SeriesInstanceUID="1.2.3")
    for number, name in enumerate(("axial", "coronal", "sagittal")):
        write_series(tmp_path, pattern()[:1], dict(planes())[name], first=50 + number, SeriesInstanceUID="1.2.9")
    assert as_written(tmp_path, pattern((12, 6, 8)))
    assert codes(read_series(tmp_path).findings) == (FindingCode.OTHER_SERIES,) * 3


def test_a_series_that_was_sent_twice_under_two_identifiers_is_refused(tmp_path):
    write_series(tmp_path, pattern(), SeriesInstanceUID="1.2.1")
    write_series(tmp_path, pattern(), first=20, SeriesInstanceUID="1.2.2")
    others = finding(FindingCode.OTHER_SERIES, *(f"Image-{number}.dcm" for number in range(20, 25)))
    with refused(FindingCode.SEVERAL_STACKS, parts=((5, "Image-1.dcm", None), (5, "Image-20.dcm", others))):
        read_series(tmp_path)


def write_mosaics(folder: Path, shifts_mm, protocol: bool = True) -> None:
    """Mosaics of one series, each moved along its normal."""
    folder.mkdir()
    for number, shift in enumerate(shifts_mm, start=1):
        affine = AXIAL.copy()
        affine[2, 3] += shift
        (path,) = write_mosaic(folder / "one", pattern() + np.uint16(1000 * number), affine)
        dataset = pydicom.dcmread(path)
        path.unlink()
        dataset.InstanceNumber, dataset.SeriesInstanceUID = number, "1.2.3"
        if not protocol:
            del dataset[0x0029_1020]
        dataset.save_as(folder / f"{number}.dcm")
    (folder / "one").rmdir()


@pytest.mark.parametrize("shift_mm", [0.02, 0.3, 1.5, 3.0])
def test_mosaics_that_follow_the_moving_head_stay_volumes_of_their_own(tmp_path, shift_mm):
    write_mosaics(tmp_path / "in", [0, shift_mm, 2 * shift_mm])
    volumes = read_volumes(tmp_path / "in")
    assert [volume.affine[2, 3] for volume in volumes] == pytest.approx([30, 30 + shift_mm, 30 + 2 * shift_mm])
    for number, volume in enumerate(volumes, start=1):
        assert np.array_equal(volume.voxels, pattern() + 1000 * number)


def test_mosaics_that_lost_their_protocol_are_volumes_without_an_affine_not_one_long_stack(tmp_path):
    write_mosaics(tmp_path / "in", [0, 0, 0], protocol=False)
    volumes = read_volumes(tmp_path / "in")
    assert [volume.voxels.shape for volume in volumes] == [pattern().shape] * 3
    assert all(volume.affine is None for volume in volumes)
    assert np.array_equal(read_series(tmp_path / "in").voxels, pattern() + 1000)


def test_a_mosaic_that_was_resized_is_refused(tmp_path):
    def change(_, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
        dataset.add_new(0x0029_0010, "LO", "SIEMENS CSA HEADER")
        dataset.add_new(0x0029_1010, "OB", csa({"NumberOfImagesInMosaic": ["5"]}))

    write_series(tmp_path, pattern((1, 16, 16)), change=change)
    cause = finding(FindingCode.MOSAIC_RESIZED, "Image-1.dcm", tiles=5, rows=16, columns=16)
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(cause,)):
        read_series(tmp_path)


@pytest.mark.parametrize(("written", "declared"), [(ExplicitVRLittleEndian, ImplicitVRLittleEndian),
                                               (ImplicitVRLittleEndian, ExplicitVRLittleEndian)])
def test_a_meta_header_that_tells_the_wrong_kind_of_vr_shifts_no_pixel(tmp_path, written, declared):
    def change(content: bytes) -> bytes:
        at = content.index(b"\x02\x00\x10\x00UI")
        size = struct.unpack("<H", content[at + 6:at + 8])[0]
        value = declared.encode() + b"\0" * (len(declared) % 2)
        length = struct.unpack("<I", content[140:144])[0] + len(value) - size
        return (content[:140] + struct.pack("<I", length) + content[144:at + 6] + struct.pack("<H", len(value)) + value
                + content[at + 8 + size:] + b"\0" * 8)

    rewrite(write_series(tmp_path, pattern(), syntax=written), change)
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize("left_out", [(), ("ImageType",), ("ImageType", "SOPClassUID"),
                                      ("ImageType", "SOPClassUID", "SOPInstanceUID")])
def test_a_file_without_preamble_may_begin_with_any_element_of_its_first_group(tmp_path, left_out):
    for path in write_series(tmp_path, pattern(), syntax=ImplicitVRLittleEndian,
                             change=lambda _, dataset: [delattr(dataset, keyword) for keyword in left_out]):
        content = path.read_bytes()
        path.write_bytes(content[144 + struct.unpack("<I", content[140:144])[0]:])
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize("names", [("\u00b21.dcm", "3.dcm"), ("\u0663.dcm", "a1.dcm")],
                         ids=["superscript", "Arabic digit"])
def test_digits_of_other_scripts_in_names_are_letters(tmp_path, names):
    for path, name in zip(write_series(tmp_path, pattern(), syntax=ImplicitVRLittleEndian), names, strict=False):
        path.rename(tmp_path / name)
    assert as_written(tmp_path, pattern())


@pytest.mark.parametrize("missing", [3, 8])
def test_a_slice_that_one_repeat_lacks_is_not_taken_from_another(tmp_path, missing):
    first, second = pattern((8, 6, 8)), pattern((8, 6, 8)) + np.uint16(1000)
    write_series(tmp_path, first, SeriesInstanceUID="1.2.3")
    write_series(tmp_path, second, first=9, SeriesInstanceUID="1.2.3")
    (tmp_path / f"Image-{missing}.dcm").unlink()
    assert np.array_equal(read_series(tmp_path).voxels, second)
    assert all(len(set((volume.voxels > 1000)[:, 0, 0])) == 1 for volume in read_volumes(tmp_path))


def test_repeats_that_alternate_from_file_to_file_are_distinguished(tmp_path):
    first, second = pattern(), pattern() + np.uint16(1000)
    write_series(tmp_path, first, numbers=[1, 3, 5, 7, 9], SeriesInstanceUID="1.2.3")
    write_series(tmp_path, second, numbers=[2, 4, 6, 8, 10], SeriesInstanceUID="1.2.3")
    assert [volume.voxels[0, 0, 0] for volume in read_volumes(tmp_path)] == [1, 1001]


def test_a_link_that_leads_nowhere_is_set_aside(tmp_path):
    write_series(tmp_path, pattern())[4].unlink()
    (tmp_path / "Image-5.dcm").symlink_to(tmp_path / "annex" / "Image-5.dcm")
    assert read_series(tmp_path).findings == (
        finding(FindingCode.FILE_UNREADABLE, "Image-5.dcm", error=os.strerror(errno.ENOENT)),)


def test_a_folder_within_a_series_is_reported(tmp_path):
    write_series(tmp_path, pattern()[:3])
    write_series(tmp_path / "rest", pattern()[3:])
    volume = read_series(tmp_path)
    assert len(volume.voxels) == 3
    assert volume.findings == (finding(FindingCode.FOLDER_INSIDE, "rest"),)


def test_a_number_of_frames_that_is_no_number_is_one(tmp_path):
    def change(content: bytes) -> bytes:
        return content.replace(b"\x28\x00\x08\x00IS\x02\x001 ", b"\x28\x00\x08\x00IS\x02\x001A")

    rewrite(write_series(tmp_path, pattern(), NumberOfFrames="1"), change)
    assert as_written(tmp_path, pattern())


def test_a_private_transfer_syntax_is_named(tmp_path):
    def change(content: bytes) -> bytes:
        return content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0")

    rewrite(write_series(tmp_path, pattern()), change)
    cause = finding(FindingCode.TRANSFER_SYNTAX_UNKNOWN, *(f"Image-{number}.dcm" for number in range(1, 6)),
                    syntax="1.2.840.113619.5.2")
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(cause,)):
        read_series(tmp_path)


def test_how_far_slices_beside_a_gap_of_no_whole_steps_are_off_is_reported(tmp_path):
    upper = AXIAL.copy()
    upper[2, 3] += 8 * 3 + 2
    write_series(tmp_path, pattern((8, 6, 8)), SeriesInstanceUID="1.2.3")
    write_series(tmp_path, pattern((8, 6, 8)), upper, first=9, SeriesInstanceUID="1.2.3")
    assert only(read_series(tmp_path).findings, FindingCode.SLICES_MISSING).values["off_mm"] == pytest.approx(
        0.44, abs=0.005)


def test_a_rescale_slope_that_is_no_number_is_reported(tmp_path):
    def change(content: bytes) -> bytes:
        return content.replace(b"\x28\x00\x53\x10DS\x04\x001.50", b"\x28\x00\x53\x10DS\x04\x001,50")

    rewrite(write_series(tmp_path, pattern(), RescaleSlope="1.50"), change)
    assert read_series(tmp_path).findings == (
        everywhere(FindingCode.RESCALE_NO_NUMBER, 5, name="slope", text="1,50"),)


def test_a_finding_about_a_name_that_is_no_text_can_be_written(tmp_path):
    from radiogen.core import files

    write_series(tmp_path / "in", pattern())
    (tmp_path / "in" / os.fsdecode(b"\xfc.txt")).write_bytes(b"x")
    written = files.write_text(tmp_path / "findings.txt", "\n".join(map(str, read_series(tmp_path / "in").findings)))
    assert written.read_text().startswith("\\udcfc.txt ")


@pytest.mark.parametrize("shift_mm", [0.02, 0.3, 1.4])
def test_time_points_that_moved_between_each_others_slices_are_no_single_volume(tmp_path, shift_mm):
    moved = AXIAL.copy()
    moved[2, 3] += shift_mm
    write_series(tmp_path, pattern(), TemporalPositionIdentifier=1, SeriesInstanceUID="1.2.3")
    write_series(tmp_path, pattern() + np.uint16(1000), moved, first=6, TemporalPositionIdentifier=2,
                 SeriesInstanceUID="1.2.3")
    assert as_written(tmp_path, pattern())
    assert [volume.voxels[0, 0, 0] for volume in read_volumes(tmp_path)] == [1, 1001]
