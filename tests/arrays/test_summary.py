"""The numbers of an array: per sequence, of the right stack, the same for the same image at any resolution."""

import numpy as np
import pytest

from radiogen.arrays.summary import BLOCKS, SUMMARY_SIZE, array_summary


def test_a_cube_a_sequence_has_its_own_row():
    cubes = np.stack([np.full((12, 12, 12), 51, np.uint8), np.full((12, 12, 12), 255, np.uint8)])
    found = array_summary(cubes, "", ("FLAIR", "T1w"))
    assert found.shape == (2, SUMMARY_SIZE)
    assert found[0, :BLOCKS ** 3] == pytest.approx(0.2) and found[1, :BLOCKS ** 3] == pytest.approx(1.0)


def test_slices_are_divided_by_the_counts_of_the_index_and_a_sequence_without_any_is_unknown():
    slices = np.concatenate([np.zeros((3, 10, 10), np.uint8), np.full((9, 10, 10), 255, np.uint8)])
    found = array_summary(slices, "FLAIR:3 T1w:9 T2w:0", ("FLAIR", "T1w", "T2w"))
    assert (found[0] == 0).all() and found[1, 0] == 1 and np.isnan(found[2]).all()


def test_the_coarse_image_has_the_means_of_its_blocks():
    cube = np.random.default_rng(0).random((10, 15, 20)).astype(np.float16)
    coarse = array_summary(cube[None], "", ("FLAIR",))[0, :BLOCKS ** 3].reshape(BLOCKS, BLOCKS, BLOCKS)
    assert coarse[1, 2, 3] == pytest.approx(cube[2:4, 6:9, 12:16].astype(float).mean(), abs=1e-6)


def test_noise_is_rougher_than_a_ramp_of_the_same_spread():
    ramp = np.broadcast_to(np.linspace(0, 1, 24), (24, 24, 24)).astype(np.float32)
    mixed = np.random.default_rng(0).permutation(ramp.ravel()).reshape(ramp.shape)
    first, second = (array_summary(one[None], "", ("FLAIR",))[0] for one in (ramp, mixed))
    assert first[-2] == pytest.approx(second[-2]) and second[-1] > 5 * first[-1]
