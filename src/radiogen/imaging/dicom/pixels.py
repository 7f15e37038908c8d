"""From a `SliceHeader` to its pixels: read, unpacked or decompressed, rescaled.

In: headers whose files may be damaged. Out: arrays (row, column) in the machine's byte order. Uncompressed pixels are
read straight from their place in the file; decoding.py decodes compressed ones. A slice that cannot be read is handed
back as `NotAnImage`, so that one bad file does not cost the series.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count, groupby
from typing import Literal

import numpy as np

from radiogen.imaging.dicom.decoding import RLE, EncodedPixels, decode_frame, find_frames
from radiogen.imaging.dicom.headers import NotAnImage, PixelStorage, SliceHeader, unreadable
from radiogen.imaging.findings import FindingCode

Job = Callable[[], np.ndarray | NotAnImage]
"""Reads one frame."""


def read_pixels(slices: Sequence[SliceHeader], threads: int = 1) -> Iterator[np.ndarray | NotAnImage]:
    """Stored values of each slice, (row, column), integer (or float where the file holds floats), in the given order.

    A file's compressed bytes and a mosaic's frame are read once for all neighbours in `slices` that share them.
    threads: up to so many frames are read and decoded at once, and no more than twice as many are kept ahead of the
    one that is handed out; the values and their order are the same for every number.
    """
    for headers, frame in _in_order(_jobs(slices), threads):
        for header in headers:
            yield frame if isinstance(frame, NotAnImage) else cut_tile(frame, header)


def is_rescaled(header: SliceHeader) -> bool:
    """Whether stored values are not yet the values meant (PS3.3, C.11.1.1.2)."""
    return (header.slope, header.intercept) != (1.0, 0.0)


def real_values(stored: np.ndarray, header: SliceHeader, rescale: bool) -> np.ndarray:
    """Stored values turned so that bright means more (MONOCHROME1), and as float32 rescaled where `rescale` says so."""
    if header.storage.inverted:
        stored = _inverted(stored, header.storage)
    if not rescale:
        return stored
    return (stored.astype(np.float64) * header.slope + header.intercept).astype(np.float32)


def stored_dtype(storage: PixelStorage) -> np.dtype:
    """The dtype that `read_pixels` returns for this storage."""
    if storage.floating:
        return np.dtype(f"f{storage.bits_allocated // 8}")
    return np.dtype(f"{'i' if storage.signed else 'u'}{max(1, (storage.bits_allocated + 7) // 8)}")


def _jobs(slices: Sequence[SliceHeader]) -> Iterator[tuple[list[SliceHeader], Job]]:
    """The tiles of each mosaic, or one slice, and what reads the frame in which they lie.

    The fragments of a file's frames are found once for all of them.
    """
    number = count()
    encoded: EncodedPixels | NotAnImage | None = None
    for _, group in groupby(slices, lambda each: (each.path, each.frame) if each.tile else next(number)):
        headers = list(group)
        storage, frame = headers[0].storage, headers[0].frame
        if storage.compressed and storage.frames > 1:
            if not isinstance(encoded, EncodedPixels) or encoded.storage is not storage:
                encoded = _encoded(storage)
            yield headers, partial(frame_values, storage, frame, encoded)
        else:
            yield headers, partial(frame_values, storage, frame)


def _in_order(jobs: Iterator[tuple[list[SliceHeader], Job]],
              threads: int) -> Iterator[tuple[list[SliceHeader], np.ndarray | NotAnImage]]:
    if threads <= 1:
        for headers, job in jobs:
            yield headers, job()
        return
    ahead: deque[tuple[list[SliceHeader], Future]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for headers, job in jobs:
            ahead.append((headers, pool.submit(job)))
            if len(ahead) >= 2 * threads:
                headers, frame = ahead.popleft()
                yield headers, frame.result()
        for headers, frame in ahead:
            yield headers, frame.result()
    finally:
        pool.shutdown(cancel_futures=True)


def frame_values(storage: PixelStorage, frame: int, encoded: EncodedPixels | NotAnImage | None = None
                 ) -> np.ndarray | NotAnImage:
    """One frame's stored values (row, column); `encoded` is given where its file holds several compressed frames."""
    try:
        if not storage.compressed:
            return cells_to_values(_native(storage, frame), storage)
        encoded = encoded or _encoded(storage)
        if isinstance(encoded, NotAnImage):
            return encoded
        cells = decode_frame(encoded, frame).astype(stored_dtype(storage), copy=False)
        return cells_to_values(cells, storage)
    except NotAnImage as problem:
        return problem


