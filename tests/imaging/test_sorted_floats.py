"""Ranks and sums of floats in blocks are those that NumPy finds in one array, to the bit."""

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiogen.imaging.sorted_floats import SortedFloats, mean_and_deviation


def _blocks(values, size):
    return lambda: (values[start:start + size] for start in range(0, len(values), size))


@given(arrays.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32, allow_nan=False)), st.integers(1, 9))
def test_the_value_of_every_rank_is_that_of_a_sorted_array(values, size):
    found = SortedFloats(_blocks(values, size))
    assert found.size == len(values)
    assert np.array_equal(found.at(range(len(values))), np.sort(values))


@pytest.mark.parametrize("count", [1, 7, 129, 8191, 8193, 100_000, 1_234_567])
def test_mean_and_deviation_are_numpys_to_the_bit(count):
    values = np.random.default_rng(count).gamma(2, 300, count).astype(np.float32)
    assert mean_and_deviation(_blocks(values, 131_000)) == (
        values.mean(dtype=np.float64), values.std(dtype=np.float64))


def test_no_voxels_have_mean_and_deviation_0():
    assert mean_and_deviation(lambda: iter(())) == (0, 0)
