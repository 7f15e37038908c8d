"""What `read_series` makes of good and of odd series: each policy of its table."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from benchmarks.synthetic.series_files import AXIAL, as_read, pattern, planes, write_enhanced, write_series
from radiogen.imaging import SeriesError, read_series, read_volumes
from radiogen.imaging.dicom.geometry import OrderedBy
from radiogen.imaging.findings import FindingCode

from .made.expected import everywhere, finding, only, refused


def set_position(index: int, dataset: Dataset, *, z: float, x: float = -10, y: float = -20) -> None:
    dataset.ImagePositionPatient = [x, y, z]


@pytest.mark.parametrize(("name", "affine"), planes(), ids=lambda value: value if isinstance(value, str) else "")
def test_voxels_and_affine_come_back_in_every_plane_and_direction(tmp_path, name, affine):
    write_series(tmp_path, pattern(), affine, numbers=[3, 1, 5, 2, 4])
    volume = read_series(tmp_path)
    voxels, expected = as_read(pattern(), affine)
    assert np.array_equal(volume.voxels, voxels)
    assert np.abs(volume.affine - expected).max() < 1e-6
    assert volume.findings == ()


def test_slices_are_ordered_by_position_not_by_file_name_or_instance_number(tmp_path):
    for numbers in itertools.permutations([1, 2, 10, 20, 3], 5):
        if numbers[0] == 20:
            folder = tmp_path / "-".join(map(str, numbers))
            write_series(folder, pattern(), numbers=numbers)
            assert np.array_equal(read_series(folder).voxels, pattern())


def test_the_step_is_taken_from_positions_though_every_header_says_one_millimetre(tmp_path):
    write_series(tmp_path, pattern(), SpacingBetweenSlices="1.0", SliceThickness="9")
    assert np.linalg.norm(read_series(tmp_path).affine[:3, 0]) == pytest.approx(3.0)


def test_the_step_spans_first_to_last_so_that_rounded_positions_do_not_add_up(tmp_path):
    true = 0.46 * np.arange(40)
    write_series(tmp_path, pattern((40, 4, 4)), change=lambda index, dataset: set_position(
        index, dataset, z=round(true[index], 1)))
    affine = read_series(tmp_path).affine
    ends = np.array([0, 39])
    assert affine[2, 0] * ends + affine[2, 3] == pytest.approx(np.round(true[ends], 1))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "int32"])
def test_integers_keep_their_type_where_nothing_is_rescaled(tmp_path, dtype):
    voxels = pattern((3, 4, 6), dtype) - np.array(20 if dtype.startswith("i") else 0, dtype)
    write_series(tmp_path, voxels)
    read = read_series(tmp_path).voxels
    assert read.dtype == np.dtype(dtype)
    assert np.array_equal(read, voxels)


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian,
                                    uid.DeflatedExplicitVRLittleEndian, uid.RLELossless, uid.JPEG2000Lossless])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_every_transfer_syntax_gives_the_same_voxels(tmp_path, syntax, dtype):
    voxels = pattern((3, 32, 40), dtype) - np.array(20 if dtype.startswith("i") else 0, dtype)
    write_series(tmp_path, voxels, syntax=syntax)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert volume.voxels.dtype == voxels.dtype
    assert np.allclose(volume.affine, AXIAL)


def test_a_lossy_series_is_used_with_a_finding(tmp_path):
    import cv2

    voxels = np.stack([np.full((16, 16), value, np.uint8) for value in (50, 100, 200)])

    def compress(index, dataset):
        dataset.PixelData = encapsulate([cv2.imencode(".jpg", voxels[index])[1].tobytes()])
        dataset["PixelData"].is_undefined_length = True
        dataset.LossyImageCompression = "01"

    write_series(tmp_path, voxels, syntax=uid.JPEGBaseline8Bit, change=compress)
    volume = read_series(tmp_path)
    assert np.abs(volume.voxels.astype(int) - voxels).max() <= 2
    assert everywhere(FindingCode.LOSSY, 3) in volume.findings


def test_a_file_without_preamble_is_read(tmp_path):
    for path in write_series(tmp_path, pattern(), syntax=uid.ImplicitVRLittleEndian):
        dataset = pydicom.dcmread(path)
        del dataset.file_meta
        dataset.preamble = None
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    assert np.array_equal(read_series(tmp_path).voxels, pattern())


def test_byte_identical_copies_are_dropped(tmp_path):
    paths = write_series(tmp_path, pattern())
    (tmp_path / "copy.dcm").write_bytes(paths[2].read_bytes())
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    (copies,) = volume.findings
    assert copies.code is FindingCode.COPIES and copies.files in (("copy.dcm",), ("Image-3.dcm",))


def test_a_series_copied_twice_into_one_folder_is_one_volume(tmp_path):
    write_series(tmp_path, pattern())
    write_series(tmp_path, pattern(), first=101)
    volumes = read_volumes(tmp_path)
    assert len(volumes) == 1
    assert np.array_equal(volumes[0].voxels, pattern())


def test_another_image_at_the_same_place_is_not_mixed_into_the_volume(tmp_path):
    write_series(tmp_path, pattern())
    write_series(tmp_path, pattern()[2:3] + np.uint16(500), AXIAL + np.outer([0, 0, 6, 0], [0, 0, 0, 1]), first=9)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert only(volume.findings, FindingCode.VOLUMES).values["volumes"] == 2


def repeats(folder: Path, **by_repeat: list) -> list[np.ndarray]:
    """Volumes over each other in one series; `by_repeat` gives a keyword's value for each of them."""
    count = len(next(iter(by_repeat.values()))) if by_repeat else 3
    volumes = [pattern() + np.uint16(1000 * number) for number in range(count)]
    for number, voxels in enumerate(volumes):
        write_series(folder, voxels, first=1 + 5 * number,
                     **{keyword: values[number] for keyword, values in by_repeat.items()})
    return volumes


