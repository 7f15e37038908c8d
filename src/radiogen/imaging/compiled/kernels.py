"""Loops over pixels, compiled by numba: extremes, rescaling, and area averages of a slice while it is in the cache.

In: arrays in C order. Out: arrays that the caller has made. cv2's INTER_AREA rounds twice on uint16 and is several
times slower. Indices are unsigned, because a signed one may be negative, which costs a branch a pixel. Compiling takes
seconds, once a machine: numba keeps the result, and `announce_compiling` says when it has to be done.
"""

from collections.abc import Sequence

import numpy as np

from radiogen.core.types import ByteVoxels, FloatVoxels, IndexArray, Mask, Shape2D, Shape3D, Slice2D, Voxels
from radiogen.imaging.compiled.compiling import compiled
from radiogen.imaging.compiled.line_sums import first_row, new_rows, sum_of_lines
from radiogen.imaging.compiled.slice_plans import ROOM_BYTES, OpenFiles, SlicePlan, axis_weights, slice_plan
from radiogen.imaging.compiled.system_calls import READ
from radiogen.imaging.compiled.vector_instructions import copy_past_cache
from radiogen.imaging.intensity import finite_voxels
from radiogen.imaging.slices import Slices

_INDEX, _FLOAT = np.uint64, np.float32

PAST_CACHE_BYTES = 1 << 23
"""Volumes from this size on are written to memory past the processor's caches, which would not hold them anyway."""

_LINE, _PAGE = 64, 4096
"""Bytes of a line of the processor's cache, and of a page of memory."""


def resize_slices(voxels: Slices, shape: Shape2D, chosen: Sequence[int] | None = None) -> FloatVoxels:
    """Every slice of (slice, row, column), or the `chosen` ones, resized to `shape`; float32."""
    plan = slice_plan(voxels.shape[1:], shape)
    if chosen is None and isinstance(voxels, np.ndarray):
        voxels = kernel_ready(voxels)
        stack = np.empty((len(voxels), *shape), _FLOAT)
        _resize_all(voxels, plan, stack)
        return stack
    chosen = range(len(voxels)) if chosen is None else chosen
    stack = np.empty((len(chosen), *shape), _FLOAT)
    for place, number in enumerate(chosen):
        resize_slice(kernel_ready(voxels[number]), plan, stack[place])
    return stack


def resize_to_bytes(voxels: Voxels, shape: Shape2D, lowest: float, highest: float,
                    out: ByteVoxels | None = None) -> ByteVoxels:
    """`to_bytes` of `resize_slices`, without all the floats in between.

    out: where the bytes go; it may begin where the voxels do if a slice of it is no larger than one of theirs.
    """
    voxels = kernel_ready(voxels)
    stack = np.empty((len(voxels), *shape), np.uint8) if out is None else out
    _resize_all_to_bytes(voxels, slice_plan(voxels.shape[1:], shape), np.empty(shape, _FLOAT),
                         *_scale(lowest, highest), stack)
    return stack


def resize_slice(source: Slice2D, plan: SlicePlan, out: FloatVoxels) -> tuple[float, float]:
    """Resize `source` into `out` (float32) and return its smallest and largest pixel."""
    return _resize(source, plan, out)


def resize_slice_axis(stack: FloatVoxels, count: int) -> FloatVoxels:
    """(slices, rows, columns) float32 to `count` slices, by average or interpolation as `axis_weights` says."""
    if len(stack) == count:
        return stack
    weights, (slices, rows, columns) = axis_weights(len(stack), count), stack.shape
    out = np.empty((count, rows * columns), _FLOAT)
    flat = np.ascontiguousarray(stack).reshape(slices, rows * columns)
    _sums_of_lines(flat, *weights, out)
    return out.reshape(count, rows, columns)


