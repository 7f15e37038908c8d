"""Resamples of patients and permutations, a block of draws at a time: memory grows with the cases and not with draws
times cases.

In: labels or values of the cases, how many draws, a seed. Out: the draws, in an order that does not depend on how many
come at once. Only how often a patient is drawn is kept, a byte each, for runs that are compared on the same cases.
"""

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

BLOCK = 2_000_000
"""Numbers at once: draws times cases."""
KEPT_BYTES = 400_000_000
"""Of resamples that are kept; the one that was used last always is."""

_kept: OrderedDict[tuple[bytes, int, int], np.ndarray] = OrderedDict()


def blocks(draws: int, cases: int) -> Iterator[slice]:
    """Slices of all draws, each of at most `BLOCK` numbers and at least one draw."""
    size = max(1, BLOCK // max(cases, 1))
    return (slice(begin, min(begin + size, draws)) for begin in range(0, draws, size))


def draw_patients(labels: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """How often each case is in each resample, unsigned integers, (draws, cases), read-only; class counts are kept.

    One byte a number, more where a patient is drawn more often than that can say.
    """
    key = (np.asarray(labels, bool).tobytes(), draws, seed)
    times = _kept.pop(key, None)
    if times is None:
        times = _drawn(np.asarray(labels, bool), draws, np.random.default_rng([seed, 0]))
    _kept[key] = times
    while len(_kept) > 1 and sum(one.nbytes for one in _kept.values()) > KEPT_BYTES:
        _kept.popitem(last=False)
    return times


def permutations(values: np.ndarray, draws: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """`draws` permutations of values, (cases,), in blocks (some of the draws, cases)."""
    for part in blocks(draws, len(values)):
        yield random.permuted(np.tile(values, (part.stop - part.start, 1)), axis=1)


def _drawn(labels: np.ndarray, draws: int, random: np.random.Generator) -> np.ndarray:
    times = np.zeros((draws, len(labels)), np.uint8)
    for group in (labels, ~labels):
        size = int(group.sum())
        if not size:
            continue
        shares, columns = np.full(size, 1 / size), np.flatnonzero(group)
        for part in blocks(draws, size):
            drawn = random.multinomial(size, shares, size=part.stop - part.start)
            if drawn.max() > np.iinfo(times.dtype).max:
                times = times.astype(np.uint32)
            times[part, columns] = drawn
    times.flags.writeable = False
    return times
