"""The random numbers of a seed are NumPy's, whoever computes them."""

import numpy as np
import pytest

from radiogen.imaging.compiled.draws import draw, seed_words


def _drawn(seeds, count):
    words = [seed_words(seed) for seed in seeds]
    table = np.full((len(words), max(map(len, words)) + 1), 7, np.uint32)  # what is behind a seed is not read
    for row, each in zip(table, words, strict=True):
        row[:len(each)] = each
    return draw(table, np.array([len(each) for each in words]), count)


def test_the_numbers_of_a_seed_are_those_of_numpy_bit_for_bit():
    random = np.random.default_rng(0)
    seeds = [tuple(int(part) for part in random.integers(0, 2 ** int(random.integers(1, 63)), random.integers(1, 9)))
             for _ in range(200)]
    seeds += [(0,), (0, 0, 0), (42, 0, 3, 123, 5), (2 ** 32 - 1,), (2 ** 32, 1), (2 ** 96 + 5, 2), tuple(range(20))]
    expected = np.array([np.random.default_rng(seed).random(11) for seed in seeds])
    assert np.array_equal(_drawn(seeds, 11), expected)


def test_a_number_is_the_same_whatever_is_drawn_beside_it_and_after_it():
    together = _drawn([(1, 2), (3, 4)], 9)
    assert np.array_equal(together[1:], _drawn([(3, 4)], 9))
    assert np.array_equal(together[:, :2], _drawn([(1, 2), (3, 4)], 2))


def test_a_negative_seed_is_refused_as_numpy_does():
    with pytest.raises(ValueError, match="negative"):
        seed_words((1, -1))
