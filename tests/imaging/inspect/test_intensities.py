"""A series' numbers are those of its voxels as the file holds them, and its hash is the patient's, not the file's."""

import itertools

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import planes, write_series
from radiogen.imaging.inspect.intensities import (
    FIELDS,
    anatomical_hash,
    measure_intensities,
    noise_share,
    volume_intensities,
)
from radiogen.imaging.volume import Volume


def _head(shape=(14, 17, 23), seed=0):
    return np.random.default_rng(seed).integers(0, 900, shape).astype(np.uint16)


def _distance(one, other):
    bits = [np.unpackbits(np.frombuffer(bytes.fromhex(mark[:64]), np.uint8)) for mark in (one, other)]
    return int((bits[0] != bits[1]).sum())


def test_the_numbers_are_those_of_the_raw_voxels():
    voxels = np.zeros((4, 5, 5), np.int16)
    voxels[1:] = np.arange(75).reshape(3, 5, 5) + 1
    found = volume_intensities(voxels)
    assert (found["lowest"], found["highest"], found["at_lowest"]) == (0, 75, 0.25)
    assert found["median"] == np.median(voxels) and found["p99"] == pytest.approx(np.percentile(voxels, 99))
    assert (found["mean"], found["deviation"]) == pytest.approx((voxels.mean(), voxels.std()))
    assert tuple(found) == FIELDS


def test_the_noise_is_the_standard_deviation_that_was_added():
    smooth = np.add.outer(np.linspace(0, 50, 200), np.linspace(0, 30, 200))
    noisy = smooth + np.random.default_rng(0).normal(0, 4, smooth.shape)
    assert noise_share(noisy, 100) == pytest.approx(0.04, rel=0.05)
    assert noise_share(smooth, 100) == pytest.approx(0, abs=1e-6)
    assert np.isnan(noise_share(smooth[:2], 100)) and np.isnan(noise_share(smooth, 0.0))


@pytest.mark.parametrize(("name", "affine"), list(planes()))
def test_a_volume_has_one_hash_however_its_axes_lie_in_the_file(name, affine):
    voxels = _head()
    marks = []
    for order in itertools.permutations(range(3)):
        turned = affine[:, [*order, 3]].copy()
        stored = voxels.transpose(order)
        marks.append(anatomical_hash(Volume(stored, turned)))
        start = turned @ [stored.shape[0] - 1, 0, 0, 1]
        turned[:, 0], turned[:, 3] = -turned[:, 0], start
        marks.append(anatomical_hash(Volume(stored[::-1], turned)))
    assert max(_distance(marks[0], mark) for mark in marks) <= 1  # a bit that rounding decides


def test_two_heads_have_hashes_that_are_far_apart_and_noise_changes_a_few_bits():
    affine = np.diag([2.0, 1.0, 1.0, 1.0])[:, [2, 1, 0, 3]]
    head = _head((40, 64, 64))
    smooth = np.cumsum(np.cumsum(head.astype(float) - head.mean(), axis=1), axis=2)
    noisy = smooth + 0.003 * np.ptp(smooth) * np.random.default_rng(1).normal(size=smooth.shape)
    other = np.cumsum(np.cumsum(_head((40, 64, 64), 1).astype(float) - 450, axis=1), axis=2)
    marks = [anatomical_hash(Volume(one, affine)) for one in (smooth, noisy, other)]
    assert _distance(marks[0], marks[1]) <= 10 < 60 < _distance(marks[0], marks[2])


def test_a_volume_without_a_place_has_no_hash():
    assert anatomical_hash(Volume(_head(), None)) == ""


def test_a_row_a_series_and_none_for_what_is_missing_or_refused(tmp_path):
    write_series(tmp_path / "train" / "00001" / "FLAIR", _head((5, 6, 8)))
    (tmp_path / "train" / "00001" / "T1w").mkdir()
    table = measure_intensities(tmp_path, [("train", "00001"), ("train", "00002")], ("FLAIR", "T1w"), workers=1)
    assert isinstance(table, pd.DataFrame) and table[["case", "split", "sequence"]].to_numpy().tolist() == [
        ["00001", "train", "FLAIR"]]
    assert len(table["perceptual_hash"][0]) == 64 + 1 + 12 * 24 * 24 and table["highest"][0] == _head((5, 6, 8)).max()


@pytest.mark.parametrize(("pixels", "scale"), [
    (np.zeros((2, 9)), 1.0), (np.zeros((9, 2)), 1.0), (np.zeros((9, 9)), 0.0), (np.zeros((9, 9)), -1.0),
    (np.zeros((9, 9)), np.nan)])
def test_a_slice_that_is_too_small_or_has_one_value_alone_has_no_noise_to_measure(pixels, scale):
    assert np.isnan(noise_share(pixels, scale))


def test_a_slope_is_no_noise_and_noise_is_a_share_of_the_scale():
    slope = np.add.outer(3.0 * np.arange(20), 5.0 * np.arange(30))
    assert noise_share(slope, 1.0) == pytest.approx(0, abs=1e-9)
    random = np.random.default_rng(3).normal(0, 1, (60, 60))
    assert noise_share(random, 10.0) == pytest.approx(noise_share(random, 1.0) / 10)
    assert noise_share(np.ones((3, 3)), 1.0) == 0


def test_the_share_of_the_lowest_value_counts_each_voxel_that_has_it():
    voxels = np.array([[[-5, -5, 0, 1]]], np.int16)
    found = volume_intensities(voxels)
    assert (found["lowest"], found["highest"], found["at_lowest"], found["median"]) == (-5, 1, 0.5, -2.5)
    assert np.isnan(found["noise"])
