"""Compressed pixels: the fragments of a file's frames are found, checked and decoded (PS3.5, 8.2 and annex A.4).

In: the Pixel Data element of an encapsulated transfer syntax. Out: one frame as an array (row, column), or `NotAnImage`
for one that is cut off, damaged or another image than its DICOM header declares. imagecodecs decodes (libjpeg-turbo,
CharLS, OpenJPEG, PackBits); it leaves the GIL, and the stream's own header says which decoder it needs. A decoder fills
up what is missing from a JPEG stream without an error, so each stream must have its end marker.
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from radiogen.core.errors import short_reason
from radiogen.imaging.dicom.headers import NotAnImage, PixelStorage
from radiogen.imaging.findings import FindingCode

RLE = "1.2.840.10008.1.2.5"
SYNTAXES = frozenset({RLE, *(f"1.2.840.10008.1.2.4.{number}" for number in (
    50, 51, 57, 70,    # JPEG: baseline, extended, lossless, lossless of first order
    80, 81,            # JPEG-LS: lossless, near lossless
    90, 91,            # JPEG 2000: lossless, either
    201, 202, 203))})  # high-throughput JPEG 2000: lossless, lossless with RPCL, either
"""The compressed transfer syntaxes that are decoded (PS3.6, table A-1)."""
_LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 81, 91, 203))

_ITEM, _DELIMITED = struct.Struct("<HHI"), (0xFFFE, 0xE000)
_JPEG, _JPEG_2000, _JP2_BOX = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  "
_END = b"\xff\xd9"
"""End of image (JPEG, T.81 table B.1; JPEG-LS) and end of codestream (JPEG 2000, T.800 table A.2)."""
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers SOF0 to SOF15 (T.81, table B.1) and SOF55 (JPEG-LS, T.87)."""
_SCAN, _JPEG_LS = 0xDA, 0xF7
_DECODER_ERRORS = (RuntimeError, ValueError)
"""What imagecodecs raises: each codec's error is a RuntimeError; ValueError, where a stream has another shape."""


@dataclass(frozen=True)
class EncodedPixels:
    """The Pixel Data of one file and, for each of its frames, where the fragments lie in it: (first byte, length)."""

    storage: PixelStorage
    content: bytes
    frames: tuple[tuple[tuple[int, int], ...], ...]


class _StreamHeader(NamedTuple):
    """What a JPEG, JPEG-LS or JPEG 2000 stream declares of its image. scan: the byte behind which pixels lie."""

    codec: str
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    scan: int


