"""Loops over pixels, compiled by numba: extremes, rescaling, and area averages of a slice while it is in the cache.

In: arrays in C order. Out: arrays that the caller has made. cv2's INTER_AREA rounds twice on uint16 and is several
times slower. Indices are unsigned, because a signed one may be negative, which costs a branch a pixel. Compiling takes
seconds, once a machine: numba keeps the result, and `announce_compiling` says when it has to be done.
"""

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from radiogen.imaging.compiling import compiled
from radiogen.imaging.intensity import finite_voxels
from radiogen.imaging.slice_plans import SlicePlan, axis_weights, slice_plan
from radiogen.imaging.system_calls import READ

_INDEX = np.uint64
_ONE, _TWO, _THREE, _FOUR, _EIGHT, _32 = (_INDEX(number) for number in (1, 2, 3, 4, 8, 32))
_FLOAT = np.float32


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
    _sums_of_lines(flat, *weights, out)
    return out.reshape(count, rows, columns)


def slice_axis_to_bytes(stack: np.ndarray, count: int, lowest: float, highest: float) -> np.ndarray:
    """`to_bytes` of `resize_slice_axis`, without all the floats in between."""
    if len(stack) == count:
        return to_bytes(stack, lowest, highest)
    weights, (slices, rows, columns) = axis_weights(len(stack), count), stack.shape
    out = np.empty((count, rows * columns), np.uint8)
    flat = np.ascontiguousarray(stack).reshape(slices, rows * columns)
    _sums_to_bytes(flat, *weights, np.empty(rows * columns, _FLOAT), *_scale(lowest, highest), out)
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


_VECTOR, _POINTER = ir.VectorType(ir.FloatType(), 8), ir.FloatType().as_pointer()
_ADDRESS = numba.types.uint64


def _load(builder, begin, place):
    """Eight floats, `place` floats behind `begin`."""
    return builder.load(builder.bitcast(builder.gep(begin, [place]), _VECTOR.as_pointer()), align=4)


def _store(builder, vector, begin, place):
    builder.store(vector, builder.bitcast(builder.gep(begin, [place]), _VECTOR.as_pointer()), align=4)


def _shuffle(builder, first, second, places):
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(ir.IntType(32), 8), places))


