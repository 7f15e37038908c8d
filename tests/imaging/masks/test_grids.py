"""A mask keeps its place in the patient on every grid, and no label is interpolated."""

import itertools

import numpy as np
import pytest

from benchmarks.synthetic.series_files import planes
from radiogen.core.errors import UserError
from radiogen.imaging.masks.grids import mask_on_grid, share_inside, tumour_grid
from radiogen.imaging.volume import Volume, reordered

STEPS = np.diag([2.0, 1.0, 1.5, 1.0])
"""Slices 2 mm apart along x, rows 1 mm along y, columns 1.5 mm along z."""


def _ball(affine, shape, centre, radius):
    """The voxels of a grid whose middle lies in a ball of the patient."""
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    points = indices @ affine[:3, :3].T + affine[:3, 3]
    return (np.linalg.norm(points - centre, axis=-1) <= radius).astype(np.uint8)


@pytest.mark.parametrize(("name", "affine"), dict(planes()).items())
def test_a_ball_on_one_grid_is_the_same_ball_on_another_of_any_plane(name, affine):
    shape = (16, 40, 50)
    centre = (affine @ [7.5, 20, 25, 1])[:3]
    mask = Volume(_ball(affine, shape, centre, 9.0), affine)
    fine = np.diag([1.0, 1.0, 1.0, 1.0])
    fine[:3, 3] = centre - 15
    found, true = mask_on_grid(mask, fine, (31, 31, 31)), _ball(fine, (31, 31, 31), centre, 9.0)
    overlap = 2 * (found & (true != 0)).sum() / (found.sum() + true.sum())
    assert overlap > 0.9, name
    middle = np.argwhere(found).mean(axis=0) + fine[:3, 3]
    assert np.abs(middle - centre).max() < 0.5


@pytest.mark.parametrize(("order", "flips"), itertools.product(itertools.permutations(range(3)),
                                                               itertools.product((False, True), repeat=3)))
def test_the_order_of_a_masks_axes_makes_no_difference(order, flips):
    random = np.random.default_rng(0)
    voxels = (random.random((5, 6, 7)) < 0.3).astype(np.uint8)
    turned = Volume(*reordered(voxels, STEPS, order, np.array(flips)))
    assert np.array_equal(mask_on_grid(turned, STEPS, (5, 6, 7)), voxels != 0)


def test_a_voxel_takes_the_label_of_the_nearest_one_up_to_the_edge_of_the_grid():
    mask = Volume(np.ones((2, 2, 2), np.uint8), np.diag([3.0, 3.0, 3.0, 1.0]))
    found = mask_on_grid(mask, np.eye(4), (6, 6, 6))
    assert found[:5, :5, :5].all() and not found[5].any()  # from 4.5 mm on all lies outside
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[1, 1, 1] = 1
    fine = np.diag([1 / 3, 1 / 3, 1 / 3, 1.0])
    fine[:3, 3] = -1 / 3
    assert mask_on_grid(Volume(voxels, np.eye(4)), fine, (12, 12, 12)).sum() == 27


def test_a_tumour_between_two_slices_marks_the_nearest():
    voxels = np.zeros((20, 5, 5), np.uint8)
    voxels[8, 2, 2] = 1
    mask, thick = Volume(voxels, np.eye(4)), np.diag([6.0, 1.0, 1.0, 1.0])
    assert np.argwhere(mask_on_grid(mask, thick, (4, 5, 5))).tolist() == [[1, 2, 2]]


def test_the_share_inside_counts_voxels_of_the_tumour():
    mask = Volume(np.ones((4, 2, 2), np.uint8), np.eye(4))
    assert share_inside(mask, np.eye(4), (4, 2, 2)) == 1
    assert share_inside(mask, np.eye(4), (3, 2, 2)) == 0.75
    far = np.eye(4)
    far[0, 3] = 100
    assert share_inside(mask, far, (4, 2, 2)) == 0


def test_the_cube_is_around_the_middle_of_the_box_and_as_wide_as_the_box_and_its_margin():
    voxels = np.zeros((10, 20, 20), np.uint8)
    voxels[2:5, 4:14, 6:8] = 1  # 6 x 10 x 3 mm
    mask = Volume(voxels, STEPS)
    middle = np.array([2 * 3.0, 8.5, 1.5 * 6.5])
    for edge_mm, wide in ((None, 10 + 2 * 4), (36.0, 36)):
        grid = tumour_grid(mask, 8, edge_mm, 4.0)
        assert np.allclose((grid @ [3.5, 3.5, 3.5, 1])[:3], middle)
        assert np.allclose(np.linalg.norm(grid[:3, :3], axis=0), wide / 8)
    assert grid[2, 0] > 0 and grid[1, 1] > 0 and grid[0, 2] > 0  # slices up, rows to the back, columns to the left


def test_a_mask_that_does_not_say_where_it_lies_has_no_place_on_another_grid():
    with pytest.raises(UserError):
        mask_on_grid(Volume(np.ones((2, 2, 2), np.uint8), None), np.eye(4), (2, 2, 2))
