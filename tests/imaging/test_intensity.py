"""Intensities come out on one scale, by the whole volume; counting integers gives what sorting them gives."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiogen.core.errors import UserError
from radiogen.imaging.intensity import (
    head_mask,
    min_max,
    normalise,
    percentile,
)

WHOLE_NUMBERS = st.sampled_from(["uint8", "uint16", "int16", "int32"]).flatmap(lambda dtype: arrays.arrays(
    dtype, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.integers(0, 255) if dtype == "uint8" else st.integers(-9_000 if dtype[0] == "i" else 0, 15_000)))


def test_min_max_takes_the_volume_and_not_the_slice():
    voxels = np.stack([np.full((4, 4), 100, np.int16), np.full((4, 4), 300, np.int16), np.zeros((4, 4), np.int16)])
    assert np.allclose(min_max(voxels)[:, 0, 0], [1 / 3, 1, 0])


def test_a_linear_change_of_the_scanners_units_changes_nothing():
    voxels = np.random.default_rng(0).normal(500, 100, (5, 6, 7))
    assert np.allclose(min_max(voxels), min_max(3 * voxels - 1000), atol=1e-5)


def test_a_volume_without_contrast_is_zeros():
    for how in ("min-max", "percentile", "z-score"):
        assert not normalise(np.full((3, 4, 4), 7, np.uint16), how).any()


def test_voxels_that_are_no_numbers_become_zero_and_spoil_nothing():
    voxels = np.array([[[0, 1, 2, np.nan, np.inf]]], np.float32)
    assert np.allclose(min_max(voxels)[0, 0], [0, 0.5, 1, 0, 0])


def test_one_bright_vessel_does_not_darken_a_percentile_clip():
    voxels = np.random.default_rng(0).uniform(100, 200, (10, 20, 20))
    voxels[:, :5] = 0
    bright = voxels.copy()
    bright[5, 10, 10] = 10_000
    assert abs(normalise(bright, "percentile")[2:, 10:].mean() - normalise(voxels, "percentile")[2:, 10:].mean()) < 0.01
    assert min_max(bright)[2:, 10:].mean() < 0.05


def test_the_head_is_what_is_brighter_than_air():
    voxels = np.zeros((6, 10, 10), np.uint16)
    voxels[1:5, 2:8, 3:7] = 400
    assert np.array_equal(head_mask(voxels), voxels > 0)


@settings(deadline=None)
@given(WHOLE_NUMBERS, st.floats(0, 100), st.sampled_from(["float64", "float32"]))
def test_a_percentile_of_counted_values_is_numpys_to_the_bit(voxels, percent, dtype):
    levels, counts = np.unique(voxels, return_counts=True)
    levels = levels.astype(dtype)
    expected = np.percentile(voxels.astype(dtype), [percent])[0]
    assert percentile(levels, counts, np.float64(percent)) == expected


@settings(deadline=None)
@given(WHOLE_NUMBERS)
def test_the_head_and_its_clip_do_not_depend_on_whether_voxels_are_counted_or_sorted(voxels):
    top = np.percentile(voxels.astype(float), 99)
    bottom = min(0, int(voxels.min()))
    assert np.array_equal(head_mask(voxels), voxels > bottom + 0.1 * (top - bottom))
    assert np.array_equal(normalise(voxels, "percentile"), normalise(voxels.astype(np.float32), "percentile"))
    assert np.allclose(normalise(voxels, "z-score"), normalise(voxels.astype(np.float32), "z-score"), atol=1e-4)


def test_the_head_begins_with_the_first_whole_number_above_the_threshold():
    voxels = np.arange(120, dtype=np.uint16).reshape(4, 5, 6)  # its 99th percentile is 117.81, so the threshold 11.781
    assert np.array_equal(head_mask(voxels), voxels >= 12)


def test_voxels_too_far_apart_to_be_counted_are_sorted():
    voxels = np.arange(24, dtype=np.int32).reshape(2, 3, 4) * 1_000_000
    assert head_mask(voxels).sum() == 24 - 3
    assert np.allclose(min_max(voxels).ravel(), np.arange(24) / 23)


def test_a_view_with_gaps_is_read_as_what_it_shows():
    voxels = np.random.default_rng(1).integers(0, 900, (6, 40, 40)).astype(np.uint16)
    view = voxels[::-2, 3::3, ::-1]
    for how in ("min-max", "percentile", "z-score"):
        assert np.array_equal(normalise(view, how), normalise(view.copy(), how))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_z_score_has_mean_0_and_deviation_1_in_the_head_however_much_air_there_is(dtype):
    head = np.random.default_rng(0).integers(400, 1200, (6, 20, 20))
    for air in (5, 60):
        voxels = np.pad(head, air).astype(dtype)
        scores = normalise(voxels, "z-score")
        inside = scores[air:-air, air:-air, air:-air]
        assert scores.dtype == np.float32
        assert abs(inside.mean()) < 1e-4 and abs(inside.std() - 1) < 1e-4
        assert scores[0, 0, 0] == scores.min() < -2


def test_a_linear_change_of_the_scanners_units_changes_no_z_score():
    voxels = np.random.default_rng(0).integers(0, 1000, (5, 6, 7)).astype(np.uint16)
    assert np.allclose(normalise(voxels, "z-score"), normalise(7 * voxels.astype(np.int32), "z-score"), atol=1e-5)


def test_slice_by_slice_every_slice_reaches_from_0_to_1_and_a_blank_one_is_0():
    voxels = np.stack([np.arange(16).reshape(4, 4) * 10, np.arange(16).reshape(4, 4), np.full((4, 4), 9)])
    scaled = normalise(voxels.astype(np.uint16), "min-max slices")
    assert np.allclose(scaled[0], scaled[1]) and np.allclose(scaled[0].ravel(), np.arange(16) / 15)
    assert not scaled[2].any()


def test_what_is_on_one_scale_already_stays_there():
    steps = np.arange(0, 200, 8, dtype=np.uint8).reshape(1, 5, 5)
    assert np.allclose(normalise(steps, "none"), steps / 255)
    assert np.array_equal(normalise(steps / 200, "none"), (steps / 200).astype(np.float32))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan, np.inf, 40])
def test_what_is_on_another_scale_is_refused_where_it_shall_be_taken_as_it_is(wrong):
    with pytest.raises(UserError, match="--normalisation none: has values from"):
        normalise(np.full((2, 3, 3), wrong), "none")


def test_no_voxels_are_no_trouble():
    for empty in (np.zeros((0, 4, 4), np.uint16), np.zeros((3, 0, 4), np.float32)):
        for how in ("min-max", "percentile", "z-score", "none"):
            assert normalise(empty, how).shape == empty.shape
        assert normalise(empty, "min-max slices").shape == empty.shape
