"""A thumbnail comes back from its text within half a level, outliers or not; what is none is None."""

import numpy as np
import pytest

from radiogen.dataset.thumbnails import SHAPE, thumbnail_of, thumbnail_slices, with_thumbnail


def test_a_thumbnail_comes_back_within_half_a_level():
    averages = np.random.default_rng(0).uniform(100, 900, SHAPE).astype(np.float32)
    averages[0, 0, 0] = 1e6  # a burnt-in mark does not flatten the head
    mark = with_thumbnail("a" * 64, averages)
    found = thumbnail_of(mark)
    assert mark.startswith("a" * 64 + ".") and found.shape == SHAPE and set(np.unique(found)) <= set(range(64))
    high = np.percentile(averages, 99.5)
    expected = np.clip((averages - averages.min()) / (high - averages.min()), 0, 1) * 63
    assert np.abs(found - expected).max() <= 0.5 + 1e-3


def test_an_empty_picture_is_of_one_level():
    assert np.ptp(thumbnail_of(with_thumbnail("a" * 64, np.full(SHAPE, 7, np.float32)))) == 0


@pytest.mark.parametrize("mark", [
    "", "a" * 64, "a" * 64 + ".", "a" * 64 + "." + "A" * 6911, "a" * 64 + ":" + "A" * 6912,
    "a" * 64 + "." + "!" * 6912, "a" * 64 + "." + "\u00e9" * 6912])
def test_what_is_no_thumbnail_is_none(mark):
    assert thumbnail_of(mark) is None


@pytest.mark.parametrize("slices", [1, 2, 31, 32, 33, 200])
def test_slices_lie_evenly_over_the_whole_series(slices):
    chosen = thumbnail_slices(slices)
    assert len(chosen) == min(slices, 32) and (np.diff(chosen) > 0).all() and chosen[-1] < slices
    assert chosen[0] + chosen[-1] == pytest.approx(slices - 1, abs=1)
