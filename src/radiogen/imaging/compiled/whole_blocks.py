"""Slices made four or eight times smaller: each new pixel is the mean of a whole block, summed in whole numbers.

In: open files of stored integers. Out: what `kernels.read_resized` returns, to the last bit, in less time: sums of
blocks, and their division by a power of two, are exact. Slices of 512 or 256 pixels become cubes of 64 so.
"""

import numpy as np
from numpy.typing import NDArray

from radiogen.core.types import FloatVoxels, Shape2D, Slice2D, Voxels
from radiogen.imaging.compiled.compiling import compiled
from radiogen.imaging.compiled.slice_plans import ROOM_BYTES, OpenFiles
from radiogen.imaging.compiled.system_calls import READ

_INDEX = np.uint64
_ONE, _TWO, _THREE, _FOUR, _16, _32 = (_INDEX(number) for number in (1, 2, 3, 4, 16, 32))
_EVEN, _LOW = _INDEX(0x0000_FFFF_0000_FFFF), _INDEX(0xFFFF_FFFF)
_RATIOS = (4, 8)


def read_means(opened: OpenFiles, shape: Shape2D, stack: FloatVoxels, each: Slice2D,
               used_bits: tuple[int, int]) -> int | None:
    """Slices of `shape` (rows, columns) into `stack`, float32; their smallest and largest pixel into `each`.

    opened, used_bits: as in `kernels.read_volume`. Returns how many slices could be read. None where blocks are no 4
    or 8 pixels high and wide, where a pixel is negative, has bits above its own, or is so bright that a block's column
    may exceed 16 bits: those are for `kernels.read_resized`.
    """
    mask, sign = used_bits
    ratios = [old // new if old % new == 0 else 0 for old, new in zip(shape, stack.shape[1:], strict=True)]
    if any(ratio not in _RATIOS for ratio in ratios):
        return None
    lines = min(max(ROOM_BYTES // (ratios[0] * shape[1] * each.itemsize), 1), stack.shape[1])
    room, sums = np.empty((lines * ratios[0], shape[1]), each.dtype), np.empty((lines, shape[1]), np.uint16)
    most = (sign - 1 if sign else mask) if mask else 0xFFFF  # brighter ones have bits above their own
    read = _read_means(opened, (ratios[0], ratios[1]), room, sums, stack, each, min(most, 0xFFFF // ratios[0]))
    return None if read < 0 else read


@compiled()
def _read_means(opened: OpenFiles, ratios: tuple[int, int], room: Slice2D, sums: NDArray[np.uint16],
                stack: FloatVoxels, each: Slice2D, most: int) -> int:
    """How many slices could be read; -1 where a pixel is not in 0 to `most`.

    ratios: old rows and columns of a new one. room: rows as they are read. sums: of a new row's old ones.
    """
    (files, offsets), (down, across) = opened, ratios
    bytes_a_row, scale = room[0].nbytes, np.float32(1 / (down * across))
    for index in range(files.shape[0]):
        out, lowest, highest = stack[index], room[0, 0], room[0, 0]
        for first in range(0, out.shape[0], sums.shape[0]):
            lines = min(sums.shape[0], out.shape[0] - first)
            wanted, behind = lines * down * bytes_a_row, first * down * bytes_a_row
            if READ(files[index], room.ctypes.data, wanted, offsets[index] + behind) != wanted:
                return index
            if first == 0:
                lowest = highest = room[0, 0]
            lowest, highest = _sums_of_rows(room.reshape(-1), _INDEX(room.shape[1]), _INDEX(lines), _INDEX(down),
                                            sums.reshape(-1), lowest, highest)
            _means_along_rows(sums.reshape(-1).view(np.uint64), across, scale, out[first:first + lines].reshape(-1))
        each[index, 0], each[index, 1] = lowest, highest
        if lowest < 0 or highest > most:
            return -1
    return files.shape[0]


@compiled()
def _sums_of_rows(pixels: Voxels, columns: np.uint64, lines: np.uint64, down: np.uint64, sums: NDArray[np.uint16],
                  lowest: int, highest: int) -> tuple[int, int]:
    """Each line of `sums` is that of the next `down` rows; smallest and largest pixel of all, and of those given.

    Flat arrays: to take out a row costs more than to sum it up.
    """
    for line in range(lines):
        for tap in range(_INDEX(0), down, _FOUR):
            row, total = (line * down + tap) * columns, line * columns
            for column in range(columns):
                a, b = pixels[row + column], pixels[row + columns + column]
                c, d = pixels[row + _TWO * columns + column], pixels[row + _THREE * columns + column]
                four = np.uint16(a + b + c + d)
                sums[total + column] = four + sums[total + column] if tap else four
                lowest, highest = min(lowest, min(min(a, b), min(c, d))), max(highest, max(max(a, b), max(c, d)))
    return lowest, highest


@compiled()
def _means_along_rows(quads: NDArray[np.uint64], across: int, scale: np.float32, out: FloatVoxels) -> None:
    """quads: four neighbouring sums in each 64 bits."""
    if across == 4:
        for place in range(_INDEX(out.shape[0])):
            out[place] = np.float32(_folded(_pairs(quads[place]))) * scale
    else:
        for place in range(_INDEX(out.shape[0])):
            out[place] = np.float32(_folded(_pairs(quads[_TWO * place]) + _pairs(quads[_TWO * place + _ONE]))) * scale


@compiled()
def _pairs(quad: np.uint64) -> np.uint64:
    """The sums of the two even and the two odd numbers of 16 bits, as numbers of 32 bits."""
    return (quad & _EVEN) + ((quad >> _16) & _EVEN)


@compiled()
def _folded(pair: np.uint64) -> np.int32:
    """The sum of two numbers of 32 bits."""
    return np.int32((pair & _LOW) + (pair >> _32))