def slice_axis_to_bytes(stack: FloatVoxels, count: int, lowest: float, highest: float) -> ByteVoxels:
    """`to_bytes` of `resize_slice_axis`, without all the floats in between."""
    if len(stack) == count:
        return to_bytes(stack, lowest, highest)
    weights, (slices, rows, columns) = axis_weights(len(stack), count), stack.shape
    out = np.empty((count, rows * columns), np.uint8)
    flat = np.ascontiguousarray(stack).reshape(slices, rows * columns)
    _sums_to_bytes(flat, *weights, np.empty(rows * columns, _FLOAT), *_scale(lowest, highest), out)
    return out.reshape(count, rows, columns)


def kernel_ready(voxels: Voxels) -> Voxels:
    """The same voxels as one of the few dtypes that kernels are compiled for, in C order; what is not finite is 0."""
    if voxels.dtype not in (np.uint8, np.uint16, np.int16):
        voxels = finite_voxels(np.asarray(voxels, _FLOAT))
    return np.ascontiguousarray(voxels)


def to_bytes(stack: FloatVoxels, lowest: float = 0.0, highest: float = 1.0) -> ByteVoxels:
    """float32 of any shape to uint8: `lowest` becomes 0, `highest` 255, clipped and rounded; no contrast, all 0."""
    out = np.empty(stack.shape, np.uint8)
    _scaled(np.ascontiguousarray(stack).reshape(-1), *_scale(lowest, highest), out.reshape(-1))
    return out


def to_bytes_in_place(stack: FloatVoxels, lowest: float, highest: float) -> ByteVoxels:
    """`to_bytes` of (slices, rows, columns) in the memory of `stack`, which shrinks and is of no use any more."""
    size, places = stack[0].size, stack.view(np.uint8).reshape(-1)
    for number, floats in enumerate(stack):
        places[number * size:(number + 1) * size] = to_bytes(floats, lowest, highest).reshape(-1)
    return shrunk(stack, stack.shape)


