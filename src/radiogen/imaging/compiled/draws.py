"""The random numbers of `numpy.random.default_rng(seed).random(count)` for many seeds in one compiled call.

NumPy takes 9 microseconds to make one generator, which is half of what a small image may cost altogether. In: seeds of
whole numbers. Out: the same float64 bit for bit, by the same steps: NumPy's SeedSequence (a hash of the seed; O'Neill,
"Developing a seed_seq alternative", 2015) and PCG64 (O'Neill, HMC-CS-2014-0905; XSL-RR 128/64). NumPy keeps both as
they are (NEP 19).
"""

from collections.abc import Sequence

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from radiogen.imaging.compiled.compiling import compiled

_POOL = 4
"""Words of 32 bits to which a seed is hashed."""

_LOW, _HIGH = uint64(4865540595714422341), uint64(2549297995355413924)
"""PCG's multiplier of 128 bits."""


def seed_words(parts: Sequence[int]) -> list[int]:
    """A seed of several whole numbers as words of 32 bits, the low word of a number first; a 0 has one, too.

    Raises ValueError where a part is negative.

    Examples
    --------
    >>> seed_words((42, 0, 2**32 + 1))
    [42, 0, 1, 1]
    """
    if min(parts) < 0:
        raise ValueError(f"a seed has no negative part, and {min(parts)} is one")
    return [part >> shift & 0xFFFFFFFF for part in parts for shift in range(0, max(1, part.bit_length()), 32)]


def draw(words: NDArray[np.uint32], lengths: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """`count` numbers in [0, 1) for each seed: float64 (seeds, count).

    words: (seeds, words) of `seed_words`; lengths: (seeds,) how many of a row are its seed's; the rest is not read.

    Examples
    --------
    >>> words = np.array([seed_words((42, 1))], np.uint32)
    >>> draw(words, np.array([2]), 3)[0] == np.random.default_rng((42, 1)).random(3)
    array([ True,  True,  True])
    """
    out = np.empty((len(words), count))
    _draw(words, lengths, out)
    return out


@compiled(nogil=True)
def _draw(words, lengths, out):  # type: ignore[no-untyped-def]
    pool, state = np.empty(_POOL, np.uint32), np.empty(4, np.uint64)
    for row in range(len(words)):
        _hash(words[row], lengths[row], pool)
        _first_state(pool, state)
        high, low, step_high, step_low = state[0], state[1], state[2], state[3]
        for place in range(out.shape[1]):
            high, low = _step(high, low, step_high, step_low)
            turn, mixed = high >> uint64(58), high ^ low
            mixed = (mixed >> turn) | (mixed << ((uint64(64) - turn) & uint64(63)))
            out[row, place] = (mixed >> uint64(11)) * (1.0 / 9007199254740992.0)


@compiled()
def _hash(words, count, pool):  # type: ignore[no-untyped-def]
    """SeedSequence.mix_entropy."""
    constant = uint32(0x43B0D7E5)
    for to in range(_POOL):
        pool[to], constant = _scrambled(words[to] if to < count else uint32(0), constant, uint32(0x931E8875))
    for source in range(_POOL):
        for to in range(_POOL):
            if source != to:
                value, constant = _scrambled(pool[source], constant, uint32(0x931E8875))
                pool[to] = _mixed(pool[to], value)
    for source in range(_POOL, count):
        for to in range(_POOL):
            value, constant = _scrambled(words[source], constant, uint32(0x931E8875))
            pool[to] = _mixed(pool[to], value)


@compiled()
def _scrambled(value, constant, factor):  # type: ignore[no-untyped-def]
    """A word made unlike itself, and the constant of the next one."""
    value, constant = uint32(value ^ constant), uint32(constant * factor)
    value = uint32(value * constant)
    return uint32(value ^ (value >> uint32(16))), constant


@compiled()
def _mixed(one, other):  # type: ignore[no-untyped-def]
    value = uint32(uint32(uint32(0xCA01F9DD) * one) - uint32(uint32(0x4973F715) * other))
    return uint32(value ^ (value >> uint32(16)))


@compiled()
def _first_state(pool, state):  # type: ignore[no-untyped-def]
    """PCG64's state and step, high and low word of each, from the pool (SeedSequence.generate_state)."""
    constant = uint32(0x8B51F9DD)
    for place in range(4):
        low, constant = _scrambled(pool[2 * place % _POOL], constant, uint32(0x58F38DED))
        high, constant = _scrambled(pool[(2 * place + 1) % _POOL], constant, uint32(0x58F38DED))
        state[place] = uint64(low) | (uint64(high) << uint64(32))
    step_high = (state[2] << uint64(1)) | (state[3] >> uint64(63))
    step_low = (state[3] << uint64(1)) | uint64(1)
    low = step_low + state[1]  # the first step is from 0
    high = step_high + state[0] + uint64(low < step_low)
    state[0], state[1] = _step(high, low, step_high, step_low)
    state[2], state[3] = step_high, step_low


@compiled()
def _step(high, low, step_high, step_low):  # type: ignore[no-untyped-def]
    """(high, low) times PCG's multiplier plus the step, modulo 2^128."""
    mask, half = uint64(0xFFFFFFFF), uint64(32)
    one, other = low & mask, low >> half
    low_one, low_other = _LOW & mask, _LOW >> half
    middle = other * low_one + ((one * low_one) >> half)
    carried = one * low_other + (middle & mask)
    above = other * low_other + (middle >> half) + (carried >> half)
    next_low = low * _LOW
    next_high = above + high * _LOW + low * _HIGH
    summed = next_low + step_low
    return next_high + step_high + uint64(summed < next_low), summed
