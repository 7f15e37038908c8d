"""Which perceptual hashes differ in few bits, without comparing each with each: copies in another encoding.

In: perceptual hashes, of whose text the first 64 digits count here. Out: pairs, and up to how many bits two cases of
such a set are taken for one. Hashes that differ in at most r bits agree wholly in one of any r + 1 parts that the bits
are dealt to, so only those are compared that do (multi-index hashing: Norouzi, Punjani and Fleet, IEEE Trans. Pattern
Anal. Mach. Intell. 2014;36:1107): all pairs are found that comparing each with each would find.
"""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.dataset.thumbnails import DIGITS

HASH_BITS = 256
HASH_DISTANCE_LIMIT = 10
"""Bits of difference up to which two cases may be one image: a real FLAIR series with 1 % noise or another gamma
differs from itself in at most 9 (of 24 series), two different patients in at least 14."""
SAMPLE = 2000
"""Hashes among which the limit of a larger set is found; of fewer it rests on all pairs."""
_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)

Pairs = NDArray[np.int64]


def is_hash(hashes: pd.Series) -> NDArray[np.bool_]:
    """Whether each cell is a perceptual hash, bool (cases,): the cell of a case without one is empty."""
    return hashes.str.fullmatch(rf"[0-9a-f]{{{DIGITS}}}(\.[\w-]*)?").to_numpy(dtype=bool)


def hash_distances(first: pd.Series, second: pd.Series) -> NDArray[np.int64]:
    """In how many bits each perceptual hash of `first` differs from each of `second`, int (first, second)."""
    one, other = (np.unpackbits(_packed(hashes), axis=1).astype(np.float32) for hashes in (first, second))
    return (one @ (1 - other.T) + (1 - one) @ other.T).astype(int)


def hash_distance_limit(distances: np.ndarray, pairs: int | None = None) -> int:
    """Up to how many bits two cases of this set count as nearly the same.

    distances: of all pairs, or of some of as many `pairs` as there are. `HASH_DISTANCE_LIMIT`, or less where the set is
    so large or its heads so alike that different patients would come that near by chance: a normal curve through the
    median and the lower deviation may put 0.05 pairs below the limit.
    """
    if len(distances) < 10:
        return HASH_DISTANCE_LIMIT
    middle, low = np.percentile(distances, [50, 15.87])
    reach = -NormalDist().inv_cdf(0.05 / (pairs or len(distances)))
    return int(np.clip(np.floor(middle - reach * (middle - low)), 2, HASH_DISTANCE_LIMIT))


def limit_within(hashes: pd.Series) -> int:
    """The `hash_distance_limit` of all pairs within `hashes`; of more than `SAMPLE` its curve is drawn from so many."""
    count = len(hashes)
    some = hashes if count <= SAMPLE else hashes.iloc[np.random.default_rng(0).permutation(count)[:SAMPLE]]
    return hash_distance_limit(hash_distances(some, some)[np.triu_indices(len(some), 1)], count * (count - 1) // 2)


def near_hashes(hashes: pd.Series, limit: int) -> Pairs:
    """Pairs of places in `hashes` whose hashes differ in at most `limit` bits, int (pairs, 2), each once, sorted."""
    if len(hashes) < 2:
        return np.zeros((0, 2), np.int64)
    packed = _packed(hashes)
    bits = np.unpackbits(packed, axis=1)
    shares = bits.mean(axis=0)
    spread = np.argsort(-shares * (1 - shares), kind="stable")  # each part gets some of the bits that tell most
    found = [np.zeros((0, 2), np.int64)]
    for part in range(limit + 1):
        for pairs in _agreeing(bits[:, spread[part::limit + 1]]):
            distances = _ONES[packed[pairs[:, 0]] ^ packed[pairs[:, 1]]].sum(axis=1)
            found.append(pairs[distances <= limit])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _agreeing(bits: NDArray[np.uint8]) -> Iterator[Pairs]:
    """Pairs of rows that are the same, at most one a row at a time, and by bad luck others.

    Rows are sorted by a number each, and each is paired with the next, the next but one, and so on, as far as that has
    its number.
    """
    random = np.random.default_rng(bits.shape[1]).integers(0, 2**63, bits.shape[1], np.uint64)
    numbers = (bits * random).sum(axis=1)
    order = np.argsort(numbers, kind="stable")
    ranked, first = numbers[order], np.arange(len(order))
    for step in range(1, len(order)):
        first = first[first < len(order) - step]
        first = first[ranked[first] == ranked[first + step]]
        if not len(first):
            return
        yield np.stack([order[first], order[first + step]], axis=1)


def _packed(hashes: pd.Series) -> NDArray[np.uint8]:
    """The bits of each hash, uint8 (hashes, 32)."""
    digits = "".join(mark[:DIGITS] for mark in hashes)
    return np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, HASH_BITS // 8)
