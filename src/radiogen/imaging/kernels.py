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

from radiogen.imaging.intensity import finite_voxels

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


class SlicePlan(NamedTuple):
    """What a slice of one shape needs to be resized to another; made once a series. `lines` is room to work in."""

    down_start: np.ndarray
    down_weights: np.ndarray
    across_start: np.ndarray
    across_weights: np.ndarray
    lines: np.ndarray


def slice_plan(old: tuple[int, int], new: tuple[int, int]) -> SlicePlan:
    """From slices of `old` (rows, columns) to `new`."""
    down, across = axis_weights(old[0], new[0]), axis_weights(old[1], new[1])
    return SlicePlan(*down, across.start, np.ascontiguousarray(across.weights.T), np.empty((4, old[1]), _FLOAT))


def reduce_slices(voxels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Every slice of (slice, row, column) resized to `shape`; float32."""
    voxels = kernel_ready(voxels)
    stack = np.empty((len(voxels), *shape), _FLOAT)
    _reduce_all(voxels, slice_plan(voxels.shape[1:], shape), stack)
    return stack


def reduce_to_bytes(voxels: np.ndarray, shape: tuple[int, int], lowest: float, highest: float) -> np.ndarray:
    """`to_bytes` of `reduce_slices`, without all the floats in between."""
    voxels = kernel_ready(voxels)
    stack = np.empty((len(voxels), *shape), np.uint8)
    _reduce_all_to_bytes(voxels, slice_plan(voxels.shape[1:], shape), np.empty(shape, _FLOAT),
                         *_scale(lowest, highest), stack)
    return stack


def reduce_slice(source: np.ndarray, plan: SlicePlan, out: np.ndarray) -> tuple:
    """Resize `source` into `out` (float32) and return its smallest and largest pixel."""
    return _reduce(source, plan, out, True)


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
        voxels = finite_voxels(np.asarray(voxels, _FLOAT))
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
    return _wider(flat, flat[0], flat[0])


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


_READ = numba.types.ExternalFunction("pread", numba.types.intp(
    numba.types.int32, numba.types.uintp, numba.types.uintp, numba.types.int64))
"""The system's own pread(file, to, bytes, offset): a series costs one call of compiled code, not one a slice."""


@compiled()
def read_volume(files, offsets, voxels, blank, each):
    """Read the pixels of open files into `voxels`; `blank` says which slices are. Returns how many could be read.

    each: (slices, 2) for the slices' extremes, or (0, 2) where they are not wanted.
    """
    for index in range(files.shape[0]):
        if _READ(files[index], voxels[index].ctypes.data, voxels[index].nbytes, offsets[index]) != voxels[index].nbytes:
            return index
        if each.shape[0]:
            each[index, 0], each[index, 1] = extremes(voxels[index])
            blank[index] = each[index, 0] == each[index, 1]
        else:
            blank[index] = is_blank(voxels[index])
    return files.shape[0]


@compiled(fastmath=True)
def read_reduced(files, offsets, source, plan, stack, each):
    """Read each slice into `source`, resize it into its place in `stack`, its extremes into `each`; how many were."""
    for index in range(files.shape[0]):
        if _READ(files[index], source.ctypes.data, source.nbytes, offsets[index]) != source.nbytes:
            return index
        each[index, 0], each[index, 1] = _reduce(source, plan, stack[index], True)
    return files.shape[0]


@compiled(fastmath=True)
def _reduce_all(voxels, plan, stack):
    for index in range(_INDEX(voxels.shape[0])):
        _reduce(voxels[index], plan, stack[index], False)


@compiled(fastmath=True)
def _reduce_all_to_bytes(voxels, plan, one, lowest, scale, stack):
    for index in range(_INDEX(voxels.shape[0])):
        _reduce(voxels[index], plan, one, False)
        _scaled(one.reshape(-1), lowest, scale, stack[index].reshape(-1))


@compiled(fastmath=True)
def _reduce(source, plan, out, look):
    """Four new rows at a time, while the old ones are in the nearest cache; the last four may overlap those before.

    look: find the extremes on the way.
    """
    lowest = highest = source[0, 0]
    seen, rows, taps = _INDEX(0), _INDEX(out.shape[0]), _INDEX(plan.down_weights.shape[1])
    lines = plan.lines
    for group in range(_INDEX(0), rows, _FOUR):
        first = min(group, max(rows, _FOUR) - _FOUR)
        count = min(_FOUR, rows)
        for number in range(count):
            end = plan.down_start[first + number] + taps
            while look and seen < end:
                lowest, highest = _wider(source[seen], lowest, highest)
                seen += _ONE
            _sum_of_lines(source, plan.down_start, plan.down_weights, first + number, lines[number])
        if count == _FOUR:
            _sums_along_lines(lines, plan.across_start, plan.across_weights, out, first)
        else:
            for number in range(count):
                _sum_along_line(lines[number], plan.across_start, plan.across_weights, out[first + number])
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
    if taps == _TWO:
        a, b, wa, wb = source[first], source[first + _ONE], weights[row, 0], weights[row, 1]
        for column in range(columns):
            line[column] = wa * _FLOAT(a[column]) + wb * _FLOAT(b[column])
    elif taps & _THREE:
        line[:] = _FLOAT(0)
        for tap in range(taps):
            a, wa = source[first + tap], weights[row, tap]
            for column in range(columns):
                line[column] += wa * _FLOAT(a[column])
    else:
        for tap in range(_INDEX(0), taps, _FOUR):
            a, b = source[first + tap], source[first + tap + _ONE]
            c, d = source[first + tap + _TWO], source[first + tap + _THREE]
            wa, wb = weights[row, tap], weights[row, tap + _ONE]
            wc, wd = weights[row, tap + _TWO], weights[row, tap + _THREE]
            for column in range(columns):
                total = (wa * _FLOAT(a[column]) + wb * _FLOAT(b[column]) + wc * _FLOAT(c[column])
                         + wd * _FLOAT(d[column]))
                line[column] = total + line[column] if tap else total


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
        for tap in range(_INDEX(0), taps, _FOUR):
            wu, wv, wx, wy = weights[tap], weights[tap + _ONE], weights[tap + _TWO], weights[tap + _THREE]
            for column in range(columns):
                p = start[column] + tap
                q, r, s = p + _ONE, p + _TWO, p + _THREE
                u, v, x, y = wu[column], wv[column], wx[column], wy[column]
                ta, tb = u * a[p] + v * a[q] + x * a[r] + y * a[s], u * b[p] + v * b[q] + x * b[r] + y * b[s]
                tc, td = u * c[p] + v * c[q] + x * c[r] + y * c[s], u * d[p] + v * d[q] + x * d[r] + y * d[s]
                if tap:
                    ta, tb, tc, td = ta + oa[column], tb + ob[column], tc + oc[column], td + od[column]
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
