"""Loops over pixels, compiled by numba: extremes, rescaling, and area averages of a slice while it is in the cache.

In: arrays in C order. Out: arrays that the caller has made. cv2's INTER_AREA rounds twice on uint16 and is several
times slower. Indices are unsigned, because a signed one may be negative, which costs a branch a pixel. Compiling takes
seconds, once a machine: numba keeps the result, and `announce_compiling` says when it has to be done.
"""

import contextlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.core import event

_INDEX = np.uint64
_ONE, _TWO, _THREE, _FOUR = (_INDEX(number) for number in (1, 2, 3, 4))
_FLOAT = np.float32


class Weights(NamedTuple):
    """How an axis of `old` samples becomes `new` ones: sample i is the sum of weights[i, k] * old[start[i] + k].

    start: (new,) uint64. weights: (new, taps) float32, rows sum to 1; taps are 2 or, with zeros, a multiple of 4,
    unless the axis is shorter than that.
    """

    start: np.ndarray
    weights: np.ndarray


def axis_weights(old: int, new: int) -> Weights:
    """Both ends of the axis keep their place: sample i covers [i, i + 1) / count of the same length.

    Shrinking weighs each old sample by the part of it that the new one covers, so nothing aliases; growing
    interpolates linearly between the centres.
    """
    if new <= old:
        edges = np.arange(new + 1) * (old / new)
        taps = int((np.ceil(edges[1:] - 1e-9) - np.floor(edges[:-1] + 1e-9)).max())
        first = np.floor(edges[:-1] + 1e-9).astype(np.int64)
    else:
        centres = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
        taps, first = 2, np.floor(centres).astype(np.int64)
    wide = 2 if taps <= 2 else -(-taps // 4) * 4
    taps = min(wide if wide <= old else taps, old)
    start = np.clip(first, 0, old - taps)
    cells = start[:, None] + np.arange(taps)
    if new <= old:
        covered = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        weights = np.clip(covered, 0, None) * (new / old)
    else:
        weights = np.clip(1 - np.abs(cells - centres[:, None]), 0, None)
    return Weights(start.astype(_INDEX), weights.astype(_FLOAT))


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """numba.njit whose result is kept between processes, where there is a folder to keep it in."""
    def decorate(function: Callable) -> Callable:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            return numba.njit(**options)(function)
    return decorate


class _Announcement(event.Listener):
    """Says once a process that kernels are being compiled."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith("radiogen."):
            self.said = True
            print("compiling the reading kernels: some 10 seconds, once on this machine", file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        """Nothing to say."""


def announce_compiling() -> contextlib.AbstractContextManager:
    """Within it, the first compilation of a kernel is told on standard error; a kept one is loaded in silence."""
    return event.install_listener("numba:compile", _ANNOUNCEMENT)


_ANNOUNCEMENT = _Announcement()


def reduce_slices(voxels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Every slice of (slice, row, column) resized to `shape`; float32."""
    stack = np.empty((len(voxels), *shape), _FLOAT)
    reduce = slice_reducer(voxels.shape[1:], shape)
    voxels = kernel_ready(voxels)
    for index in range(len(voxels)):
        reduce(voxels[index], stack[index])
    return stack


def reduce_to_bytes(voxels: np.ndarray, shape: tuple[int, int], lowest: float, highest: float) -> np.ndarray:
    """`to_bytes` of `reduce_slices`, without all the floats in between."""
    stack, one = np.empty((len(voxels), *shape), np.uint8), np.empty(shape, _FLOAT)
    reduce = slice_reducer(voxels.shape[1:], shape)
    for index in range(len(voxels)):
        reduce(voxels[index], one)
        _scaled(one.reshape(-1), *_scale(lowest, highest), stack[index].reshape(-1))
    return stack


def slice_reducer(old: tuple[int, int], new: tuple[int, int]) -> Callable[[np.ndarray, np.ndarray], tuple]:
    """A function that resizes one slice, made once a series; it returns the slice's smallest and largest pixel.

    Its arguments: source (rows, columns) of shape `old`, out of shape `new` float32.
    """
    if old == new:
        return _copy_slice
    down, across = axis_weights(old[0], new[0]), axis_weights(old[1], new[1])
    lines, across_weights = np.empty((4, old[1]), _FLOAT), np.ascontiguousarray(across.weights.T)

    def reduce(source: np.ndarray, out: np.ndarray) -> tuple:
        return _reduce(source, down.start, down.weights, across.start, across_weights, lines, out)

    return reduce


def resize_slice_axis(stack: np.ndarray, count: int) -> np.ndarray:
    """(slices, rows, columns) float32 to `count` slices, by average or interpolation as `axis_weights` says."""
    if len(stack) == count:
        return stack
    weights, (slices, rows, columns) = axis_weights(len(stack), count), stack.shape
    out = np.empty((count, rows * columns), _FLOAT)
    flat = np.ascontiguousarray(stack).reshape(slices, rows * columns)
    for number in range(count):
        _sum_of_lines(flat, weights.start, weights.weights, number, out[number])
    return out.reshape(count, rows, columns)


def kernel_ready(voxels: np.ndarray) -> np.ndarray:
    """The same voxels as one of the few dtypes that kernels are compiled for, in C order; what is not finite is 0."""
    if voxels.dtype not in (np.uint8, np.uint16, np.int16):
        voxels = np.asarray(voxels, _FLOAT)
        if not np.isfinite(voxels).all():
            voxels = np.nan_to_num(voxels, nan=0, posinf=0, neginf=0)
    return np.ascontiguousarray(voxels)


def to_bytes(stack: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """float32 of any shape to uint8: `lowest` becomes 0, `highest` 255, clipped and rounded; no contrast, all 0."""
    out = np.empty(stack.shape, np.uint8)
    _scaled(np.ascontiguousarray(stack).reshape(-1), *_scale(lowest, highest), out.reshape(-1))
    return out


def _scale(lowest: float, highest: float) -> tuple[np.float32, np.float32]:
    return _FLOAT(lowest), _FLOAT(255 / (highest - lowest) if highest > lowest else 0.0)


@compiled()
def extremes(pixels):
    """Smallest and largest of an array of any shape."""
    flat = pixels.reshape(-1)
    lowest = highest = flat[0]
    for index in range(_INDEX(flat.shape[0])):
        lowest, highest = min(lowest, flat[index]), max(highest, flat[index])
    return lowest, highest


@compiled()
def is_blank(pixels):
    """Whether all pixels of a slice (row, column) are the same; seldom looks at more than the air around the head."""
    flat = pixels.reshape(-1)
    for index in range(_INDEX(flat.shape[0])):  # noqa: SIM110 - numba knows no all()
        if flat[index] != flat[0]:
            return False
    return True


@compiled()
def rescale(stored, slope, intercept, out):
    """Stored values to real ones, both (row, column): float32 of the double that PS3.3, C.11.1.1.2 asks for."""
    stored, out = stored.reshape(-1), out.reshape(-1)
    for index in range(_INDEX(stored.shape[0])):
        out[index] = _FLOAT(stored[index] * slope + intercept)


def _copy_slice(source: np.ndarray, out: np.ndarray) -> tuple:
    np.copyto(out, source, casting="unsafe")
    return extremes(source)


@compiled(fastmath=True)
def _reduce(source, down_start, down_weights, across_start, across_weights, lines, out):
    """Four new rows at a time, while the old ones are in the nearest cache; the last four may overlap those before."""
    lowest = highest = source[0, 0]
    seen, rows, taps = _INDEX(0), _INDEX(out.shape[0]), _INDEX(down_weights.shape[1])
    for group in range(_INDEX(0), rows, _FOUR):
        first = min(group, max(rows, _FOUR) - _FOUR)
        count = min(_FOUR, rows)
        for number in range(count):
            end = down_start[first + number] + taps
            while seen < end:
                lowest, highest = _wider(source[seen], lowest, highest)
                seen += _ONE
            _sum_of_lines(source, down_start, down_weights, first + number, lines[number])
        if count == _FOUR:
            _sums_along_lines(lines, across_start, across_weights, out, first)
        else:
            for number in range(count):
                _sum_along_line(lines[number], across_start, across_weights, out[first + number])
    return lowest, highest


@compiled()
def _wider(line, lowest, highest):
    for index in range(_INDEX(line.shape[0])):
        lowest, highest = min(lowest, line[index]), max(highest, line[index])
    return lowest, highest


@compiled(fastmath=True)
def _sum_of_lines(source, start, weights, row, line):
    """Weighted sum of neighbouring rows, four at a time, so that `line` is stored a quarter as often."""
    columns, taps, first, row = _INDEX(source.shape[1]), _INDEX(weights.shape[1]), start[row], _INDEX(row)
    for column in range(columns):
        line[column] = _FLOAT(0)
    tap = _INDEX(0)
    while tap + _FOUR <= taps:
        a, b, c, d = (source[first + tap], source[first + tap + _ONE], source[first + tap + _TWO],
                      source[first + tap + _THREE])
        wa, wb, wc, wd = (weights[row, tap], weights[row, tap + _ONE], weights[row, tap + _TWO],
                          weights[row, tap + _THREE])
        for column in range(columns):
            line[column] += (wa * _FLOAT(a[column]) + wb * _FLOAT(b[column]) + wc * _FLOAT(c[column])
                             + wd * _FLOAT(d[column]))
        tap += _FOUR
    if tap + _TWO <= taps:
        a, b, wa, wb = source[first + tap], source[first + tap + _ONE], weights[row, tap], weights[row, tap + _ONE]
        for column in range(columns):
            line[column] += wa * _FLOAT(a[column]) + wb * _FLOAT(b[column])
        tap += _TWO
    if tap < taps:
        a, wa = source[first + tap], weights[row, tap]
        for column in range(columns):
            line[column] += wa * _FLOAT(a[column])


@compiled(fastmath=True)
def _sums_along_lines(lines, start, weights, out, first):
    """`_sum_along_line` of four lines at once, which share their weights; weights are (taps, new)."""
    a, b, c, d = lines[0], lines[1], lines[2], lines[3]
    oa, ob, oc, od = out[first], out[first + _ONE], out[first + _TWO], out[first + _THREE]
    taps, columns = _INDEX(weights.shape[0]), _INDEX(out.shape[1])
    if taps == _TWO:
        for column in range(columns):
            at, u, v = start[column], weights[0, column], weights[1, column]
            after = at + _ONE
            oa[column], ob[column] = u * a[at] + v * a[after], u * b[at] + v * b[after]
            oc[column], od[column] = u * c[at] + v * c[after], u * d[at] + v * d[after]
    elif taps & _THREE:
        for number in range(_FOUR):
            _sum_along_line(lines[number], start, weights, out[first + number])
    else:
        for column in range(columns):
            ta = tb = tc = td = _FLOAT(0)
            for tap in range(_INDEX(0), taps, _FOUR):
                p = start[column] + tap
                q, r, s = p + _ONE, p + _TWO, p + _THREE
                u, v = weights[tap, column], weights[tap + _ONE, column]
                x, y = weights[tap + _TWO, column], weights[tap + _THREE, column]
                ta += u * a[p] + v * a[q] + x * a[r] + y * a[s]
                tb += u * b[p] + v * b[q] + x * b[r] + y * b[s]
                tc += u * c[p] + v * c[q] + x * c[r] + y * c[s]
                td += u * d[p] + v * d[q] + x * d[r] + y * d[s]
            oa[column], ob[column], oc[column], od[column] = ta, tb, tc, td


@compiled(fastmath=True)
def _sum_along_line(line, start, weights, out):
    """Weighted sums of neighbours along a line; weights are (taps, new)."""
    for column in range(_INDEX(out.shape[0])):
        at, total = start[column], _FLOAT(0)
        for tap in range(_INDEX(weights.shape[0])):
            total += weights[tap, column] * line[at + tap]
        out[column] = total


@compiled()
def _scaled(values, lowest, scale, out):
    for index in range(_INDEX(values.shape[0])):
        value = (values[index] - lowest) * scale + _FLOAT(0.5)
        out[index] = np.uint8(min(max(value, _FLOAT(0)), _FLOAT(255)))
