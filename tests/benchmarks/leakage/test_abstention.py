"""What the benchmark of abstention does to a case is what its name says."""

import numpy as np
import pytest

from benchmarks.leakage.abstention import resized, ways

CUBES = np.zeros((2, 20, 20, 20), np.uint8)
CUBES[:, 4:14, 6:14, 8:12] = 200


@pytest.mark.parametrize("way", list(ways()))
def test_a_spoiled_case_keeps_its_form(way):
    spoiled = ways()[way](CUBES)
    assert spoiled.shape == CUBES.shape and spoiled.dtype == np.uint8
    assert np.array_equal(spoiled, CUBES) == (way == "as it is")


def test_content_is_resized_about_its_middle():
    half = resized(CUBES, (0.5, 1, 1))[0] > 100
    assert half.any(axis=(1, 2)).nonzero()[0].tolist() == [7, 8, 9, 10, 11]
    assert half.any(axis=(0, 2)).nonzero()[0].tolist() == list(range(6, 14))