@pytest.mark.parametrize("by_repeat", [
    {"TemporalPositionIdentifier": ["1", "2", "3"]}, {"EchoTime": ["2.5", "5", "7.5"]},
    {"AcquisitionNumber": [4, 5, 6]},
    {"ImageType": [["ORIGINAL", "PRIMARY", kind] for kind in "MPR"]}, {"InversionTime": ["50", "400", "900"]}, {}])
def test_repeated_volumes_are_distinguished(tmp_path, by_repeat):
    expected = repeats(tmp_path, **by_repeat)
    volumes = read_volumes(tmp_path)
    assert all(np.array_equal(volume.voxels, voxels) for volume, voxels in zip(volumes, expected, strict=True))
    assert np.array_equal(read_series(tmp_path).voxels, expected[0])
    assert only(read_series(tmp_path).findings, FindingCode.VOLUMES).values["volumes"] == 3


def test_two_echoes_of_magnitude_and_phase_are_four_volumes_and_the_first_magnitude_is_used(tmp_path):
    kinds = [["ORIGINAL", "PRIMARY", kind] for kind in "PPMM"]
    expected = repeats(tmp_path, ImageType=kinds, EchoTime=["2", "4", "2", "4"])
    assert len(read_volumes(tmp_path)) == 4
    assert np.array_equal(read_series(tmp_path).voxels, expected[2])


def test_trigger_times_that_differ_by_slice_do_not_split_a_volume(tmp_path):
    expected = repeats(tmp_path)
    for path in tmp_path.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.TriggerTime = str((dataset.InstanceNumber - 1) % 5 * 100)
        dataset.save_as(path)
    assert [len(volume.voxels) for volume in read_volumes(tmp_path)] == [5, 5, 5]
    assert np.array_equal(read_series(tmp_path).voxels, expected[0])


