"""Slices are put together by what they are, and repeated volumes are separated."""

import dataclasses

import numpy as np
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, write_series
from radiogen.imaging import read_series, read_volumes
from radiogen.imaging.dicom.headers import SliceHeader, Traits, read_headers
from radiogen.imaging.dicom.stacks import distances_mm, file_order, group_grids, split_repeats
from radiogen.imaging.findings import FindingCode

from ..made.expected import finding


def headers(paths) -> list[SliceHeader]:
    return [read_headers(path)[0][0] for path in paths]


def test_one_series_is_one_group_and_one_stack(tmp_path):
    groups = group_grids(headers(write_series(tmp_path, pattern())))
    assert [len(group) for group in groups] == [5]
    assert [stack.label for stack in split_repeats(groups[0])] == [""]


def test_the_largest_group_comes_first(tmp_path):
    few = headers(write_series(tmp_path / "few", pattern((2, 6, 8)), SeriesInstanceUID="1.2"))
    many = headers(write_series(tmp_path / "many", pattern(), SeriesInstanceUID="1.3"))
    assert [len(group) for group in group_grids(few + many)] == [5, 2]


def test_rounded_direction_cosines_do_not_split_a_stack(tmp_path):
    paths = write_series(tmp_path, pattern(), change=lambda index, dataset: setattr(
        dataset, "ImageOrientationPatient", ["1", f"{index * 1e-5:.5f}", "0", f"{-index * 1e-5:.5f}", "1", "0"]))
    assert len(group_grids(headers(paths))) == 1


def test_distances_are_along_the_normal(tmp_path):
    assert np.allclose(distances_mm(headers(write_series(tmp_path, pattern(), AXIAL))), [30, 33, 36, 39, 42])


def test_an_aborted_last_time_point_is_a_volume_of_its_own(tmp_path):
    stacks = headers(write_series(tmp_path, pattern(), TemporalPositionIdentifier="1"))
    stacks += headers(write_series(tmp_path, pattern()[:2] + np.uint16(9), TemporalPositionIdentifier="2", first=6,
                                   SeriesInstanceUID=stacks[0].series))
    assert [len(stack.slices) for stack in split_repeats(stacks)] == [5, 2]


def interleaved(index, dataset):
    dataset.AcquisitionNumber = 1 + index % 2


def test_slices_measured_in_two_passes_stay_one_volume_beside_a_copy(tmp_path):
    paths = write_series(tmp_path, pattern(), change=interleaved)
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(paths[2].read_bytes())
    (stack,) = split_repeats(headers([*paths, copy]))
    assert len(stack.slices) == 5


def test_two_time_points_measured_in_two_passes_each_are_two_volumes(tmp_path):
    every = headers(write_series(tmp_path, pattern((6, 4, 4)), change=interleaved))
    every += headers(write_series(tmp_path, pattern((6, 4, 4)) + np.uint16(900), change=interleaved, first=7,
                                  SeriesInstanceUID=every[0].series))
    assert [len(stack.slices) for stack in split_repeats(every)] == [6, 6]


