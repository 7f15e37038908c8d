"""Copies that were moved, mirrored, turned or cut are found; other heads are not, and what has no thumbnail is in no
pair."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from radiogen.dataset.thumbnails import SHAPE, with_thumbnail
from radiogen.evaluation.audit import near_pixels
from radiogen.evaluation.audit.near_hashes import hash_distances, is_hash
from radiogen.evaluation.audit.near_pixels import near_thumbnails

GRID = (36, 72, 72)


def _head(seed):
    """An ellipsoid, alike in all, with a texture of its own."""
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in GRID), indexing="ij")
    outline = np.clip(6 * (0.8 - np.sqrt(sum(axis ** 2 for axis in axes))), 0, 1)
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=GRID), (2.5, 5, 5))
    return (outline * (1 + 0.25 * texture / texture.std())).astype(np.float32)


def _mark(voxels):
    """A hash whose digits say nothing; the thumbnail is of averages."""
    for axis, count in enumerate(SHAPE):
        edges, places = np.linspace(0, voxels.shape[axis], count + 1), np.arange(voxels.shape[axis])
        shared = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
        weights = np.maximum(shared, 0) / (edges[1] - edges[0])
        voxels = np.moveaxis(np.tensordot(weights, voxels, (1, axis)), 0, axis)
    return with_thumbnail("0" * 64, voxels.astype(np.float32))


@pytest.fixture(scope="module")
def heads():
    return [_head(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def originals(heads):
    return [_mark(head) for head in heads]


CHANGES = {
    "shifted": lambda head: np.roll(head, 1, (1, 2)), "shifted by a slice": lambda head: np.roll(head, 1, 0),
    "shifted by two slices": lambda head: np.roll(head, 2, 0), "mirrored": lambda head: head[:, :, ::-1],
    "upside down": lambda head: head[::-1],
    "turned": lambda head: ndimage.rotate(head, 3, axes=(1, 2), reshape=False, order=1),
    "cropped": lambda head: head[1:-1, 2:-2, 2:-2], "fewer slices": lambda head: np.delete(head, np.s_[5::10], axis=0),
    "cut below": lambda head: head[3:], "brighter": lambda head: 100 + 7 * head ** 0.8}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_copy_is_found_among_strangers_and_nobody_else(heads, originals, change):
    assert near_thumbnails(originals, [_mark(change(head)) for head in heads]) == [(one, one) for one in range(4)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_copy_is_found_where_there_are_too_many_to_compare_each_with_each(heads, originals, change, monkeypatch):
    monkeypatch.setattr(near_pixels, "ALL_PAIRS", 0)
    assert near_thumbnails(originals, [_mark(change(head)) for head in heads]) == [(one, one) for one in range(4)]
    assert near_thumbnails([*originals, _mark(change(heads[2]))]) == [(2, 4)]


def test_the_likeliest_partners_are_those_with_the_largest_correlation_in_any_cut_and_mirroring(originals):
    one = near_pixels._Thumbnails(originals)
    rows, columns, best, how = near_pixels._compared(one, one)
    smooth = np.stack([one.smooth(place) for place in range(4)])
    for row, column, found, number in zip(rows, columns, best, how, strict=True):
        fits = [float(np.sum(near_pixels._averaged(smooth[[row]], cut)[0]
                             * near_pixels._averaged(smooth[[column], ::a, ::b, ::c], near_pixels._CUTS[0])[0]))
                for cut in near_pixels._CUTS for a, b, c in near_pixels._MIRRORED]
        assert found == pytest.approx(max(fits), abs=1e-5)
        assert fits[number] == pytest.approx(max(fits), abs=1e-5)
    assert len(rows) == 12
    again = near_pixels._fits(one, one, rows, columns)
    assert again[0] == pytest.approx(best, abs=1e-5)


def test_different_heads_of_one_outline_are_no_copies(originals):
    assert near_thumbnails(originals) == []


def test_a_copy_within_a_set_is_one_pair(heads, originals):
    assert near_thumbnails([*originals, _mark(heads[2][:, ::-1])]) == [(2, 4)]


def test_hashes_without_thumbnail_and_empty_pictures_are_in_no_pair(originals):
    empty = with_thumbnail("1" * 64, np.zeros(SHAPE, np.float32))
    assert near_thumbnails(["", "0" * 64, empty, empty, originals[0]]) == []
    assert near_thumbnails([], originals) == near_thumbnails([""], [""]) == []


def test_hashes_of_this_and_of_earlier_versions_are_compared_by_their_digits(originals):
    hashes = pd.Series([originals[0], "0" * 63 + "7", "", "no hash", "0" * 64 + ".x y"])
    assert is_hash(hashes).tolist() == [True, True, False, False, False]
    assert hash_distances(hashes[:2], hashes[:2]).tolist() == [[0, 3], [3, 0]]