def find_frames(content: bytes, storage: PixelStorage) -> EncodedPixels:
    """Find the fragments of all frames, in one pass over the items (PS3.5, A.4).

    Frames are separated by the basic offset table where it fits the fragments, else by their number, else by the
    markers with which streams begin. With an extended offset table every frame is one fragment (PS3.3, C.7.6.3.1.8).
    Frames that are cut off are left out at the end. Raises NotAnImage for a transfer syntax that is not decoded.
    """
    if storage.syntax not in SYNTAXES or storage.floating:
        raise NotAnImage(FindingCode.COMPRESSION_UNKNOWN, syntax=storage.syntax)
    (start, length), *fragments = _items(content) or [(0, 0)]
    table = content[start:start + length]
    offsets = np.frombuffer(table, "<u4", len(table) // 4).astype(np.int64)
    frames = _by_table(fragments, offsets, storage.frames, len(content)) or _by_markers(fragments, content, storage)
    return EncodedPixels(storage, content, tuple(map(tuple, frames)))


def decode_frame(encoded: EncodedPixels, frame: int) -> np.ndarray:
    """Decode one frame: (row, column), integers, signed where the DICOM header says so; safe to call from threads.

    Values have the sign that pydicom returns: JPEG-LS knows none, and JPEG 2000 streams are often written with the
    wrong one. Raises NotAnImage where fragments or the end marker are missing, where the stream declares another
    matrix or more bits than the DICOM header, or where the decoder refuses it.
    """
    storage = encoded.storage
    fragments = encoded.frames[frame] if frame < len(encoded.frames) else ()
    if not fragments or any(start + length > len(encoded.content) for start, length in fragments):
        raise NotAnImage(FindingCode.PIXELS_CUT_OFF)
    stream = b"".join(encoded.content[start:start + length] for start, length in fragments)
    if storage.syntax == RLE:
        return _run_lengths(stream, storage)
    header = _read_stream_header(stream)
    _check(header, storage)
    if stream.find(_END, header.scan) < 0:
        raise NotAnImage(FindingCode.PIXELS_CUT_OFF)
    cells = _with_sign(_decode(stream, header), header, storage)
    lifted = storage.syntax in _LOSSY and header.precision > storage.bits_stored
    return _within_range(cells, storage) if lifted else cells


def _read_stream_header(stream: bytes) -> _StreamHeader:
    """The frame header of a JPEG or JPEG-LS stream (T.81, B.2.2), or SIZ of a JPEG 2000 one (T.800, A.5.1).

    Raises NotAnImage where there is none.
    """
    try:
        return _jpeg_header(stream) if stream.startswith(_JPEG) else _jpeg_2000_header(stream)
    except (struct.error, IndexError):
        raise NotAnImage(FindingCode.PIXELS_CUT_OFF) from None  # within its header


def _items(content: bytes) -> list[tuple[int, int]]:
    """First byte and length of the value of each item, up to the sequence's delimiter or what is no item.

    The first is the basic offset table. The last one may be longer than what is there.
    """
    items, position = [], 0
    while position + _ITEM.size <= len(content):
        *tag, length = _ITEM.unpack_from(content, position)
        if tuple(tag) != _DELIMITED:
            break
        position += _ITEM.size
        items.append((position, length))
        position += length
    return items


def _by_table(fragments: list[tuple[int, int]], offsets: np.ndarray, frames: int,
              size: int) -> list[list[tuple[int, int]]]:
    """The fragments of each frame by the basic offset table; none where the table does not fit them.

    Offsets count from the first item behind the table. Of a file that is cut off, the table may reach further.
    """
    if len(offsets) != frames or not fragments or offsets[0] != 0 or np.any(np.diff(offsets) <= 0):
        return []
    starts = np.array([start for start, _ in fragments]) - fragments[0][0]
    there = offsets[fragments[0][0] + offsets < size]
    if not np.isin(there, starts).all():
        return []
    found: list[list[tuple[int, int]]] = [[] for _ in there]
    for fragment, frame in zip(fragments, np.searchsorted(there, starts, side="right") - 1, strict=True):
        found[frame].append(fragment)
    return found


def _by_markers(fragments: list[tuple[int, int]], content: bytes,
                storage: PixelStorage) -> list[list[tuple[int, int]]]:
    fragments = [each for each in fragments if each[1]]
    if storage.frames == 1:
        return [fragments]
    if len(fragments) == storage.frames or storage.syntax == RLE:
        return [[each] for each in fragments]
    frames: list[list[tuple[int, int]]] = []
    for start, length in fragments:
        if not frames or content[start:start + 8].startswith((_JPEG, _JPEG_2000, _JP2_BOX)):
            frames.append([])
        frames[-1].append((start, length))
    return frames


def _jpeg_header(stream: bytes) -> _StreamHeader:
    position, found = 2, None
    while (marker := stream[position + 1]) != _SCAN:
        if stream[position] != 0xFF:
            raise NotAnImage(FindingCode.STREAM_WITHOUT_MARKER)
        if marker == 0xFF:  # markers may be preceded by fill bytes
            position += 1
            continue
        length, = struct.unpack_from(">H", stream, position + 2)
        if marker in _FRAME_HEADERS:
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, position + 4)
            codec = "JPEG-LS" if marker == _JPEG_LS else "JPEG"
            found = _StreamHeader(codec, rows, columns, components, precision, False, 0)
        position += 2 + length
    if found is None:
        raise NotAnImage(FindingCode.STREAM_WITHOUT_FRAME_HEADER)
    return found._replace(scan=position)


def _jpeg_2000_header(stream: bytes) -> _StreamHeader:
    start = stream.find(_JPEG_2000) if stream.startswith(_JP2_BOX) else 0
    if start < 0 or not stream.startswith(_JPEG_2000, start):
        raise NotAnImage(FindingCode.STREAM_UNKNOWN)
    right, bottom, left, top = struct.unpack_from(">4I", stream, start + 8)
    components, depth = struct.unpack_from(">HB", stream, start + 40)
    return _StreamHeader("JPEG 2000", bottom - top, right - left, components, (depth & 0x7F) + 1, depth >= 0x80,
                        start + 43)