def test_blank_ends_of_repeated_volumes_are_not_taken_for_copies(tmp_path):
    volumes = [pattern() + np.uint16(1000 * number) for number in range(2)]
    for number, voxels in enumerate(volumes):
        voxels[0] = 0
        write_series(tmp_path, voxels, first=1 + 5 * number)
    assert [len(volume.voxels) for volume in read_volumes(tmp_path)] == [5, 5]


def test_echo_times_that_differ_by_slice_are_no_reason_to_split(tmp_path):
    write_series(tmp_path, pattern(), change=lambda index, dataset: setattr(dataset, "EchoTime", str(80 + index)))
    assert np.array_equal(read_series(tmp_path).voxels, pattern())


def test_missing_slices_are_named_and_interpolated_in_their_true_place(tmp_path):
    voxels = pattern((12, 4, 4)) * np.uint16(3)
    paths = write_series(tmp_path, voxels)
    for index in (5, 6, 10):
        paths[index].unlink()
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)  # the pattern grows evenly from slice to slice
    assert np.allclose(volume.affine, AXIAL)
    assert volume.findings == (finding(FindingCode.SLICES_MISSING, missing=3, total=12, off_mm=None, holes=(
        (2, "Image-5.dcm", "Image-8.dcm"), (1, "Image-10.dcm", "Image-12.dcm"))),)


def test_a_series_with_more_than_a_quarter_missing_is_refused(tmp_path):
    for path in write_series(tmp_path, pattern((12, 4, 4)))[3:7]:
        path.unlink()
    with refused(FindingCode.SLICES_LACKING, missing=4, total=12, holes=((4, "Image-3.dcm", "Image-8.dcm"),)):
        read_series(tmp_path)


def test_slightly_uneven_spacing_is_taken_as_even_and_its_error_reported(tmp_path):
    places = [0, 3, 6, 10, 13, 16]
    write_series(tmp_path, pattern((6, 4, 4)), change=lambda index, dataset: set_position(
        index, dataset, z=places[index]))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern((6, 4, 4)))
    assert volume.affine[2, 0] == pytest.approx(16 / 5)
    (uneven,) = volume.findings
    assert uneven.code is FindingCode.SLICES_UNEVEN
    assert dict(uneven.values) == pytest.approx({"low_mm": 3.0, "high_mm": 4.0, "off_mm": 0.4})


def test_strongly_uneven_spacing_is_interpolated_to_an_even_one(tmp_path):
    places = np.concatenate([np.arange(0, 50, 5), np.arange(48, 70, 3)])
    voxels = np.repeat(places, 16).reshape(-1, 4, 4).astype("uint16") * 100
    write_series(tmp_path, voxels, change=lambda index, dataset: set_position(index, dataset, z=places[index]))
    volume = read_series(tmp_path)
    heights = volume.affine[2, 0] * np.arange(len(volume.voxels)) + volume.affine[2, 3]
    assert np.abs(volume.voxels[:, 0, 0] - 100 * heights).max() <= 0.5  # brightness is height in the patient
    uneven = only(volume.findings, FindingCode.SLICES_UNEVEN_INTERPOLATED)
    assert dict(uneven.values) == pytest.approx({
        "low_mm": 3.0, "high_mm": 5.0, "slices": len(volume.voxels), "spacing_mm": volume.affine[2, 0]})


def test_gantry_tilt_stays_in_the_affine_as_a_shear(tmp_path):
    sheared = AXIAL.copy()
    sheared[:3, 0] = [0, 0.75, 3]
    write_series(tmp_path, pattern(), sheared)
    volume = read_series(tmp_path)
    assert np.allclose(volume.affine, sheared)
    (tilt,) = volume.findings
    assert tilt.code is FindingCode.GANTRY_TILT
    assert tilt.values["degrees"] == pytest.approx(np.degrees(np.arctan(0.75 / 3)))


