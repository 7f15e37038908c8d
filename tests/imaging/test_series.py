"""What `read_series` makes of good and of odd series: each policy of its table."""

import itertools
import os
import pickle
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
from radiogen.core.errors import UserError
from radiogen.imaging import SeriesError, read_series, read_volumes


def findings(folder: Path) -> str:
    return " | ".join(read_series(folder).findings)


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


def test_a_lossy_series_is_used_and_told(tmp_path):
    import cv2

    voxels = np.stack([np.full((16, 16), value, np.uint8) for value in (50, 100, 200)])

    def compress(index, dataset):
        dataset.PixelData = encapsulate([cv2.imencode(".jpg", voxels[index])[1].tobytes()])
        dataset["PixelData"].is_undefined_length = True
        dataset.LossyImageCompression = "01"

    write_series(tmp_path, voxels, syntax=uid.JPEGBaseline8Bit, change=compress)
    volume = read_series(tmp_path)
    assert np.abs(volume.voxels.astype(int) - voxels).max() <= 2
    assert "every file: compressed with loss" in volume.findings


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
    assert "copy.dcm is a copy" in volume.findings[0] or "Image-3.dcm is a copy" in volume.findings[0]


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
    assert "2 volumes in one series" in " ".join(volume.findings)


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
def test_repeated_volumes_are_told_apart(tmp_path, by_repeat):
    expected = repeats(tmp_path, **by_repeat)
    volumes = read_volumes(tmp_path)
    assert all(np.array_equal(volume.voxels, voxels) for volume, voxels in zip(volumes, expected, strict=True))
    assert np.array_equal(read_series(tmp_path).voxels, expected[0])
    assert "3 volumes in one series" in findings(tmp_path)


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
    assert volume.findings == ("3 of 12 slices are missing, interpolated from their neighbours: 2 between Image-5.dcm "
                               "and Image-8.dcm, 1 between Image-10.dcm and Image-12.dcm",)


def test_a_series_with_more_than_a_quarter_missing_is_refused(tmp_path):
    for path in write_series(tmp_path, pattern((12, 4, 4)))[3:7]:
        path.unlink()
    with pytest.raises(SeriesError, match="4 of 12 slices are missing: 4 between Image-3.dcm and Image-8.dcm"):
        read_series(tmp_path)


def test_slightly_uneven_spacing_is_taken_as_even_with_its_error_told(tmp_path):
    places = [0, 3, 6, 10, 13, 16]
    write_series(tmp_path, pattern((6, 4, 4)), change=lambda index, dataset: set_position(
        index, dataset, z=places[index]))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern((6, 4, 4)))
    assert volume.affine[2, 0] == pytest.approx(16 / 5)
    assert volume.findings == ("uneven spacing, gaps of 3.00 to 4.00 mm: taken as even, which puts slices up to 0.40 "
                               "mm from their true place",)


def test_strongly_uneven_spacing_is_interpolated_to_an_even_one(tmp_path):
    places = np.concatenate([np.arange(0, 50, 5), np.arange(48, 70, 3)])
    voxels = np.repeat(places, 16).reshape(-1, 4, 4).astype("uint16") * 100
    write_series(tmp_path, voxels, change=lambda index, dataset: set_position(index, dataset, z=places[index]))
    volume = read_series(tmp_path)
    heights = volume.affine[2, 0] * np.arange(len(volume.voxels)) + volume.affine[2, 3]
    assert np.abs(volume.voxels[:, 0, 0] - 100 * heights).max() <= 0.5  # brightness is height in the patient
    assert "uneven spacing" in volume.findings[0]
    assert "interpolated" in volume.findings[0]


def test_gantry_tilt_stays_in_the_affine_as_a_shear(tmp_path):
    sheared = AXIAL.copy()
    sheared[:3, 0] = [0, 0.75, 3]
    write_series(tmp_path, pattern(), sheared)
    volume = read_series(tmp_path)
    assert np.allclose(volume.affine, sheared)
    assert volume.findings == ("gantry tilt of 14.0 degrees: kept as a shear in the affine",)


def test_slices_shifted_sideways_each_by_its_own_have_no_affine(tmp_path):
    shifts = [0, 5, -3, 4, 0]
    write_series(tmp_path, pattern(), change=lambda index, dataset: set_position(
        index, dataset, z=3 * index, x=shifts[index]))
    volume = read_series(tmp_path)
    assert volume.affine is None
    assert "shifted sideways by up to 5.0 mm" in volume.findings[0]