def test_gradients_of_one_b_value_are_volumes_of_their_own(tmp_path):
    base = headers(write_series(tmp_path, pattern()))
    directions = [None, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    every = [dataclasses.replace(one, traits=Traits(b_value=0.0 if direction is None else 1000.0, gradient=direction))
             for direction in directions for one in base]
    labels = [stack.label for stack in split_repeats(every)]
    assert labels == ["b-value 0", "b-value 1000, gradient 1", "b-value 1000, gradient 2"]


def test_file_order_is_instance_then_frame_then_number_in_the_name(tmp_path):
    one, = headers(write_series(tmp_path, pattern((1, 4, 6))))
    named = [dataclasses.replace(one, instance=None, path=tmp_path / name) for name in ("Image-10.dcm", "Image-9.dcm")]
    assert sorted(named, key=file_order)[0].path.name == "Image-9.dcm"


def series(tmp_path, places, **traits) -> list[SliceHeader]:
    """One slice a place, its pixels unlike all others'; traits by name, one value each or one a slice."""
    every = headers(write_series(tmp_path, pattern((len(places), 4, 6)), change=lambda index, dataset: setattr(
        dataset, "ImagePositionPatient", ["-10", "-20", str(30 + 3 * places[index])])))
    rows = [{name: value[index] if isinstance(value, list) else value for name, value in traits.items()}
            for index in range(len(places))]
    return [dataclasses.replace(one, traits=Traits(**row)) for one, row in zip(every, rows, strict=True)]


def described(stacks) -> dict[str, int]:
    """Labels of stacks and how many slices each has; no stack was separated by order alone."""
    assert not [each for stack in stacks for each in stack.findings]
    return {stack.label: len(stack.slices) for stack in stacks}


TEN = list(range(10))


@pytest.mark.parametrize(("places", "echoes", "sizes"), [
    (TEN * 3, [20] * 10 + [40] * 10 + [60] * 10, [10, 10, 10]),
    ([place for place in TEN for _ in range(3)], [20, 40, 60] * 10, [10, 10, 10]),
    (TEN + TEN[:5] + TEN[:5], [20] * 10 + [40] * 5 + [60] * 5, [10, 5, 5]),
    (TEN + TEN[:4] + TEN[3:6], [20] * 10 + [40] * 4 + [60] * 3, [10, 4, 3]),
    (TEN + TEN + TEN[:2], [20] * 10 + [40] * 10 + [60] * 2, [10, 10, 2]),
    (TEN + TEN[::2] + TEN[1::2], [20] * 10 + [40] * 5 + [60] * 5, [10, 5, 5]),
    (TEN * 2, [20] * 10 + [40, 60] * 5, [10, 5, 5])],
    ids=["one after the other", "interleaved", "short later echoes", "few of the later echoes", "an aborted echo",
         "odd and even later echoes", "two echoes in turn"])
def test_echoes_are_distinguished_however_many_slices_each_has(tmp_path, places, echoes, sizes):
    stacks = split_repeats(series(tmp_path, places, echo_ms=echoes))
    assert described(stacks) == dict(zip(["echo 20 ms", "echo 40 ms", "echo 60 ms"], sizes, strict=True))


def test_echoes_that_are_only_numbered_are_distinguished(tmp_path):
    stacks = split_repeats(series(tmp_path, TEN * 3, echo_number=[1] * 10 + [2] * 10 + [3] * 10, echo_ms=20))
    assert described(stacks) == {"echo 1": 10, "echo 2": 10, "echo 3": 10}


def test_water_and_fat_are_distinguished_by_the_image_type_original_images_first(tmp_path):
    kinds = ["DERIVED\\PRIMARY\\F\\F"] * 10 + ["ORIGINAL\\PRIMARY\\W\\W"] * 10
    assert described(split_repeats(series(tmp_path, TEN * 2, component="magnitude", image_type=kinds))) == {
        f"ImageType {kinds[10]}": 10, f"ImageType {kinds[0]}": 10}


def test_an_echo_time_that_varies_within_a_volume_does_not_cut_its_repeats(tmp_path):
    stacks = split_repeats(series(tmp_path, TEN * 2, echo_ms=([20] * 8 + [21] * 2) * 2, time_point=[1] * 10 + [2] * 10))
    assert described(stacks) == {"time point 1": 10, "time point 2": 10}


def test_clocks_tell_volumes_apart_where_each_has_a_time_of_its_own(tmp_path):
    for name in ("acquired", "created"):
        places = [place for place in TEN for _ in range(2)]
        stacks = split_repeats(series(tmp_path / name, places, **{name: [101530.0, 101533.5] * 10}))
        assert described(stacks) == {f"{name} at 101530.000000": 10, f"{name} at 101533.500000": 10}


def test_a_clock_that_runs_on_within_a_volume_cuts_none(tmp_path):
    stacks = split_repeats(series(tmp_path, TEN * 2, created=[101530.0] * 8 + [101531.0] * 12))
    assert [len(stack.slices) for stack in stacks] == [10, 10]


def test_slices_distinguished_by_order_say_what_they_differ_in(tmp_path):
    flips = [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]
    stacks = split_repeats(series(tmp_path, TEN * 2, flip_angle_degrees=flips + flips[::-1]))
    assert {each for stack in stacks for each in stack.findings} == {
        finding(FindingCode.REPEATS_MIXED, traits=("flip_angle_degrees",))}
    stacks = split_repeats(series(tmp_path / "alike", TEN * 2))
    assert stacks[0].findings == (finding(FindingCode.REPEATS_ALIKE),)


@pytest.mark.parametrize("numbers", [range(1, 11), [6, 1, 7, 2, 8, 3, 9, 4, 10, 5]], ids=["phase first", "in turn"])
def test_susceptibility_weighted_magnitude_and_phase_are_never_one_volume(tmp_path, numbers):
    voxels = pattern((10, 4, 6))

    def change(index, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "SW_P" if index < 5 else "SW_M", "SW", "SWIP"]
        dataset.ImagePositionPatient = ["-10", "-20", str(30 + 3 * (index % 5))]

    write_series(tmp_path, voxels, numbers=list(numbers), change=change)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels[5:])
    assert finding(FindingCode.VOLUMES, volumes=2, label="magnitude") in volume.findings
    assert [each.findings[0] for each in read_volumes(tmp_path)] == [
        finding(FindingCode.VOLUME, label=label) for label in ("magnitude", "phase")]