def test_slices_shifted_sideways_each_by_its_own_have_no_affine(tmp_path):
    shifts = [0, 5, -3, 4, 0]
    write_series(tmp_path, pattern(), change=lambda index, dataset: set_position(
        index, dataset, z=3 * index, x=shifts[index]))
    volume = read_series(tmp_path)
    assert volume.affine is None
    assert volume.findings == (finding(FindingCode.SLICES_SHIFTED_FAR, shift_mm=5.0),)


def test_without_positions_slices_follow_their_instance_number_and_there_is_no_affine(tmp_path):
    write_series(tmp_path, pattern(), numbers=[1, 3, 2, 10, 20], ImagePositionPatient=None)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern()[[0, 2, 1, 3, 4]])
    assert volume.affine is None
    assert volume.findings == (finding(FindingCode.POSITION_MISSING, ordered_by=OrderedBy.INSTANCE_NUMBER),)


@pytest.mark.parametrize("instance", [None, "1"])
def test_without_usable_instance_numbers_slices_follow_the_number_in_the_file_name(tmp_path, instance):
    write_series(tmp_path, pattern(), numbers=[1, 2, 9, 10, 11], ImagePositionPatient=None,
                 change=lambda index, dataset: setattr(dataset, "InstanceNumber", instance))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == (finding(FindingCode.POSITION_MISSING, ordered_by=OrderedBy.FILE_NAME),)


@pytest.mark.parametrize("orientation", [[0] * 6, [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 2, 0], [1, 0, 0, 0, 1]])
def test_an_orientation_that_is_none_gives_no_affine_and_a_finding(tmp_path, orientation):
    write_series(tmp_path, pattern(), ImageOrientationPatient=orientation)
    volume = read_series(tmp_path)
    assert volume.affine is None
    assert volume.findings[0] == everywhere(FindingCode.ORIENTATION_IMPOSSIBLE, 5)
    assert volume.findings[1].code is FindingCode.ORIENTATION_MISSING


def test_a_position_of_nan_is_no_position(tmp_path):
    for path in write_series(tmp_path, pattern(), numbers=[1, 2, 3, 4, 5]):
        content = path.read_bytes()
        place = content.index(b"\x20\x00\x32\x00DS")
        path.write_bytes(content[:place + 8] + b"NaN" + content[place + 11:])
    assert read_series(tmp_path).affine is None


def test_slices_that_all_claim_one_place_follow_their_instance_number(tmp_path):
    write_series(tmp_path, pattern(), ImagePositionPatient=[0, 0, 0])
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None
    assert volume.findings[0] == finding(FindingCode.ONE_PLACE)


@pytest.mark.parametrize("spacing", [None, [0, 0], [-1, 1]])
def test_without_pixel_spacing_there_is_no_affine_but_the_order_is_right(tmp_path, spacing):
    write_series(tmp_path, pattern(), numbers=[5, 4, 3, 2, 1], PixelSpacing=spacing)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None
    assert finding(FindingCode.PIXEL_SPACING_MISSING) in volume.findings


def test_a_single_slice_has_no_affine_because_its_thickness_is_not_a_distance(tmp_path):
    write_series(tmp_path, pattern((1, 4, 6)))
    volume = read_series(tmp_path)
    assert volume.voxels.shape == (1, 4, 6)
    assert volume.affine is None
    assert volume.findings == (finding(FindingCode.SINGLE_SLICE),)


@pytest.mark.parametrize(("changed", "code"), [
    ({"SeriesInstanceUID": "1.2.3"}, FindingCode.OTHER_SERIES),
    ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, FindingCode.OTHER_ORIENTATION),
    ({"PixelSpacing": [2, 2]}, FindingCode.OTHER_PIXEL_SPACING),
    ({"ImagePositionPatient": None}, FindingCode.OTHER_PLACELESS)])
