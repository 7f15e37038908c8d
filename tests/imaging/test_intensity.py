"""Intensities come out between 0 and 1, by the whole volume."""

import numpy as np

from radiogen.imaging.intensity import head_mask, min_max, normalise, percentile_clip


def test_min_max_takes_the_volume_and_not_the_slice():
    voxels = np.stack([np.full((4, 4), 100, np.int16), np.full((4, 4), 300, np.int16), np.zeros((4, 4), np.int16)])
    assert np.allclose(min_max(voxels)[:, 0, 0], [1 / 3, 1, 0])


def test_a_linear_change_of_the_scanners_units_changes_nothing():
    voxels = np.random.default_rng(0).normal(500, 100, (5, 6, 7))
    assert np.allclose(min_max(voxels), min_max(3 * voxels - 1000), atol=1e-5)


def test_a_volume_without_contrast_is_zeros():
    for how in ("min-max", "percentile"):
        assert not normalise(np.full((3, 4, 4), 7, np.uint16), how).any()


def test_voxels_that_are_no_numbers_become_zero_and_spoil_nothing():
    voxels = np.array([[[0, 1, 2, np.nan, np.inf]]], np.float32)
    assert np.allclose(min_max(voxels)[0, 0], [0, 0.5, 1, 0, 0])


def test_one_bright_vessel_does_not_darken_a_percentile_clip():
    voxels = np.random.default_rng(0).uniform(100, 200, (10, 20, 20))
    voxels[:, :5] = 0
    bright = voxels.copy()
    bright[5, 10, 10] = 10_000
    assert abs(percentile_clip(bright)[2:, 10:].mean() - percentile_clip(voxels)[2:, 10:].mean()) < 0.01
    assert min_max(bright)[2:, 10:].mean() < 0.05


def test_the_head_is_what_is_brighter_than_air():
    voxels = np.zeros((6, 10, 10), np.uint16)
    voxels[1:5, 2:8, 3:7] = 400
    assert np.array_equal(head_mask(voxels), voxels > 0)