def test_without_positions_slices_follow_their_instance_number_and_there_is_no_affine(tmp_path):
    write_series(tmp_path, pattern(), numbers=[1, 3, 2, 10, 20], ImagePositionPatient=None)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern()[[0, 2, 1, 3, 4]])
    assert volume.affine is None
    assert volume.findings == ("no position told: slices ordered by InstanceNumber, no affine",)


@pytest.mark.parametrize("instance", [None, "1"])
def test_without_usable_instance_numbers_slices_follow_the_number_in_the_file_name(tmp_path, instance):
    write_series(tmp_path, pattern(), numbers=[1, 2, 9, 10, 11], ImagePositionPatient=None,
                 change=lambda index, dataset: setattr(dataset, "InstanceNumber", instance))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert "the number in the file name" in volume.findings[0]


@pytest.mark.parametrize("orientation", [[0] * 6, [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 2, 0], [1, 0, 0, 0, 1]])
def test_an_orientation_that_is_none_gives_no_affine_and_is_told(tmp_path, orientation):
    write_series(tmp_path, pattern(), ImageOrientationPatient=orientation)
    volume = read_series(tmp_path)
    assert volume.affine is None
    assert "an orientation that is not two directions at right angles" in volume.findings[0]


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
    assert "all slices are told to lie at the same place" in volume.findings[0]


@pytest.mark.parametrize("spacing", [None, [0, 0], [-1, 1]])
def test_without_pixel_spacing_there_is_no_affine_but_the_order_is_right(tmp_path, spacing):
    write_series(tmp_path, pattern(), numbers=[5, 4, 3, 2, 1], PixelSpacing=spacing)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None
    assert "no pixel spacing told: no affine" in volume.findings


def test_a_single_slice_has_no_affine_because_its_thickness_is_not_a_distance(tmp_path):
    write_series(tmp_path, pattern((1, 4, 6)))
    volume = read_series(tmp_path)
    assert volume.voxels.shape == (1, 4, 6)
    assert volume.affine is None
    assert "a single slice" in volume.findings[0]


@pytest.mark.parametrize(("changed", "reason"), [
    ({"SeriesInstanceUID": "1.2.3"}, "another series"), ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
                                                         "another orientation"),
    ({"PixelSpacing": [2, 2]}, "another pixel spacing"), ({"ImagePositionPatient": None}, "no position")])
def test_a_few_foreign_slices_are_set_aside_and_named(tmp_path, changed, reason):
    uids = {"SeriesInstanceUID": "1.2.4"}
    write_series(tmp_path, pattern(), **uids)
    write_series(tmp_path, pattern((2, 6, 8)), first=7, **{**uids, **changed})
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings[0].startswith(f"Image-7.dcm and Image-8.dcm set aside: {reason}")


def test_slices_of_another_matrix_are_set_aside(tmp_path):
    uids = {"SeriesInstanceUID": "1.2.4"}
    write_series(tmp_path, pattern(), **uids)
    write_series(tmp_path, pattern((2, 8, 8)), first=7, **uids)
    assert read_series(tmp_path).findings == ("Image-7.dcm and Image-8.dcm set aside: 8 x 8 pixels, not 6 x 8",)


def test_two_series_of_similar_size_are_refused_by_name(tmp_path):
    write_series(tmp_path, pattern(), SeriesInstanceUID="1.2.4")
    write_series(tmp_path, pattern((4, 6, 8)), first=7, SeriesInstanceUID="1.2.5")
    with pytest.raises(SeriesError, match="2 stacks that are not one volume: 5 slices from Image-1.dcm on and 4 slices "
                                          "from Image-7.dcm on .another series."):
        read_series(tmp_path)
    assert [len(volume.voxels) for volume in read_volumes(tmp_path)] == [5, 4]


def test_an_anonymiser_that_gave_every_file_a_series_of_its_own_is_seen_through(tmp_path):
    write_series(tmp_path, pattern(), change=lambda index, dataset: setattr(
        dataset, "SeriesInstanceUID", f"1.2.{index + 1}"))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == ("every file has a SeriesInstanceUID of its own, which is not used",)


def test_localisers_are_set_aside_whatever_their_number(tmp_path):
    uids = {"SeriesInstanceUID": "1.2.4"}
    write_series(tmp_path, pattern(), **uids)
    for first, orientation in ((11, [1, 0, 0, 0, 0, -1]), (21, [0, 1, 0, 0, 0, -1])):
        write_series(tmp_path, pattern(), first=first, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
                     ImageOrientationPatient=orientation, **uids)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.findings == ("Image-11.dcm, Image-12.dcm, Image-13.dcm, Image-14.dcm, Image-15.dcm and 5 more set "
                               "aside: localiser",)