def _encoded(storage: PixelStorage) -> EncodedPixels | NotAnImage:
    try:
        return find_frames(_read(storage, storage.offset, storage.length), storage)
    except NotAnImage as problem:
        return problem


def _read(storage: PixelStorage, offset: int, length: int) -> bytes:
    if storage.content is not None:
        content = storage.content[offset:offset + length]
    else:
        try:
            with storage.path.open("rb") as file:
                file.seek(offset)
                content = file.read(length)
        except OSError as error:
            raise unreadable(error) from error
    if len(content) < length:
        raise NotAnImage(FindingCode.PIXELS_CUT_OFF)
    return content


def _native(storage: PixelStorage, frame: int) -> np.ndarray:
    if storage.bits_allocated == 12:
        return _twelve_bits(storage, frame)
    size = storage.frame_bits // 8
    content = _read(storage, storage.offset + frame * size, size)
    if storage.bits_allocated == 8 and storage.big_endian and storage.words:
        content = np.frombuffer(_even(content), "u2").byteswap().tobytes()[:size]
    order: Literal[">", "<"] = ">" if storage.big_endian else "<"
    cells = np.frombuffer(content, stored_dtype(storage).newbyteorder(order))
    return cells.astype(stored_dtype(storage), copy=False).reshape(storage.rows, storage.columns)


def _twelve_bits(storage: PixelStorage, frame: int) -> np.ndarray:
    """Two pixels in three bytes, low bits first (PS3.5, annex D, figure D.2-1)."""
    count = storage.rows * storage.columns
    before = frame * count
    first = before - before % 2
    pairs = (before + count - first + 1) // 2
    wanted = min(pairs * 3, storage.length - first * 3 // 2)
    content = _read(storage, storage.offset + first * 3 // 2, wanted)
    if storage.big_endian:
        content = np.frombuffer(_even(content), "u2").byteswap().tobytes()
    triples = np.frombuffer(content.ljust(pairs * 3, b"\0")[:pairs * 3], np.uint8).reshape(-1, 3).astype(np.uint16)
    cells = np.empty((pairs, 2), np.uint16)
    cells[:, 0] = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    cells[:, 1] = triples[:, 1] >> 4 | triples[:, 2] << 4
    chosen = cells.reshape(-1)[before - first:before - first + count]
    return chosen.view(stored_dtype(storage)).reshape(storage.rows, storage.columns)


def _even(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)


def cells_to_values(cells: np.ndarray, storage: PixelStorage) -> np.ndarray:
    """Take the stored bits out of their cells (PS3.5, 8.1.1): bits above High Bit are no part of the value.

    Whatever is in them, an overlay or what a scanner left there, is cut off; a signed value is extended from High
    Bit. Compressed values come without the bits below them, but for RLE, which keeps whole cells.
    """
    width = cells.dtype.itemsize * 8
    if storage.floating or storage.bits_stored == width:
        return cells
    below = storage.high_bit + 1 - storage.bits_stored
    shifted = storage.syntax == RLE or not storage.compressed
    if not shifted or not 0 < below <= storage.bits_allocated - storage.bits_stored:
        below = 0
    above = width - storage.bits_stored - below
    unsigned = cells.view(f"u{cells.dtype.itemsize}") << above
    return unsigned.view(cells.dtype) >> (above + below)


def _inverted(stored: np.ndarray, storage: PixelStorage) -> np.ndarray:
    if storage.floating:
        return -stored
    if storage.signed:
        return ~stored
    top = (1 << storage.bits_stored) - 1
    return top - np.minimum(stored, np.array(top, stored.dtype))


def cut_tile(frame: np.ndarray, header: SliceHeader) -> np.ndarray:
    """The slice's own part of a frame (row, column): all of it, or its tile of a mosaic."""
    if header.tile is None:
        return frame
    top, left = header.tile
    return frame[top:top + header.rows, left:left + header.columns]
