"""Resizing averages and interpolates; a cube keeps millimetres or says that it does not."""

import itertools

import numpy as np
import pytest

from radiogen.arrays.series_arrays import _axial_pictures, slices_2d
from radiogen.core.errors import UserError
from radiogen.imaging.cubes import head_centre, middle_slices, patient_grid, resize, stretch_cube
from radiogen.imaging.resampling import resample_to
from radiogen.imaging.volume import Volume


def _ball(shape, affine, centre_mm, radius_mm):
    """A volume that shows a ball of brightness 1 at a place in the patient."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    distance = np.linalg.norm(points - centre_mm, axis=-1)
    edge = np.abs(np.diag(affine[:3, :3])).max() + 1
    return Volume(np.clip((radius_mm - distance) / edge + 0.5, 0, 1).astype(np.float32), affine)


def _affine(directions, spacing, origin):
    affine = np.eye(4)
    affine[:3, :3] = np.array(directions, float).T * spacing
    affine[:3, 3] = origin
    return affine


def test_shrinking_by_a_whole_factor_is_the_mean_of_the_block():
    voxels = np.random.default_rng(0).uniform(size=(6, 8, 12))
    blocks = voxels.reshape(2, 3, 4, 2, 3, 4)
    assert np.allclose(resize(voxels, (2, 4, 3)), blocks.mean(axis=(1, 3, 5)), atol=1e-6)


def test_a_pattern_finer_than_the_new_voxels_does_not_alias():
    stripes = np.tile([0.0, 1.0], 256)[None, None].repeat(4, 1)
    assert np.allclose(resize(stripes, (1, 4, 64)), 0.5, atol=1e-6)


def test_growing_interpolates_a_ramp_without_steps():
    ramp = resize(np.arange(5, dtype=float)[None, None], (1, 1, 20))[0, 0]
    assert np.allclose(np.diff(ramp[3:-3]), 0.25, atol=1e-6)


def test_stretch_divides_the_longest_axis_and_puts_it_first():
    voxels = np.zeros((10, 40, 20), np.float32)
    voxels[:, :20] = 1
    cube = stretch_cube(voxels, 8)
    assert cube.shape == (8, 8, 8)
    assert np.allclose(cube[:4], 1) and np.allclose(cube[4:], 0)


PLANES = {"axial": ([0, 0, 1], [0, 1, 0], [1, 0, 0]), "coronal": ([0, 1, 0], [0, 0, -1], [1, 0, 0]),
          "sagittal": ([1, 0, 0], [0, 0, -1], [0, 1, 0])}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("plane", PLANES)
def test_the_same_place_in_the_patient_is_the_same_voxel_whatever_the_plane(plane, reverse):
    directions = np.array(PLANES[plane], float)
    if reverse:
        directions[0] *= -1
    spacing, shape = np.array([4.0, 2.0, 2.5]), (40, 80, 64)
    affine = _affine(directions, spacing, [0, 0, 0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    grid = np.eye(4)
    grid[:3, :3] = 4 * np.eye(3)[:, ::-1]
    grid[:3, 3] = -4 * 15.5
    cube = resample_to(_ball(shape, affine, [20, -12, 30], 14), grid, (32,) * 3).voxels
    where = np.stack(np.nonzero(cube > 0.5), -1).mean(axis=0)
    assert np.allclose(grid @ [*where, 1], [20, -12, 30, 1], atol=1.0)
    assert cube.max() <= 1 + 1e-6
    assert abs((cube.sum() * 4**3) / (4 / 3 * np.pi * 14**3) - 1) < 0.1


def test_a_patient_grid_is_centred_on_the_head_with_the_patients_left_to_the_right():
    affine = _affine(PLANES["coronal"], [5.0, 1.0, 1.0], [-100, -80, 120])
    volume = _ball((40, 240, 200), affine, [5, 10, 0], 70)
    assert np.allclose(head_centre(volume.voxels, volume.affine), [5, 10, 0], atol=3)
    grid = patient_grid(volume, 32, 192.0)
    assert np.allclose(grid @ [15.5, 15.5, 15.5, 1], [5, 10, 0, 1], atol=3)
    assert np.allclose(grid[:3, :3], [[0, 0, 6], [0, 6, 0], [6, 0, 0]])


def test_isotropic_without_a_position_is_an_error_that_names_the_other_way():
    volume = Volume(np.ones((4, 4, 4)), None)
    for call in (lambda: patient_grid(volume, 8, 100.0), lambda: slices_2d(volume.voxels, None, 8, "isotropic")):
        with pytest.raises(UserError, match="use --geometry stretch"):
            call()


def test_isotropic_slices_keep_the_proportions_and_stretched_ones_do_not():
    voxels = np.ones((3, 20, 10), np.float32)
    affine = np.diag([5.0, 1.0, 1.0, 1.0])
    kept, squeezed = slices_2d(voxels, affine, 16, "isotropic"), slices_2d(voxels, affine, 16, "stretch")
    assert kept.shape == squeezed.shape == (3, 16, 16)
    assert np.allclose(kept[:, :, 4:12], 1) and not kept[:, :, :4].any() and not kept[:, :, 12:].any()
    assert np.allclose(squeezed, 1)


@pytest.mark.parametrize(("slices", "count"), itertools.product([1, 5, 12, 13, 60, 514], [1, 12, 16]))
def test_chosen_slices_are_distinct_in_order_and_within_the_series(slices, count):
    chosen = middle_slices(slices, count)
    assert 1 <= len(chosen) <= max(1, min(slices, count))
    assert (np.diff(chosen) > 0).all() and chosen.min() >= 0 and chosen.max() < slices
    if slices >= 4 * count:
        assert len(chosen) == count and chosen.min() >= slices // 8 and chosen.max() < slices * 7 / 8


def test_pictures_of_all_series_show_the_same_plane_through_the_brightest_place_of_the_first():
    affine = _affine(PLANES["axial"], [4.0, 2.0, 2.0], [-80, -80, -80])
    head = _ball((40, 80, 80), affine, [0, 0, 0], 70).voxels * 0.5
    lesion = _ball((40, 80, 80), affine, [20, -20, 24], 12).voxels
    sagittal = _affine(PLANES["sagittal"], [4.0, 2.0, 2.0], [-80, -80, 80])
    marked = _ball((40, 80, 80), sagittal, [0, 0, 0], 70).voxels * 0.5 + _ball(
        (40, 80, 80), sagittal, [20, -20, 24], 12).voxels
    pictures = _axial_pictures({"FLAIR": Volume(head + lesion, affine), "T2w": Volume(marked, sagittal),
                               "T1w": Volume(head, None)}, size=50, edge_mm=200.0)
    assert list(pictures) == ["FLAIR", "T2w"]
    for picture in pictures.values():
        row, column = np.stack(np.nonzero(picture > 0.9), -1).mean(axis=0)
        assert abs((row - 24.5) * 4 - -20) < 5 and abs((column - 24.5) * 4 - 20) < 5