def test_a_few_foreign_slices_are_set_aside_and_named(tmp_path, changed, code):
    uids = {"SeriesInstanceUID": "1.2.4"}
    write_series(tmp_path, pattern(), **uids)
    write_series(tmp_path, pattern((2, 6, 8)), first=7, **{**uids, **changed})
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == (finding(code, "Image-7.dcm", "Image-8.dcm"),)


def test_slices_of_another_matrix_are_set_aside(tmp_path):
    uids = {"SeriesInstanceUID": "1.2.4"}
    write_series(tmp_path, pattern(), **uids)
    write_series(tmp_path, pattern((2, 8, 8)), first=7, **uids)
    assert read_series(tmp_path).findings == (finding(
        FindingCode.OTHER_MATRIX, "Image-7.dcm", "Image-8.dcm", rows=8, columns=8, main_rows=6, main_columns=8),)


def test_two_series_of_similar_size_are_refused_by_name(tmp_path):
    write_series(tmp_path, pattern(), SeriesInstanceUID="1.2.4")
    write_series(tmp_path, pattern((4, 6, 8)), first=7, SeriesInstanceUID="1.2.5")
    others = finding(FindingCode.OTHER_SERIES, *(f"Image-{number}.dcm" for number in range(7, 11)))
    with refused(FindingCode.SEVERAL_STACKS, parts=((5, "Image-1.dcm", None), (4, "Image-7.dcm", others))):
        read_series(tmp_path)
    assert [len(volume.voxels) for volume in read_volumes(tmp_path)] == [5, 4]


def test_an_anonymiser_that_gave_every_file_a_series_of_its_own_is_seen_through(tmp_path):
    write_series(tmp_path, pattern(), change=lambda index, dataset: setattr(
        dataset, "SeriesInstanceUID", f"1.2.{index + 1}"))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == (finding(FindingCode.SERIES_UID_IN_EVERY_FILE),)


def test_localisers_are_set_aside_whatever_their_number(tmp_path):
    uids = {"SeriesInstanceUID": "1.2.4"}
    write_series(tmp_path, pattern(), **uids)
    for first, orientation in ((11, [1, 0, 0, 0, 0, -1]), (21, [0, 1, 0, 0, 0, -1])):
        write_series(tmp_path, pattern(), first=first, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
                     ImageOrientationPatient=orientation, **uids)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == (finding(FindingCode.LOCALISER, *(
        f"Image-{number}.dcm" for number in (*range(11, 16), *range(21, 26)))),)


def test_blank_slices_are_named(tmp_path):
    voxels = pattern()
    voxels[[0, 3]] = 0
    write_series(tmp_path, voxels)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert volume.findings == (finding(FindingCode.SLICES_BLANK, "Image-1.dcm", "Image-4.dcm", blank=2, total=5),)


def test_a_wholly_blank_series_is_refused(tmp_path):
    write_series(tmp_path, np.zeros((5, 4, 4), np.uint16))
    with refused(FindingCode.SERIES_BLANK, slices=5, value=0):
        read_series(tmp_path)


def test_rescale_makes_floats_slice_by_slice(tmp_path):
    slopes = np.array([0.5, 2, 1, 1, 1.25])
    intercepts = np.array([0, -1000, 7.5, 0, 0])

    def change(index, dataset):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(slopes[index]), str(intercepts[index])

    write_series(tmp_path, pattern(), change=change)
    volume = read_series(tmp_path)
    assert volume.voxels.dtype == np.float32
    assert np.array_equal(volume.voxels, pattern() * slopes[:, None, None] + intercepts[:, None, None])
    assert volume.findings == (finding(FindingCode.RESCALE_DIFFERS),)


def test_one_rescale_for_all_is_no_finding_and_a_slope_of_one_no_rescale(tmp_path):
    write_series(tmp_path / "a", pattern(), RescaleSlope="2", RescaleIntercept="-5")
    assert read_series(tmp_path / "a").findings == ()
    write_series(tmp_path / "b", pattern(), RescaleSlope="1", RescaleIntercept="0")
    assert read_series(tmp_path / "b").voxels.dtype == np.uint16