def _check(header: _StreamHeader, storage: PixelStorage) -> None:
    if header.components != 1:
        raise NotAnImage(FindingCode.STREAM_COLOUR, components=header.components, codec=header.codec)
    if (header.rows, header.columns) != (storage.rows, storage.columns):
        raise NotAnImage(FindingCode.STREAM_OTHER_SIZE, rows=header.rows, columns=header.columns,
                         header_rows=storage.rows, header_columns=storage.columns)
    if not 1 <= header.precision <= storage.bits_allocated:
        raise NotAnImage(FindingCode.STREAM_OTHER_BITS, precision=header.precision, allocated=storage.bits_allocated)


def _decode(stream: bytes, header: _StreamHeader) -> np.ndarray:
    import imagecodecs

    width = next(width for width in (1, 2, 4) if header.precision <= 8 * width)
    cells = np.empty((header.rows, header.columns), f"{'i' if header.signed else 'u'}{width}")
    try:
        if header.codec == "JPEG":
            return imagecodecs.jpeg8_decode(stream, out=cells)
        if header.codec == "JPEG-LS":
            return imagecodecs.jpegls_decode(stream, out=cells)
        return imagecodecs.jpeg2k_decode(stream, numthreads=1, out=cells)
    except _DECODER_ERRORS as error:
        if "memory" in str(error).lower():  # libjpeg's and CharLS's own words; says nothing of the pixels
            raise MemoryError(str(error)) from error
        raise NotAnImage(FindingCode.STREAM_DAMAGED, error=short_reason(error)) from error


def _with_sign(cells: np.ndarray, header: _StreamHeader, storage: PixelStorage) -> np.ndarray:
    """The low bits of the stream's precision as the number that Pixel Representation makes of them."""
    width = cells.dtype.itemsize
    spare = 8 * width - header.precision
    if not storage.signed:
        return cells.view(f"u{width}") & np.array((1 << header.precision) - 1, f"u{width}") if header.signed else cells
    if header.codec == "JPEG" and header.precision < storage.bits_stored and (cells >> (header.precision - 1)).any():
        raise NotAnImage(FindingCode.STREAM_SIGN_LOST, precision=header.precision, stored=storage.bits_stored)
    return (cells.view(f"u{width}") << spare).view(f"i{width}") >> spare


def _within_range(cells: np.ndarray, storage: PixelStorage) -> np.ndarray:
    """Loss may lift a value above what its stored bits hold: it is clipped, for cut to its bits 4096 would become 0."""
    low, high = (-1 << storage.bits_stored - 1, (1 << storage.bits_stored - 1) - 1) if storage.signed else (
        0, (1 << storage.bits_stored) - 1)
    return np.clip(cells, low, high)


def _run_lengths(stream: bytes, storage: PixelStorage) -> np.ndarray:
    """RLE (PS3.5, annex G): a segment of PackBits for each byte of the cells, the most significant one first."""
    import imagecodecs

    if len(stream) < 64:
        raise NotAnImage(FindingCode.PIXELS_CUT_OFF)
    count, *starts = struct.unpack_from("<16I", stream)
    width, pixels = (storage.bits_allocated + 7) // 8, storage.rows * storage.columns
    if count != width or not all(begin < end for begin, end in pairwise([63, *starts[:count], len(stream)])):
        raise NotAnImage(FindingCode.RUN_LENGTHS_DAMAGED, segments=count, bytes=width)
    cells = np.empty((pixels, width), np.uint8)
    for index, (begin, end) in enumerate(pairwise([*starts[:count], len(stream)])):
        try:
            plane = imagecodecs.packbits_decode(stream[begin:end])
        except _DECODER_ERRORS as error:
            raise NotAnImage(FindingCode.STREAM_DAMAGED, error=short_reason(error)) from error
        if len(plane) < pixels:
            raise NotAnImage(FindingCode.PIXELS_CUT_OFF)
        if len(plane) > pixels + 1:  # a byte is padding, more is another matrix
            raise NotAnImage(FindingCode.STREAM_TOO_LONG)
        cells[:, index] = np.frombuffer(plane, np.uint8, pixels)
    kind = "i" if storage.signed else "u"
    return cells.view(f">{kind}{width}").astype(f"{kind}{width}").reshape(storage.rows, storage.columns)