def test_blank_slices_are_named(tmp_path):
    voxels = pattern()
    voxels[[0, 3]] = 0
    write_series(tmp_path, voxels)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert volume.findings == ("2 of 5 slices blank: Image-1.dcm and Image-4.dcm",)


def test_a_wholly_blank_series_is_refused(tmp_path):
    write_series(tmp_path, np.zeros((5, 4, 4), np.uint16))
    with pytest.raises(SeriesError, match="is blank: every pixel of its 5 slices is 0"):
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
    assert volume.findings == ("slices have different rescale factors: each is rescaled by its own",)


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
    assert volume.findings == ("MONOCHROME1: inverted, so that bright means more",)


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
    assert volume.findings == ("Image-1.dcm set aside: no image in it",)


def test_a_truncated_multiframe_file_gives_its_whole_frames(tmp_path):
    path = write_enhanced(tmp_path / "all.dcm", pattern())
    path.write_bytes(path.read_bytes()[:-100])
    volume = read_series(path)
    assert np.array_equal(volume.voxels, pattern()[:3])
    assert volume.findings == ("every file: cut off after 3 of its 5 frames",)


def test_files_that_cannot_be_used_are_set_aside_and_named(tmp_path):
    paths = write_series(tmp_path, pattern((12, 4, 4)) * np.uint16(3))
    paths[2].write_bytes(paths[2].read_bytes()[:-8])
    paths[7].write_bytes(paths[7].read_bytes()[:500])
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "notes.txt").write_text("what the technician wrote" * 20)
    (tmp_path / ".DS_Store").write_text("of no interest")
    told = findings(tmp_path)
    assert "Image-3.dcm set aside: cut off in its pixels" in told
    assert "Image-8.dcm set aside" in told
    assert "empty.dcm set aside: empty" in told
    assert "notes.txt set aside: not a DICOM file" in told
    assert "DS_Store" not in told
    assert np.array_equal(read_series(tmp_path).voxels, pattern((12, 4, 4)) * np.uint16(3))


def test_colour_images_are_set_aside(tmp_path):
    write_series(tmp_path, pattern())
    write_series(tmp_path, pattern((1, 6, 8)), first=9, PhotometricInterpretation="RGB", SamplesPerPixel=3)
    assert read_series(tmp_path).findings == ("Image-9.dcm set aside: a colour image (RGB)",)


def test_an_unknown_compression_is_set_aside_with_its_uid(tmp_path):
    paths = write_series(tmp_path, pattern())
    dataset = pydicom.dcmread(paths[4])
    dataset.PixelData = encapsulate([b"\0" * 60])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    dataset.save_as(paths[4])
    assert f"transfer syntax {uid.MPEG2MPML}" in findings(tmp_path)


def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path):
    write_series(tmp_path, pattern((1, 4, 4)), Rows=65000, Columns=65000)
    with pytest.raises(SeriesError, match="declares 1 x 65000 x 65000 pixels"):
        read_series(tmp_path)


def test_more_pixels_declared_than_are_there_is_a_truncated_file(tmp_path):
    write_series(tmp_path, pattern((1, 4, 4)), Rows=9000, Columns=9000)
    with pytest.raises(SeriesError, match="Image-1.dcm: cut off in its pixels"):
        read_series(tmp_path)


def test_a_folder_that_is_missing_or_empty_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(UserError) as caught:
            read_series(folder)
        assert str(caught.value).startswith(str(folder))
        assert caught.value.remedy
        assert "\n" not in str(caught.value)


def test_a_folder_without_any_image_is_refused_with_each_files_reason(tmp_path):
    (tmp_path / "a.dcm").touch()
    (tmp_path / "b.dcm").write_text("x" * 500)
    with pytest.raises(SeriesError, match="no usable image .a.dcm: empty; b.dcm: not a DICOM file."):
        read_series(tmp_path)


def test_an_error_survives_the_way_back_from_a_worker_process(tmp_path):
    error = pickle.loads(pickle.dumps(SeriesError(tmp_path, "is blank", "leave it out")))
    assert isinstance(error, SeriesError)
    assert error.remedy == "leave it out"


def test_importing_the_reader_does_not_import_pydicom(tmp_path):
    code = "import sys, radiogen.imaging; print('pydicom' in sys.modules, 'tensorflow' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "False"]


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


def test_a_pipe_in_the_folder_is_told_and_never_waited_for(tmp_path):
    paths = write_series(tmp_path, pattern())
    paths[-1].unlink()
    os.mkfifo(paths[-1])
    volume = read_series(tmp_path)
    assert len(volume.voxels) == 4
    assert f"not read: {paths[-1].name}, no file but a pipe, a socket or a device" in volume.findings
