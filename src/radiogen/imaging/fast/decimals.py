"""Decimal texts of many files to numbers, in compiled code.

In: texts as they are in headers. Out: float64, the same that Python's `float` makes, or NaN where that is not sure.
"""

import numpy as np

from radiogen.core.types import ByteBuffer, FloatArray, IntTable
from radiogen.imaging.compiled.compiling import compiled

_POWERS = 10.0 ** np.arange(23)


@compiled()
def decimals(contents: ByteBuffer, spans: IntTable, count: int) -> FloatArray:
    """(files, count) float64: the decimal texts in `spans` (files, 2), divided by backslashes; NaN where not sure.

    Sure is: at most 15 digits and a power of ten up to 22, so that one rounding gives the nearest double (Clinger,
    How to read floating point numbers accurately, 1990).
    """
    values = np.full((spans.shape[0], count), np.nan)
    for number in range(spans.shape[0]):
        _decimals(contents[number], spans[number], values[number])
    return values


@compiled()
def frame_decimals(content: ByteBuffer, spans: IntTable, count: int) -> FloatArray:
    """As `decimals`, of texts in one `content`."""
    values = np.full((spans.shape[0], count), np.nan)
    for number in range(spans.shape[0]):
        _decimals(content, spans[number], values[number])
    return values


@compiled()
def _decimals(content: ByteBuffer, span: IntTable, values: FloatArray) -> None:
    at, end, found = span[0], span[0] + span[1], 0
    while at <= end and at >= 0 and found < values.shape[0]:
        stop = at
        while stop < end and content[stop] != 92:  # backslash
            stop += 1
        values[found] = _decimal(content, at, stop)
        found, at = found + 1, stop + 1
    if found < values.shape[0] or at <= end:
        values[:] = np.nan


@compiled()
def _decimal(content: ByteBuffer, at: int, end: int) -> float:
    while at < end and content[at] == 32:
        at += 1
    while at < end and (content[end - 1] == 32 or content[end - 1] == 0):
        end -= 1
    negative = at < end and content[at] == 45
    if at < end and (negative or content[at] == 43):
        at += 1
    digits, behind, whole, point = 0, 0, np.int64(0), False
    for place in range(at, end):
        if content[place] == 46 and not point:
            point = True
        elif 48 <= content[place] <= 57:
            whole, digits, behind = whole * 10 + np.int64(content[place]) - 48, digits + 1, behind + point
        else:
            return np.nan
        if digits > 15:
            return np.nan
    if digits == 0:
        return np.nan
    value = whole / _POWERS[behind]
    return -value if negative else value
