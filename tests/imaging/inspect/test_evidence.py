"""How names and numbers run along a stack, how far a direction is from an axis, and to which side it points."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radiogen.imaging.dicom.geometry import Placement
from radiogen.imaging.inspect.evidence import Evidence, file_name_order, instance_order, oblique_degrees, side
from radiogen.imaging.volume import Volume


@dataclass(frozen=True)
class Storage:
    frames: int = 1


@dataclass
class Header:
    """What the functions here read of a slice's header."""

    path: Path = Path("1.dcm")
    instance: int | None = None
    orientation: Any = None
    position: Any = None
    tile: tuple[int, int] | None = None
    storage: Storage = Storage()


def _evidence(headers, at=None):
    placement = Placement(tuple(range(len(headers))), None, None if at is None else np.array(at))
    return Evidence((), Volume(np.zeros((1, 2, 2)), None), tuple(headers), placement)


@pytest.mark.parametrize(("numbers", "order"), [
    ((1, 2, 3), "same"), ((1, 2, 10), "same"), ((9, 5, 1), "reversed"), ((2, 1, 3), "mixed"), ((1, 3, 2), "mixed"),
    ((1, 1, 2), ""), ((1, None, 2), ""), ((1,), ""), ((), ""), ((2, 1), "reversed"), ((-1, 0), "same")])
def test_numbers_run_as_the_slices_the_other_way_or_neither_and_doubled_or_missing_ones_say_nothing(numbers, order):
    assert instance_order([Header(instance=number) for number in numbers]) == order


@pytest.mark.parametrize(("names", "order"), [
    (("Image-2.dcm", "Image-10.dcm"), "same"), (("Image-10.dcm", "Image-2.dcm"), "reversed"),
    (("a1", "a3", "a2"), "mixed"), (("a1", "a1"), "")])
def test_file_names_are_compared_by_the_numbers_in_them(names, order):
    assert file_name_order([Header(path=Path(name)) for name in names]) == order


@pytest.mark.parametrize("shared", [{"storage": Storage(frames=2)}, {"tile": (0, 0)}])
def test_slices_that_share_a_file_have_no_order_of_files(shared):
    headers = [Header(path=Path(f"{number}.dcm"), instance=number, **shared) for number in range(3)]
    assert file_name_order(headers) == instance_order(headers) == ""


@pytest.mark.parametrize(("direction", "degrees"), [
    ((0, 0, 1), 0), ((0, 0, -1), 0), ((1, 0, 0), 0), ((0, np.sin(0.1), np.cos(0.1)), np.degrees(0.1)),
    ((np.sqrt(0.5), np.sqrt(0.5), 0), 45), (np.full(3, np.sqrt(1 / 3)), 54.7356), ((0, 0, 1 + 1e-12), 0)])
def test_an_angle_is_that_to_the_nearest_axis_in_either_direction(direction, degrees):
    assert oblique_degrees(np.array(direction, float)) == pytest.approx(degrees, abs=1e-4)


@pytest.mark.parametrize(("direction", "letter"), [
    ((1, 0, 0), "L"), ((-1, 0, 0), "R"), ((0, 1, 0), "P"), ((0, -1, 0), "A"), ((0, 0, 1), "H"), ((0, 0, -1), "F"),
    ((0.6, -0.7, 0.1), "A"), ((-0.8, 0.5, 0.3), "R")])
def test_a_direction_points_to_the_side_of_its_longest_part(direction, letter):
    assert side(direction) == side(np.array(direction)) == letter


@pytest.mark.parametrize(("orientation", "plane"), [
    ((1, 0, 0, 0, 1, 0), "axial"), ((1, 0, 0, 0, 0, -1), "coronal"), ((0, 1, 0, 0, 0, -1), "sagittal"),
    ((1, 0, 0, 0, np.cos(0.6), np.sin(0.6)), "axial"), ((1, 0, 0, 0, np.cos(1.0), np.sin(1.0)), "coronal"), (None, "")])
def test_the_plane_is_the_one_that_the_slices_are_nearest_to(orientation, plane):
    evidence = _evidence([Header(orientation=None if orientation is None else np.array(orientation, float))])
    assert evidence.plane == plane and (evidence.normal is None) == (orientation is None)


@pytest.mark.parametrize(("at", "missing"), [
    (None, 0), ([0, 1, 2], 0), ([0, 1, 1.5, 2], 1), ([0, 1 / 3, 2 / 3, 1, 2], 2), ([0, 0.9, 1.8, 2.7], 0)])
def test_slices_between_those_that_are_there_are_missing_and_a_new_grid_misses_none(at, missing):
    assert _evidence([Header()] * 3, at).missing == missing
