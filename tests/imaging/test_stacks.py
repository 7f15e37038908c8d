"""Slices are put together by what they are, and repeated volumes are told apart."""

import dataclasses

import numpy as np

from radiogen.imaging.headers import SliceHeader, Traits, read_headers
from radiogen.imaging.stacks import distances_mm, file_order, group_grids, listing, split_repeats

from .series_files import AXIAL, pattern, write_series


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


def test_lists_of_names_are_short():
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "b"]) == "a and b"
    assert listing(list("abcdefgh")) == "a, b, c, d, e and 3 more"
