"""New rows of a slice: weighted sums of old rows, then of neighbours along them, eight rows at a time.

In: the old rows of a slice, while they are in the processor's nearest cache, and a `SlicePlan`. Out: rows of float32.
Old rows are summed up as float32 or, where the plan allows it and no pixel is too bright, as whole numbers of 16 bits:
those are two to the power of something times the same sums, both without rounding, so the result is the same to the
last bit, in a third of the time. Indices are unsigned, because a signed one may be negative, which costs a branch.
"""

from collections.abc import Callable

import numpy as np
from numba.core import types
from numba.extending import overload

from radiogen.core.types import FloatVoxels, IndexArray, Slice2D, Voxels
from radiogen.imaging.compiled.compiling import compiled
from radiogen.imaging.compiled.slice_plans import SlicePlan
from radiogen.imaging.compiled.vector_instructions import (
    add_four,
    sum_of_four,
    sum_of_three,
    sum_of_two,
    transpose_floats,
    transpose_shorts,
)

_INDEX = np.uint64
_ONE, _TWO, _THREE, _FOUR, _EIGHT, _16, _32 = (_INDEX(number) for number in (1, 2, 3, 4, 8, 16, 32))
_FLOAT = np.float32


@compiled()
def first_row(group: int, rows: int) -> int:
    """Where eight rows begin: the last eight may overlap those before."""
    return max(min(group, rows - 8), 0)


@compiled(fastmath=True)
def new_rows(source: Slice2D, skipped: int, plan: SlicePlan, first: int, out: FloatVoxels, lowest: float,
             highest: float) -> None:
    """Eight rows of `out` from `first`, or all where there are fewer; `source` begins with the old row `skipped`.

    lowest, highest: of all pixels of `source`.
    """
    if _whole_sums(source, skipped, plan, first, lowest, highest):
        _woven_shorts(plan)
        _sums_along_lines(plan, plan.count_weights, out[first:])
        return
    count, taps = min(8, out.shape[0]), plan.across_weights.shape[1]
    for number in range(count):
        row = first + number
        sum_of_lines(source, plan.down_start[row] - _INDEX(skipped), plan.down_weights[row], plan.lines[number])
    if count == 8 and min(plan.lines.shape[1], out.shape[1]) >= 8 and (taps in (2, 3) or taps % 4 == 0):
        _woven_floats(plan)
        _sums_along_lines(plan, plan.across_weights, out[first:])
    else:
        for number in range(count):
            _sum_along_line(plan.lines[number], plan.across_start, plan.across_weights, out[first + number])


@compiled(fastmath=True)
def sum_of_lines(source: Slice2D, first: int, weights: FloatVoxels, line: FloatVoxels) -> None:
    """Weighted sum of the rows from `first`, four at a time, so that `line` is stored a quarter as often."""
    columns, taps = _INDEX(source.shape[1]), _INDEX(weights.shape[0])
    if taps == _TWO:
        a, b, wa, wb = source[first], source[first + _ONE], weights[0], weights[1]
        for column in range(columns):
            line[column] = wa * _FLOAT(a[column]) + wb * _FLOAT(b[column])
    elif taps == _THREE:
        a, b, c = source[first], source[first + _ONE], source[first + _TWO]
        wa, wb, wc = weights[0], weights[1], weights[2]
        for column in range(columns):
            line[column] = wa * _FLOAT(a[column]) + wb * _FLOAT(b[column]) + wc * _FLOAT(c[column])
    elif taps & _THREE:
        line[:] = _FLOAT(0)
        for tap in range(taps):
            a, wa = source[first + tap], weights[tap]
            for column in range(columns):
                line[column] += wa * _FLOAT(a[column])
    else:
        for tap in range(_INDEX(0), taps, _FOUR):
            a, b = source[first + tap], source[first + tap + _ONE]
            c, d = source[first + tap + _TWO], source[first + tap + _THREE]
            wa, wb = weights[tap], weights[tap + _ONE]
            wc, wd = weights[tap + _TWO], weights[tap + _THREE]
            for column in range(columns):
                total = (wa * _FLOAT(a[column]) + wb * _FLOAT(b[column]) + wc * _FLOAT(c[column])
                         + wd * _FLOAT(d[column]))
                line[column] = total + line[column] if tap else total


def _whole_sums(source: Slice2D, skipped: int, plan: SlicePlan, first: int, lowest: float, highest: float) -> bool:
    """Eight rows summed up by `plan.counts` into `plan.sums`; False, and nothing done, where that is not exact."""
    raise NotImplementedError("for compiled code")