def shrunk(array: Voxels, shape: Shape3D) -> ByteVoxels:
    """The first bytes of an array that owns its memory as uint8 of `shape`; the rest of its memory is given back.

    Neither the array nor a view of it may be used afterwards.
    """
    size = shape[0] * shape[1] * shape[2]
    array.resize(-(-size // array.itemsize), refcheck=False)
    return array.view(np.uint8)[:size].reshape(shape)


def _scale(lowest: float, highest: float) -> tuple[np.float32, np.float32]:
    return _FLOAT(lowest), _FLOAT(255 / (highest - lowest) if highest > lowest else 0.0)


@compiled()
def extremes(pixels: Voxels) -> tuple[float, float]:
    """Smallest and largest of an array of any shape."""
    flat = pixels.reshape(-1)
    return _wider(flat, flat[0], flat[0])


@compiled()
def is_blank(pixels: Slice2D) -> bool:
    """Whether all pixels of a slice (row, column) are the same; seldom looks at more than the air around the head."""
    flat = pixels.reshape(-1)
    for index in range(_INDEX(flat.shape[0])):  # noqa: SIM110 - numba knows no all()
        if flat[index] != flat[0]:
            return False
    return True


@compiled()
def rescale(stored: Slice2D, slope: float, intercept: float, out: FloatVoxels) -> None:
    """Stored values to real ones, both (row, column): float32 of the double that PS3.3, C.11.1.1.2 asks for."""
    stored, out = stored.reshape(-1), out.reshape(-1)
    for index in range(_INDEX(stored.shape[0])):
        out[index] = _FLOAT(stored[index] * slope + intercept)


@compiled()
def clear_unused(pixels: Voxels, mask: int, sign: int) -> None:
    """Keep the bits of `mask` of each integer, in place, and extend the bit `sign` (0: unsigned) upwards."""
    flat = pixels.reshape(-1)
    if not _has_unused(flat, np.uint16(~mask), np.uint16(sign)):
        return
    for index in range(_INDEX(flat.shape[0])):
        flat[index] = ((flat[index] & mask) ^ sign) - sign


@compiled()
def _has_unused(flat: Voxels, unused: int, sign: int) -> bool:
    """Whether `clear_unused` would change anything; it seldom does, and to look costs a tenth."""
    found = np.uint16(0)
    for index in range(_INDEX(flat.shape[0])):
        found = np.uint16(found | np.uint16(flat[index] + sign))
    return found & unused != 0


@compiled()
def read_volume(opened: OpenFiles, voxels: Voxels, blank: Mask, each: Slice2D, used_bits: tuple[int, int]) -> int:
    """Read the pixels of open files into `voxels`; `blank` says which slices are. Returns how many could be read.

    opened: file descriptors, int32, and the bytes before each one's pixels, int64. each: (slices, 2) for the slices'
    extremes, or (0, 2) where they are not wanted. used_bits: `mask` and `sign` of `clear_unused`; a mask of 0 where
    all bits are used.
    """
    (files, offsets), (mask, sign) = opened, used_bits
    looks = each.shape[0] > 0  # of volumes that are resized at once: what is in the cache is wanted there
    past_cache = voxels.nbytes >= PAST_CACHE_BYTES and not looks
    room = np.empty((ROOM_BYTES + _LINE) // voxels.itemsize, voxels.dtype)
    for index in range(files.shape[0]):
        slot = voxels[index].reshape(-1)
        by_room = past_cache or 0 < (np.int64(slot.ctypes.data) - offsets[index]) % _PAGE < _LINE
        piece = ROOM_BYTES // voxels.itemsize if by_room else slot.shape[0]
        begin = _same_place(room, offsets[index])
        for at in range(0, slot.shape[0], piece):
            part = slot[at:at + piece]
            read = room[begin:begin + part.shape[0]] if by_room else part
            if READ(files[index], read.ctypes.data, read.nbytes, offsets[index] + at * slot.itemsize) != read.nbytes:
                return index
            if looks:
                lowest, highest = _clear_and_look(read, mask, sign)
                each[index, 0] = min(each[index, 0], lowest) if at else lowest
                each[index, 1] = max(each[index, 1], highest) if at else highest
            elif mask and (sign or not by_room):
                clear_unused(read, mask, sign)
            if by_room:
                unused = _INDEX(0) if looks or sign or mask == 0 else _INDEX(~mask)
                if _copy_past_cache(read, part, unused):
                    clear_unused(part, mask, sign)
        blank[index] = each[index, 0] == each[index, 1] if looks else is_blank(slot)
    return files.shape[0]


@compiled()
def _same_place(flat: Voxels, offset: int) -> int:
    """The first index of `flat` that is as far from the begin of a line of the cache as `offset` is.

    Copies to an address that is a few bytes further into a page than their source take five times as long on AMD's
    Zen 3 (its `rep movsb`, with which Linux copies what it reads).
    """
    return (offset - np.int64(flat.ctypes.data)) % _LINE // flat.itemsize


@compiled()
def _clear_and_look(flat: Voxels, mask: int, sign: int) -> tuple[int, int]:
    """`clear_unused`, where the extremes show that it is needed; smallest and largest pixel after it."""
    lowest, highest = _wider(flat, flat[0], flat[0])
    if mask and (lowest < -sign or highest > mask - sign):
        clear_unused(flat, mask, sign)
        lowest, highest = _wider(flat, flat[0], flat[0])
    return lowest, highest


@compiled()
def _copy_past_cache(pixels: Voxels, out: Voxels, unused: int) -> bool:
    """Copy a flat array; whether a pixel has any of the bits `unused`.

    What lies before the first and behind the last whole line of the cache goes the usual way.
    """
    size, count, line = _INDEX(pixels.itemsize), _INDEX(pixels.shape[0]), _INDEX(64)
    begin, target = _INDEX(pixels.ctypes.data), _INDEX(out.ctypes.data)
    head = min((line - target % line) % line // size, count)
    lines = (count - head) * size // line
    found = copy_past_cache(begin + head * size, target + head * size, lines)
    for shift in (32, 16, 8):
        if shift >= 8 * pixels.itemsize:
            found |= found >> _INDEX(shift)
    for index in range(head):
        out[index] = pixels[index]
        found |= _INDEX(pixels[index])
    for index in range(head + lines * line // size, count):
        out[index] = pixels[index]
        found |= _INDEX(pixels[index])
    return found & unused & _INDEX((1 << 8 * pixels.itemsize) - 1) != 0


@compiled(fastmath=True)
def read_resized(opened: OpenFiles, rows: int, room: Slice2D, plan: SlicePlan, stack: FloatVoxels, each: Slice2D,
                 used_bits: tuple[int, int]) -> int:
    """Resize each slice of `rows` rows into its place in `stack`, its extremes into `each`; returns how many could be.

    A slice is read into `room` (`reading_room`) as its rows are wanted, so that they are still in the cache. opened,
    used_bits: as in `read_volume`.
    """
    (files, offsets), (mask, sign) = opened, used_bits
    around, columns, bytes_a_row, taps = room.reshape(-1), room.shape[1], room[0].nbytes, plan.down_weights.shape[1]
    usable = (room.nbytes - _LINE) // bytes_a_row
    for index in range(files.shape[0]):
        place = _same_place(around, offsets[index])
        room = around[place:place + usable * columns].reshape(usable, columns)
        out, lowest, highest = stack[index], room[0, 0], room[0, 0]
        first_kept = have = 0  # number of the row that is the first of `room`; of the first that was not read yet
        for group in range(0, out.shape[0], 8):
            first = first_row(group, out.shape[0])
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
                low, high = _clear_and_look(room[kept:kept + count].reshape(-1), mask, sign)
                lowest, highest = min(lowest, low) if have else low, max(highest, high) if have else high
                have += count
            new_rows(room, first_kept, plan, first, out, lowest, highest)
        each[index, 0], each[index, 1] = lowest, highest
    return files.shape[0]


@compiled(fastmath=True)
def _resize_all(voxels: Voxels, plan: SlicePlan, stack: FloatVoxels) -> None:
    for index in range(_INDEX(voxels.shape[0])):
        _resize(voxels[index], plan, stack[index])


@compiled(fastmath=True)
def _resize_all_to_bytes(voxels: Voxels, plan: SlicePlan, one: FloatVoxels, lowest: float, scale: float,
                         stack: ByteVoxels) -> None:
    for index in range(_INDEX(voxels.shape[0])):
        _resize(voxels[index], plan, one)
        _scaled(one.reshape(-1), lowest, scale, stack[index].reshape(-1))


@compiled(fastmath=True)
def _resize(source: Slice2D, plan: SlicePlan, out: FloatVoxels) -> tuple[float, float]:
    """Eight new rows at a time, while the old ones are in the nearest cache; smallest and largest pixel."""
    lowest = highest = source[0, 0]
    seen, rows, taps = 0, out.shape[0], plan.down_weights.shape[1]
    for group in range(0, rows, 8):
        first = first_row(group, rows)
        end = int(plan.down_start[min(first + 8, rows) - 1]) + taps
        if end > seen:
            lowest, highest = _wider(source[seen:end].reshape(-1), lowest, highest)
            seen = end
        new_rows(source, 0, plan, first, out, lowest, highest)
    return lowest, highest


@compiled()
def _wider(line: Voxels, lowest: float, highest: float) -> tuple[float, float]:
    for index in range(_INDEX(line.shape[0])):
        lowest, highest = min(lowest, line[index]), max(highest, line[index])
    return lowest, highest


@compiled(fastmath=True)
def _sums_of_lines(source: Slice2D, start: IndexArray, weights: FloatVoxels, out: FloatVoxels) -> None:
    for row in range(out.shape[0]):
        sum_of_lines(source, start[row], weights[row], out[row])


@compiled(fastmath=True)
def _sums_to_bytes(source: Slice2D, start: IndexArray, weights: FloatVoxels, line: FloatVoxels, lowest: float,
                   scale: float, out: ByteVoxels) -> None:
    for row in range(out.shape[0]):
        sum_of_lines(source, start[row], weights[row], line)
        _scaled(line, lowest, scale, out[row])


@compiled()
def _scaled(values: FloatVoxels, lowest: float, scale: float, out: ByteVoxels) -> None:
    for index in range(_INDEX(values.shape[0])):
        value = (values[index] - lowest) * scale + _FLOAT(0.5)
        out[index] = np.uint8(min(max(value, _FLOAT(0)), _FLOAT(255)))
