"""From a `SliceHeader` to its pixels: read, unpacked or decompressed, rescaled.

In: headers whose files may be damaged. Out: arrays (row, column) in the machine's byte order. Uncompressed pixels are
read straight from their place in the file; compressed ones are decoded by pydicom with pylibjpeg. A slice that cannot
be read is handed back as `NotAnImage`, so that one bad file does not cost the series.
"""

import re
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from radiogen.errors import short_reason
from radiogen.imaging.headers import NotAnImage, PixelStorage, SliceHeader

_RLE = "1.2.840.10008.1.2.5"
_RLE_PADDING = re.compile(r"padding - (\d+) vs\. (\d+) bytes")
"""What pydicom warns of where a segment holds more than a frame: a byte is padding, more is another matrix."""


def read_pixels(slices: Sequence[SliceHeader], threads: int = 1) -> Iterator[np.ndarray | NotAnImage]:
    """Stored values of each slice, (row, column), integer (or float where the file holds floats), in the given order.

    A file's compressed bytes and a mosaic's frame are read once for all neighbours in `slices` that share them.
    """
    content, content_of, frame, frame_of = b"", None, None, None
    for header in slices:
        storage = header.storage
        try:
            if storage.compressed and content_of is not storage:
                content, content_of = _read(storage, storage.offset, storage.length), storage
            if frame_of != (storage.path, header.frame) or header.tile is None:
                frame = _decompressed(storage, content, header.frame) if storage.compressed else _native(
                    storage, header.frame)
                frame, frame_of = cells_to_values(frame, storage), (storage.path, header.frame)
            yield cut_tile(frame, header)
        except NotAnImage as problem:
            yield problem
        except Exception as error:  # a damaged stream makes the decoders raise nearly anything
            yield NotAnImage(f"damaged pixels ({short_reason(error)})")


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
    """The dtype that `read_pixels` gives for this storage."""
    if storage.floating:
        return np.dtype(f"f{storage.bits_allocated // 8}")
    return np.dtype(f"{'i' if storage.signed else 'u'}{max(1, (storage.bits_allocated + 7) // 8)}")


def _read(storage: PixelStorage, offset: int, length: int) -> bytes:
    if storage.content is not None:
        content = storage.content[offset:offset + length]
    else:
        try:
            with storage.path.open("rb") as file:
                file.seek(offset)
                content = file.read(length)
        except OSError as error:
            raise NotAnImage(f"not readable ({error.strerror or error})") from error
    if len(content) < length:
        raise NotAnImage("cut off in its pixels")
    return content


def _native(storage: PixelStorage, frame: int) -> np.ndarray:
    if storage.bits_allocated == 12:
        return _twelve_bits(storage, frame)
    size = storage.frame_bits // 8
    content = _read(storage, storage.offset + frame * size, size)
    if storage.bits_allocated == 8 and storage.big_endian and storage.words:
        content = np.frombuffer(_even(content), "u2").byteswap().tobytes()[:size]
    order = ">" if storage.big_endian else "<"
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


def _decompressed(storage: PixelStorage, content: bytes, frame: int) -> np.ndarray:
    from pydicom.pixels import get_decoder

    try:
        decoder = get_decoder(storage.syntax)
    except NotImplementedError:
        raise NotAnImage(f"compressed in a way that is not known here (transfer syntax {storage.syntax})") from None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cells, _ = decoder.as_array(
            content, index=frame, raw=True, rows=storage.rows, columns=storage.columns, samples_per_pixel=1,
            photometric_interpretation="MONOCHROME1" if storage.inverted else "MONOCHROME2",
            bits_allocated=storage.bits_allocated, bits_stored=storage.bits_stored,
            pixel_representation=int(storage.signed), number_of_frames=storage.frames, pixel_keyword="PixelData",
            # pylibjpeg's own RLE decoder leaves Python by a panic when a run is damaged
            decoding_plugin="pydicom" if storage.syntax == _RLE else "")
    spare = [_RLE_PADDING.search(str(each.message)) for each in told]
    if any(found and int(found[1]) > int(found[2]) + 1 for found in spare):
        raise NotAnImage("decodes to more pixels than its rows and columns tell")
    return cells.astype(stored_dtype(storage), copy=False)


def cells_to_values(cells: np.ndarray, storage: PixelStorage) -> np.ndarray:
    """Take the stored bits out of their cells (PS3.5, 8.1.1): bits above High Bit are no part of the value.

    Whatever stands in them, an overlay or what a scanner left there, is cut off; a signed value is extended from High
    Bit. Compressed values come without the bits below them.
    """
    width = cells.dtype.itemsize * 8
    if storage.floating or storage.bits_stored == width:
        return cells
    below = storage.high_bit + 1 - storage.bits_stored
    if storage.compressed or not 0 < below <= storage.bits_allocated - storage.bits_stored:
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