@intrinsic
def _turn(context, source, source_step, target, target_step):
    """Write 8 x 8 floats at the address `source` transposed to `target`; steps are floats from row to row."""
    def build(context, builder, signature, values):
        begin, end = (builder.inttoptr(values[index], _POINTER) for index in (0, 2))
        number = [ir.Constant(ir.IntType(64), index) for index in range(8)]
        rows = [_load(builder, begin, builder.mul(values[1], number[row])) for row in range(8)]
        for distance, low, high in ((4, [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
                                    (2, [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
                                    (1, [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15])):
            for row in range(8):  # quarters of the block change places, then quarters of those, then pairs
                if not row & distance:
                    above, below = rows[row], rows[row + distance]
                    rows[row] = _shuffle(builder, above, below, low)
                    rows[row + distance] = _shuffle(builder, above, below, high)
        for row in range(8):
            _store(builder, rows[row], end, builder.mul(values[3], number[row]))
        return context.get_dummy_value()
    return numba.types.void(_ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS), build


def _weighted_sum(taps, more):
    """The sum of `taps` vectors at one address, by weights at another, to a third; more: added to what is there."""
    def weighted_sum(context, source, weights, target):
        def build(context, builder, signature, values):
            source, weights, target = (builder.inttoptr(value, _POINTER) for value in values)
            total = _load(builder, target, ir.Constant(ir.IntType(64), 0)) if more else None
            for tap in range(taps):
                weight = builder.load(builder.gep(weights, [ir.Constant(ir.IntType(64), tap)]))
                single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), weight, ir.IntType(32)(0))
                product = builder.fmul(_load(builder, source, ir.Constant(ir.IntType(64), 8 * tap)),
                                       _shuffle(builder, single, single, [0] * 8), flags=("fast",))
                total = product if total is None else builder.fadd(total, product, flags=("fast",))
            _store(builder, total, target, ir.Constant(ir.IntType(64), 0))
            return context.get_dummy_value()
        return numba.types.void(_ADDRESS, _ADDRESS, _ADDRESS), build
    return intrinsic(weighted_sum)


_sum_of_two, _sum_of_three, _sum_of_four = (_weighted_sum(taps, False) for taps in (2, 3, 4))
_add_four = _weighted_sum(4, True)


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


@compiled()
def clear_unused(pixels, mask, sign):
    """Keep the bits of `mask` of each integer, in place, and extend the bit `sign` (0: unsigned) upwards."""
    flat = pixels.reshape(-1)
    for index in range(_INDEX(flat.shape[0])):
        flat[index] = ((flat[index] & mask) ^ sign) - sign


@compiled()
def read_volume(files, offsets, voxels, blank, each, mask, sign):
    """Read the pixels of open files into `voxels`; `blank` says which slices are. Returns how many could be read.

    each: (slices, 2) for the slices' extremes, or (0, 2) where they are not wanted. mask, sign: as in `clear_unused`;
    a mask of 0 where all bits are used.
    """
    for index in range(files.shape[0]):
        if READ(files[index], voxels[index].ctypes.data, voxels[index].nbytes, offsets[index]) != voxels[index].nbytes:
            return index
        if mask:
            clear_unused(voxels[index], mask, sign)
        if each.shape[0]:
            each[index, 0], each[index, 1] = extremes(voxels[index])
            blank[index] = each[index, 0] == each[index, 1]
        else:
            blank[index] = is_blank(voxels[index])
    return files.shape[0]


@compiled(fastmath=True)
def read_reduced(files, offsets, rows, room, plan, stack, each, mask, sign):
    """Resize each slice of `rows` rows into its place in `stack`, its extremes into `each`; returns how many could be.

    A slice is read into `room` (`reading_room`) as its rows are wanted, so that they are still in the cache. mask,
    sign: as in `read_volume`.
    """
    bytes_a_row, taps = room[0].nbytes, plan.down_weights.shape[1]
    for index in range(files.shape[0]):
        out, lowest, highest = stack[index], room[0, 0], room[0, 0]
        first_kept = have = 0  # number of the row that is the first of `room`; of the first that was not read yet
        for group in range(0, out.shape[0], 8):
            first = _first_row(group, out.shape[0])
            begin, end = int(plan.down_start[first]), int(plan.down_start[min(first + 8, out.shape[0]) - 1]) + taps
            if end > have:
                kept = max(have - begin, 0)
                for row in range(kept):
                    room[row] = room[begin - first_kept + row]
                first_kept = have - kept
                count = min(room.shape[0] - kept, rows - have)
                wanted = count * bytes_a_row
                if READ(files[index], room[kept:].ctypes.data, wanted, offsets[index] + have * bytes_a_row) != wanted:
                    return index
                if mask:
                    clear_unused(room[kept:kept + count], mask, sign)
                if have == 0:
                    lowest = highest = room[0, 0]
                for row in range(kept, kept + count):
                    lowest, highest = _wider(room[row], lowest, highest)
                have += count
            _new_rows(room, first_kept, plan, first, out)
        each[index, 0], each[index, 1] = lowest, highest
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
    """Eight new rows at a time, while the old ones are in the nearest cache. look: find the extremes on the way."""
    lowest = highest = source[0, 0]
    seen, rows, taps = 0, out.shape[0], plan.down_weights.shape[1]
    for group in range(0, rows, 8):
        first = _first_row(group, rows)
        end = int(plan.down_start[min(first + 8, rows) - 1]) + taps
        while look and seen < end:
            lowest, highest = _wider(source[seen], lowest, highest)
            seen += 1
        _new_rows(source, 0, plan, first, out)
    return lowest, highest


@compiled()
def _first_row(group, rows):
    """Where eight rows begin: the last eight may overlap those before."""
    return max(min(group, rows - 8), 0)


@compiled(fastmath=True)
def _new_rows(source, skipped, plan, first, out):
    """Eight rows of `out` from `first`, or all where there are fewer; `source` begins with the old row `skipped`."""
    count, taps = min(8, out.shape[0]), plan.across_weights.shape[1]
    for number in range(count):
        row = first + number
        _sum_of_lines(source, plan.down_start[row] - _INDEX(skipped), plan.down_weights[row], plan.lines[number])
    if count == 8 and min(plan.lines.shape[1], out.shape[1]) >= 8 and (taps in (2, 3) or taps % 4 == 0):
        _sums_along_lines(plan, out[first:])
    else:
        for number in range(count):
            _sum_along_line(plan.lines[number], plan.across_start, plan.across_weights, out[first + number])


@compiled()
def _wider(line, lowest, highest):
    for index in range(_INDEX(line.shape[0])):
        lowest, highest = min(lowest, line[index]), max(highest, line[index])
    return lowest, highest


@compiled(fastmath=True)
def _sum_of_lines(source, first, weights, line):
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


@compiled(fastmath=True)
def _sums_of_lines(source, start, weights, out):
    for row in range(out.shape[0]):
        _sum_of_lines(source, start[row], weights[row], out[row])


@compiled(fastmath=True)
def _sums_to_bytes(source, start, weights, line, lowest, scale, out):
    for row in range(out.shape[0]):
        _sum_of_lines(source, start[row], weights[row], line)
        _scaled(line, lowest, scale, out[row])


@compiled()
def _address(array):
    return _INDEX(array.ctypes.data)


@compiled(fastmath=True)
def _sums_along_lines(plan, out):
    """`_sum_along_line` of eight lines at once: woven, the eight neighbours in a column are one vector."""
    lines, woven, done = _address(plan.lines), _address(plan.woven), _address(plan.done)
    weights, target = _address(plan.across_weights), _address(out)
    old, new, taps = _INDEX(plan.lines.shape[1]), _INDEX(out.shape[1]), _INDEX(plan.across_weights.shape[1])
    for block in range(_INDEX(0), old, _EIGHT):
        column = min(block, old - _EIGHT)
        _turn(lines + _FOUR * column, old, woven + _32 * column, _EIGHT)
    for block in range(_INDEX(0), new, _EIGHT):
        first = min(block, new - _EIGHT)
        for number in range(_EIGHT):
            column, place = first + number, done + _32 * number
            begin, weight = woven + _32 * plan.across_start[column], weights + _FOUR * taps * column
            if taps == _TWO:
                _sum_of_two(begin, weight, place)
            elif taps == _THREE:
                _sum_of_three(begin, weight, place)
            else:
                _sum_of_four(begin, weight, place)
                for tap in range(_FOUR, taps, _FOUR):
                    _add_four(begin + _32 * tap, weight + _FOUR * tap, place)
        _turn(done, _EIGHT, target + _FOUR * first, new)


@compiled(fastmath=True)
def _sum_along_line(line, start, weights, out):
    """Weighted sums of neighbours along a line."""
    for column in range(_INDEX(out.shape[0])):
        at, total = start[column], _FLOAT(0)
        for tap in range(_INDEX(weights.shape[1])):
            total += weights[column, tap] * line[at + tap]
        out[column] = total


@compiled()
def _scaled(values, lowest, scale, out):
    for index in range(_INDEX(values.shape[0])):
        value = (values[index] - lowest) * scale + _FLOAT(0.5)
        out[index] = np.uint8(min(max(value, _FLOAT(0)), _FLOAT(255)))