@overload(_whole_sums)
def _compile_whole_sums(source: Slice2D, skipped: int, plan: SlicePlan, first: int, lowest: float, highest: float
                        ) -> Callable[..., bool]:
    """The code for arguments of these types, which numba passes; it wants the annotations of what it compiles."""
    def no_sums(source: Slice2D, skipped: int, plan: SlicePlan, first: int, lowest: float, highest: float) -> bool:
        return False

    def whole_sums(source: Slice2D, skipped: int, plan: SlicePlan, first: int, lowest: float, highest: float) -> bool:
        if lowest < 0 or highest > plan.brightest:
            return False
        pixels, sums, columns = source.reshape(-1), plan.sums.reshape(-1), _INDEX(source.shape[1])
        for number in range(_EIGHT):
            row = _INDEX(first) + number
            begin = (plan.down_start[row] - _INDEX(skipped)) * columns
            _whole_sum_of_lines(pixels, begin, columns, plan.counts, row, sums, number * columns)
        return True
    return whole_sums if isinstance(source.dtype, types.Integer) else no_sums


@compiled()
def _whole_sum_of_lines(pixels: Voxels, begin: int, columns: int, counts: Voxels, row: int, sums: Voxels,
                        target: int) -> None:
    """Flat arrays: to take out a row costs more than to sum it up."""
    a, b, c, d, taps = begin, begin + columns, begin + _TWO * columns, begin + _THREE * columns, _INDEX(counts.shape[1])
    if taps == _TWO:
        na, nb = counts[row, 0], counts[row, 1]
        for column in range(columns):
            sums[target + column] = np.uint16(na * pixels[a + column] + nb * pixels[b + column])
    elif taps == _THREE:
        na, nb, nc = counts[row, 0], counts[row, 1], counts[row, 2]
        for column in range(columns):
            sums[target + column] = np.uint16(
                na * pixels[a + column] + nb * pixels[b + column] + nc * pixels[c + column])
    else:
        for tap in range(_INDEX(0), taps, _FOUR):
            na, nb = counts[row, tap], counts[row, tap + _ONE]
            nc, nd, more = counts[row, tap + _TWO], counts[row, tap + _THREE], tap * columns
            for column in range(columns):
                place = more + column
                total = np.uint16(na * pixels[a + place] + nb * pixels[b + place]
                                  + nc * pixels[c + place] + nd * pixels[d + place])
                sums[target + column] = total + sums[target + column] if tap else total


@compiled()
def _address(array: Voxels) -> int:
    return _INDEX(array.ctypes.data)


@compiled()
def _woven_shorts(plan: SlicePlan) -> None:
    """`plan.sums` to `plan.woven`: the eight neighbours in a column are one vector."""
    sums, woven, columns = _address(plan.sums), _address(plan.woven), _INDEX(plan.sums.shape[1])
    for block in range(_INDEX(0), columns, _16):
        column = min(block, columns - _16)
        transpose_shorts(sums + _TWO * column, _TWO * columns, woven + _32 * column)


@compiled()
def _woven_floats(plan: SlicePlan) -> None:
    """The same of `plan.lines`."""
    lines, woven, columns = _address(plan.lines), _address(plan.woven), _INDEX(plan.lines.shape[1])
    for block in range(_INDEX(0), columns, _EIGHT):
        column = min(block, columns - _EIGHT)
        transpose_floats(lines + _FOUR * column, _FOUR * columns, woven + _32 * column, _32)


@compiled(fastmath=True)
def _sums_along_lines(plan: SlicePlan, weights: FloatVoxels, out: FloatVoxels) -> None:
    """`_sum_along_line` of eight lines at once, from `plan.woven`."""
    woven, done, target = _address(plan.woven), _address(plan.done), _address(out)
    begin_weights, new, taps = _address(weights), _INDEX(out.shape[1]), _INDEX(weights.shape[1])
    for block in range(_INDEX(0), new, _EIGHT):
        first = min(block, new - _EIGHT)
        for number in range(_EIGHT):
            column, place = first + number, done + _32 * number
            begin, weight = woven + _32 * plan.across_start[column], begin_weights + _FOUR * taps * column
            if taps == _TWO:
                sum_of_two(begin, weight, place)
            elif taps == _THREE:
                sum_of_three(begin, weight, place)
            else:
                sum_of_four(begin, weight, place)
                for tap in range(_FOUR, taps, _FOUR):
                    add_four(begin + _32 * tap, weight + _FOUR * tap, place)
        transpose_floats(done, _32, target + _FOUR * first, _FOUR * new)


@compiled(fastmath=True)
def _sum_along_line(line: FloatVoxels, start: IndexArray, weights: FloatVoxels, out: FloatVoxels) -> None:
    """Weighted sums of neighbours along a line."""
    for column in range(_INDEX(out.shape[0])):
        at, total = start[column], _FLOAT(0)
        for tap in range(_INDEX(weights.shape[1])):
            total += weights[column, tap] * line[at + tap]
        out[column] = total
