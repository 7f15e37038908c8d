"""Native pixels read straight from their files into their places in the volume.

In: slice headers in the volume's order. Out: voxels, which slices are blank, and which could not be read. Frames of one
file, tiles of one mosaic and files of one slice are the same to this: a descriptor, an offset and a length.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from radiogen.core.types import Slice2D
from radiogen.imaging.compiled import kernels
from radiogen.imaging.dicom.headers import NotAnImage, PixelStorage, SliceHeader, unreadable
from radiogen.imaging.dicom.pixels import cells_to_values, cut_tile, frame_values, real_values, stored_dtype
from radiogen.imaging.fast.files import ScannedFiles
from radiogen.imaging.findings import FindingCode

_COMPILED = (np.uint8, np.uint16, np.int16)
"""Stored values that kernels are compiled for; others are rare and go through NumPy."""


def is_native(slices: Sequence[SliceHeader]) -> bool:
    """Whether the pixels of these slices can be read by `read_native`."""
    storages = {id(header.storage): header.storage for header in slices}.values()
    return not any(storage.compressed or storage.big_endian or storage.content is not None for storage in storages)


def used_bits(storage: PixelStorage) -> tuple[int, int] | None:
    """`mask` and `sign` of `kernels.clear_unused`; a mask of 0 where a value fills its cell.

    None where the value does not begin at the lowest bit of a cell of its own.
    """
    if storage.bits_allocated == 12:
        return None
    if storage.bits_stored == storage.bits_allocated or storage.floating:
        return 0, 0
    if storage.high_bit + 1 > storage.bits_stored:
        return None
    return (1 << storage.bits_stored) - 1, 1 << storage.bits_stored - 1 if storage.signed else 0


def read_native(slices: Sequence[SliceHeader], voxels: np.ndarray, rescale: bool, scanned: ScannedFiles
                ) -> tuple[list[float | None], dict[int, NotAnImage]]:
    """Read the slices into `voxels` (slices, rows, columns), as `pixels.real_values` has them.

    Returns by slice its one value where it is blank, else None; and by index why a slice could not be read.
    """
    with _descriptors(slices, scanned) as (files, bad):
        offsets = [header.storage.offset + header.frame * (header.storage.frame_bits // 8) for header in slices]
        bits = {used_bits(header.storage) for header in slices}
        same = bits.pop() if len(bits) == 1 else None
        straight = (not rescale and not bad and same is not None and voxels.dtype in _COMPILED
                    and all(header.tile is None and not header.storage.inverted and not header.storage.floating
                            and stored_dtype(header.storage) == voxels.dtype for header in slices))
        if same is not None and straight:
            blank = _read_straight(files, offsets, voxels, same, bad)
        else:
            blank = _read_each(slices, files, offsets, voxels, rescale, bad)
    return [voxels[place, 0, 0] if is_blank else None for place, is_blank in enumerate(blank)], bad


@contextlib.contextmanager
def _descriptors(slices: Sequence[SliceHeader], scanned: ScannedFiles
                 ) -> Iterator[tuple[list[int], dict[int, NotAnImage]]]:
    """An open file for each slice, and by index why some could not be opened; those not held open are opened here."""
    opened: dict[Path, int] = {}
    files: list[int] = []
    bad: dict[int, NotAnImage] = {}
    try:
        for index, header in enumerate(slices):
            path = header.storage.path
            descriptor = scanned.descriptor_of(path)
            if descriptor is None or descriptor < 0:
                descriptor = opened.get(path, -1)
            if descriptor < 0:
                try:
                    opened[path] = descriptor = os.open(path, os.O_RDONLY)
                except OSError as error:
                    bad[index] = unreadable(error)
            files.append(descriptor)
        yield files, bad
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def _read_straight(files: list[int], offsets: list[int], voxels: np.ndarray, bits: tuple[int, int],
                   bad: dict[int, NotAnImage]) -> list[bool]:
    """Read stored integers that are the voxels in one call of compiled code; slices that are cut off go to `bad`."""
    blank, none = np.zeros(len(files), np.bool_), np.empty((0, 2), voxels.dtype)
    numbers, places = np.array(files, np.int32), np.array(offsets, np.int64)
    begin = 0
    while begin < len(files):
        begin += kernels.read_volume((numbers[begin:], places[begin:]), voxels[begin:], blank[begin:], none, bits)
        if begin < len(files):
            problem = read_frame(files[begin], offsets[begin], voxels[begin])
            bad[begin] = problem or NotAnImage(FindingCode.FILE_CHANGED)
            voxels[begin] = 0
            begin += 1
    return blank.tolist()


def _read_each(slices: Sequence[SliceHeader], files: list[int], offsets: list[int], voxels: np.ndarray, rescale: bool,
               bad: dict[int, NotAnImage]) -> list[bool]:
    """Read slice by slice what has to be cut out, rescaled or inverted; a frame of several tiles is read once."""
    blank: list[bool] = []
    frame: Slice2D | NotAnImage = np.empty((0, 0), np.uint8)
    frame_of, room = None, np.empty(0)
    for index, header in enumerate(slices):
        if index not in bad and (header.tile is None or frame_of != (files[index], offsets[index])):
            frame_of, storage = (files[index], offsets[index]), header.storage
            if room.shape != (storage.rows, storage.columns) or room.dtype != stored_dtype(storage):
                room = np.empty((storage.rows, storage.columns), stored_dtype(storage))
            frame = _stored_frame(header, *frame_of, room)
        if index not in bad and isinstance(frame, NotAnImage):
            bad[index] = frame
        if index in bad or isinstance(frame, NotAnImage):
            voxels[index] = 0
            blank.append(False)
            continue
        _convert(cut_tile(frame, header), header, rescale, voxels[index])
        blank.append(kernels.is_blank(voxels[index]) if voxels.dtype in (*_COMPILED, np.float32)
                     else bool((voxels[index] == voxels[index, 0, 0]).all()))
    return blank


def _stored_frame(header: SliceHeader, file: int, offset: int, room: np.ndarray) -> np.ndarray | NotAnImage:
    """The stored values of a slice's frame, in `room` where they have cells of their own."""
    if header.storage.bits_allocated == 12:
        return frame_values(header.storage, header.frame)
    problem = read_frame(file, offset, room)
    if problem is not None:
        return problem
    _clear_unused(room, header.storage)
    return room


def read_frame(file: int, offset: int, frame: np.ndarray) -> NotAnImage | None:
    """Read one frame; why it could not be read, else None."""
    try:
        read = os.preadv(file, [frame.data], offset)
    except OSError as error:
        return unreadable(error)
    return None if read == frame.nbytes else NotAnImage(FindingCode.PIXELS_CUT_OFF)


def _clear_unused(frame: np.ndarray, storage: PixelStorage) -> None:
    bits = used_bits(storage)
    if bits is None or (bits[0] and frame.dtype not in _COMPILED):
        frame[...] = cells_to_values(frame, storage)
    elif bits[0]:
        kernels.clear_unused(frame, *bits)


def _convert(stored: np.ndarray, header: SliceHeader, rescale: bool, out: np.ndarray) -> None:
    """As `pixels.real_values`, in compiled code where the values are the usual ones."""
    if rescale and not header.storage.inverted and stored.dtype in _COMPILED and header.tile is None:
        kernels.rescale(stored, header.slope, header.intercept, out)
    else:
        out[...] = real_values(stored, header, rescale)
