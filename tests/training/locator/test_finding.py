"""What is taken for a tumour among probabilities, and what is not."""

import numpy as np
import pytest

from radiogen.imaging.findings import Finding, FindingCode
from radiogen.training.locator.finding import Sizes, find_tumour

GRID = np.diag([3.0, 3.0, 3.0, 1.0])
SIZES = Sizes(1.0, 10.0)


def _cubes(*corners, edge=6):
    """Probabilities of 0.9 in cubes of this edge at these corners; 6 voxels of 3 mm are 5.8 ml."""
    found = np.zeros((32, 32, 32), np.float32)
    for slices, rows, columns in corners:
        found[slices:slices + edge, rows:rows + edge, columns:columns + edge] = 0.9
    return found


def test_one_place_is_the_tumour_on_the_grid_itself():
    mask = find_tumour(_cubes((4, 5, 6)), GRID, SIZES)
    assert np.array_equal(mask.voxels, _cubes((4, 5, 6)) > 0.5) and np.array_equal(mask.affine, GRID)


def test_half_a_probability_is_none():
    assert find_tumour(_cubes((4, 5, 6)) / 1.8, GRID, SIZES).code is FindingCode.LOCATOR_NOTHING


def test_two_places_near_each_other_are_one_tumour():
    mask = find_tumour(_cubes((4, 5, 6), (12, 5, 6), edge=4), GRID, SIZES)
    assert mask.voxels.sum() == 2 * 4 ** 3


def test_two_places_far_apart_are_no_tumour_and_the_finding_says_how_far():
    found = find_tumour(_cubes((2, 5, 6), (20, 5, 6)), GRID, SIZES)
    assert found.code is FindingCode.LOCATOR_SEVERAL and found.values["places"] == 2
    assert found.values["apart_mm"] == pytest.approx(3 * (20 - 7))
    assert "39 mm apart" in str(found)


def test_a_speck_far_away_is_left_out():
    found = _cubes((2, 5, 6))
    found[30, 30, 30] = 0.9
    assert find_tumour(found, GRID, SIZES).voxels.sum() == 6 ** 3


@pytest.mark.parametrize(("edge", "kept"), [(2, False), (3, True), (9, True), (10, False)])
def test_a_tumour_half_as_large_as_any_or_twice_as_large_is_none(edge, kept):
    """Of 27 mm³ voxels: 0.2, 0.7, 19.7 and 27 ml, where 1 to 10 ml trained the networks."""
    found = find_tumour(_cubes((1, 2, 3), edge=edge), GRID, SIZES)
    assert (not isinstance(found, Finding)) == kept
    if not kept:
        assert found.code is FindingCode.LOCATOR_SIZE and "1 to 10 ml" in str(found)