@pytest.mark.parametrize(("dtype", "stored", "inverted"), [("uint16", 12, lambda v: 4095 - v.astype(int)),
                                                           ("int16", 16, lambda v: -1 - v.astype(int))])
def test_monochrome1_is_inverted_so_that_bright_means_more(tmp_path, dtype, stored, inverted):
    write_series(tmp_path, pattern(dtype=dtype), PhotometricInterpretation="MONOCHROME1", BitsStored=stored,
                 HighBit=stored - 1)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, inverted(pattern(dtype=dtype)))
    assert volume.findings == (finding(FindingCode.INVERTED),)


def test_pixel_padding_value_is_left_as_it_is(tmp_path):
    voxels = pattern()
    voxels[:, 0] = 63
    write_series(tmp_path, voxels, PixelPaddingValue=63)
    assert np.array_equal(read_series(tmp_path).voxels, voxels)


def test_enhanced_frames_are_ordered_by_position(tmp_path):
    path = write_enhanced(tmp_path / "all.dcm", pattern(), order=[3, 0, 4, 1, 2])
    for where in (path, tmp_path):
        volume = read_series(where)
        assert np.array_equal(volume.voxels, pattern())
        assert np.allclose(volume.affine, AXIAL)
        assert volume.findings == ()


def test_enhanced_frames_are_rescaled_each_by_its_own(tmp_path):
    def change(frame, groups):
        item = Dataset()
        item.RescaleSlope, item.RescaleIntercept = str(1 + frame), "0"
        groups.PixelValueTransformationSequence = [item]

    write_enhanced(tmp_path / "all.dcm", pattern(), change=change)
    assert np.array_equal(read_series(tmp_path).voxels, pattern() * np.arange(1, 6)[:, None, None])


def test_compressed_enhanced_frames_are_decoded(tmp_path):
    write_enhanced(tmp_path / "all.dcm", pattern(), order=[4, 3, 2, 1, 0], syntax=uid.RLELossless)
    assert np.array_equal(read_series(tmp_path).voxels, pattern())


def test_a_raw_data_object_beside_an_enhanced_file_is_reported_and_skipped(tmp_path):
    write_enhanced(tmp_path / "all.dcm", pattern())
    raw = write_series(tmp_path, pattern((1, 2, 2)), SOPClassUID=uid.RawDataStorage)[0]
    dataset = pydicom.dcmread(raw)
    del dataset.PixelData, dataset.Rows
    dataset.save_as(raw)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == (finding(FindingCode.NO_IMAGE, "Image-1.dcm"),)


def test_a_truncated_multiframe_file_gives_its_whole_frames(tmp_path):
    path = write_enhanced(tmp_path / "all.dcm", pattern())
    path.write_bytes(path.read_bytes()[:-100])
    volume = read_series(path)
    assert np.array_equal(volume.voxels, pattern()[:3])
    assert volume.findings == (finding(FindingCode.FRAMES_CUT_OFF, "all.dcm", whole=3, frames=5, everywhere=True),)


def test_files_that_cannot_be_used_are_set_aside_and_named(tmp_path):
    paths = write_series(tmp_path, pattern((12, 4, 4)) * np.uint16(3))
    paths[2].write_bytes(paths[2].read_bytes()[:-8])
    paths[7].write_bytes(paths[7].read_bytes()[:500])
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "notes.txt").write_text("what the technician wrote" * 20)
    (tmp_path / ".DS_Store").write_text("of no interest")
    volume = read_series(tmp_path)
    assert set(volume.findings[:-1]) == {
        finding(FindingCode.PIXELS_CUT_OFF, "Image-3.dcm"), finding(FindingCode.HEADER_CUT_OFF, "Image-8.dcm"),
        finding(FindingCode.FILE_EMPTY, "empty.dcm"), finding(FindingCode.FILE_NOT_DICOM, "notes.txt")}
    assert volume.findings[-1].code is FindingCode.SLICES_MISSING
    assert np.array_equal(volume.voxels, pattern((12, 4, 4)) * np.uint16(3))


