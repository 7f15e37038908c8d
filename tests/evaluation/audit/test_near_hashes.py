"""The pairs of hashes that are near to each other are those that comparing each with each finds."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit import near_hashes as module
from radiogen.evaluation.audit.near_hashes import hash_distance_limit, hash_distances, limit_within, near_hashes


def _hashes(bits):
    return pd.Series([np.packbits(row).tobytes().hex() for row in bits])


def _drawn(seed, count=120, informative=256):
    """Random hashes, of which only some bits vary; a third are copies of others with 0 to 12 bits changed."""
    random = np.random.default_rng(seed)
    bits = np.zeros((count, 256), bool)
    bits[:, random.choice(256, informative, replace=False)] = random.random((count, informative)) < 0.5
    for number in range(count // 3):
        bits[number] = bits[count - 1 - number % 7]
        bits[number, random.choice(256, number % 13, replace=False)] ^= True
    return _hashes(bits)


def _by_comparing_all(hashes, limit):
    rows, columns = np.triu_indices(len(hashes), 1)
    near = hash_distances(hashes, hashes)[rows, columns] <= limit
    return np.stack([rows[near], columns[near]], axis=1)


@pytest.mark.parametrize("limit", [0, 2, 5, 10])
@pytest.mark.parametrize("informative", [256, 40, 8, 0])
def test_the_pairs_are_those_of_comparing_each_with_each(limit, informative):
    hashes = _drawn(limit + informative, informative=informative)
    expected = _by_comparing_all(hashes, limit)
    assert len(expected) > 2
    assert np.array_equal(near_hashes(hashes, limit), expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1])
def test_one_hash_alone_has_no_pair(count):
    assert near_hashes(_drawn(1)[:count], 10).shape == (0, 2)


def test_hashes_that_differ_are_not_all_compared(monkeypatch):
    compared, agreeing = [], module._agreeing
    monkeypatch.setattr(module, "_agreeing", lambda bits: (compared.append(len(pairs)) or pairs
                                                           for pairs in agreeing(bits)))
    hashes = _hashes(np.random.default_rng(3).random((1500, 256)) < 0.5)
    assert len(near_hashes(hashes, 10)) == 0
    assert sum(compared) < 1500


def test_memory_grows_with_the_hashes_and_not_with_their_pairs():
    hashes = _hashes(np.random.default_rng(3).random((3000, 256)) < 0.5)
    near_hashes(hashes[:100], 10)
    tracemalloc.start()
    near_hashes(hashes, limit_within(hashes[:500]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3000 * 3000 * 2  # each with each would be 8 bytes a pair


def test_the_limit_of_many_hashes_is_found_from_some_of_them(monkeypatch):
    bits = (np.random.default_rng(5).random((400, 256)) < 0.5) & (np.arange(256) % 6 == 0)
    hashes = _hashes(bits)
    distances = hash_distances(hashes, hashes)[np.triu_indices(400, 1)]
    whole = limit_within(hashes)
    assert whole == hash_distance_limit(distances)
    monkeypatch.setattr(module, "SAMPLE", 100)
    assert 2 <= whole < 10
    assert abs(limit_within(hashes) - whole) <= 2
    assert limit_within(hashes) == limit_within(hashes)


def test_the_limit_counts_the_pairs_that_there_are_and_not_those_that_were_drawn():
    distances = np.random.default_rng(1).normal(60, 9, 5000)
    assert hash_distance_limit(distances, 10 ** 9) < hash_distance_limit(distances)