def test_colour_images_are_set_aside(tmp_path):
    write_series(tmp_path, pattern())
    write_series(tmp_path, pattern((1, 6, 8)), first=9, PhotometricInterpretation="RGB", SamplesPerPixel=3)
    assert read_series(tmp_path).findings == (finding(FindingCode.COLOUR_IMAGE, "Image-9.dcm", photometric="RGB"),)


def test_an_unknown_compression_is_set_aside_with_its_uid(tmp_path):
    paths = write_series(tmp_path, pattern())
    dataset = pydicom.dcmread(paths[4])
    dataset.PixelData = encapsulate([b"\0" * 60])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    dataset.save_as(paths[4])
    assert finding(FindingCode.COMPRESSION_UNKNOWN, "Image-5.dcm", syntax=str(uid.MPEG2MPML)) in read_series(
        tmp_path).findings


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path):
    write_series(tmp_path, pattern((1, 4, 4)), Rows=65000, Columns=65000)
    cause = finding(FindingCode.SIZE_IMPOSSIBLE, "Image-1.dcm", frames=1, rows=65000, columns=65000)
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(cause,)):
        read_series(tmp_path)


def test_more_pixels_declared_than_are_there_is_a_truncated_file(tmp_path):
    write_series(tmp_path, pattern((1, 4, 4)), Rows=9000, Columns=9000)
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(finding(FindingCode.PIXELS_CUT_OFF, "Image-1.dcm"),)):
        read_series(tmp_path)


def test_a_folder_that_is_missing_or_empty_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, code in ((tmp_path / "empty", FindingCode.FOLDER_EMPTY),
                         (tmp_path / "missing", FindingCode.FOLDER_MISSING)):
        with pytest.raises(SeriesError) as caught:
            read_series(folder)
        assert caught.value.finding.code is code
        assert str(caught.value).startswith(str(folder))
        assert caught.value.remedy
        assert "\n" not in str(caught.value)


def test_a_folder_without_any_image_is_refused_with_each_files_reason(tmp_path):
    (tmp_path / "a.dcm").touch()
    (tmp_path / "b.dcm").write_text("x" * 500)
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(
            finding(FindingCode.FILE_EMPTY, "a.dcm"), finding(FindingCode.FILE_NOT_DICOM, "b.dcm"))):
        read_series(tmp_path)


def test_importing_the_reader_does_not_import_pydicom(tmp_path):
    code = "import sys, radiogen.imaging; print('pydicom' in sys.modules, 'tensorflow' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["False", "False"]


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.RLELossless,
                                    uid.JPEG2000Lossless])
def test_damage_anywhere_ends_as_a_finding_or_a_series_error(tmp_path, syntax):
    paths = write_series(tmp_path, pattern((3, 32, 40)), syntax=syntax)
    sound = paths[1].read_bytes()
    rng = np.random.default_rng(11)
    for _ in range(60):
        damaged = bytearray(sound)
        for place in rng.integers(0, len(sound), rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        paths[1].write_bytes(damaged[:rng.integers(len(sound))] if rng.random() < 0.3 else damaged)
        try:
            assert read_series(tmp_path).voxels.shape[0] >= 2
        except SeriesError as error:
            assert error.remedy


def test_a_pipe_in_the_folder_is_reported_and_never_waited_for(tmp_path):
    paths = write_series(tmp_path, pattern())
    paths[-1].unlink()
    os.mkfifo(paths[-1])
    volume = read_series(tmp_path)
    assert len(volume.voxels) == 4
    assert volume.findings == (finding(FindingCode.SPECIAL_FILE, paths[-1].name),)
