"""Which files of a folder, and which frames of a file, state the same: compiled comparisons of header values.

In: the tables that scan.py and groups.py fill. Out: for each file or frame the first that is like it, so that a header
is parsed once for all that differ in their place alone.
"""

import numpy as np

from radiogen.core.types import ByteBuffer, IntTable, Mask
from radiogen.imaging.compiled.compiling import compiled
from radiogen.imaging.fast.elements import ANY, REPRESENTATIONS
from radiogen.imaging.fast.elements_at import same_bytes
from radiogen.imaging.fast.scan import FILE_SIZE, PIXELS

_BASIS, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)
"""Of FNV-1a, a hash that finds the likely one; all bytes are compared then."""


@compiled()
def same_values(store: ByteBuffer, spans: IntTable) -> Mask:
    """(files, elements) bool: whether a file has the value of the first; values that are not in `store` differ."""
    same = np.ones(spans.shape[:2], np.bool_)
    for number in range(1, spans.shape[0]):
        for element in range(spans.shape[1]):
            same[number, element] = same_bytes(store[0], spans[0, element], store[number], spans[number, element])
    return same


@compiled()
def alike_files(store: ByteBuffer, spans: IntTable, marks: IntTable, own: Mask) -> IntTable:
    """By file, the first that is like it in all but the values of the columns `own` (elements,) bool.

    store, spans, marks: as `scan.scan_files` fills them. A private value that is not in `store` need only be there.
    """
    first, kinds, count = np.arange(spans.shape[0]), np.zeros(spans.shape[0], np.int64), 0
    hashes = np.zeros(spans.shape[0], np.uint64)
    for number in range(spans.shape[0]):
        mixed = _BASIS
        for column in range(spans.shape[1]):
            begin, size = spans[number, column, 0], spans[number, column, 1]
            mixed = (mixed ^ np.uint64(size >= 0)) * _PRIME
            if begin >= 0 and not own[column]:
                for place in range(begin, begin + size):
                    mixed = (mixed ^ np.uint64(store[number, place])) * _PRIME
        hashes[number] = mixed
        for kind in range(count):
            other = kinds[kind]
            if hashes[other] == mixed and _same_marks(marks[other], marks[number]) and _same_but(
                    store[other], spans[other], store[number], spans[number], own):
                first[number] = other
                break
        if first[number] == number:
            kinds[count] = number
            count += 1
    return first


@compiled()
def alike_frames(content: ByteBuffer, spans: IntTable, but: int) -> IntTable:
    """By frame, the first frame that has the same bytes in all columns of `spans` (frames, columns, 2) except `but`."""
    first, hashes = np.arange(spans.shape[0]), np.zeros(spans.shape[0], np.uint64)
    kinds, count = np.zeros(spans.shape[0], np.int64), 0
    for frame in range(spans.shape[0]):
        mixed = _BASIS
        for column in range(spans.shape[1]):
            if column != but:
                mixed = (mixed ^ np.uint64(spans[frame, column, 1] & 0xFF)) * _PRIME
                for place in range(spans[frame, column, 0], spans[frame, column, 0] + spans[frame, column, 1]):
                    mixed = (mixed ^ np.uint64(content[place])) * _PRIME
        hashes[frame] = mixed
        for kind in range(count):
            if hashes[kinds[kind]] == mixed and _same_columns(content, spans[kinds[kind]], spans[frame], but):
                first[frame] = kinds[kind]
                break
        if first[frame] == frame:
            kinds[count] = frame
            count += 1
    return first


@compiled()
def _same_marks(marks: IntTable, other: IntTable) -> bool:
    """Whether two files agree in their state, their encoding and what follows from their pixels on."""
    if marks[FILE_SIZE] - marks[PIXELS] != other[FILE_SIZE] - other[PIXELS]:
        return False
    for column in range(marks.shape[0]):
        if column not in (PIXELS, FILE_SIZE) and marks[column] != other[column]:
            return False
    return True


@compiled()
def _same_but(store: ByteBuffer, spans: IntTable, other: ByteBuffer, other_spans: IntTable, own: Mask) -> bool:
    for column in range(spans.shape[0]):
        span, other_span = spans[column], other_spans[column]
        if (span[1] >= 0) != (other_span[1] >= 0) or span[2] != other_span[2]:
            return False
        if own[column] or span[1] < 0:
            continue
        if span[0] < 0 and other_span[0] < 0:
            if REPRESENTATIONS[column] != ANY and span[1] != other_span[1]:
                return False
        elif not same_bytes(store, span, other, other_span):
            return False
    return True


@compiled()
def _same_columns(content: ByteBuffer, spans: IntTable, other: IntTable, but: int) -> bool:
    for column in range(spans.shape[0]):
        if column != but and not same_bytes(content, spans[column], content, other[column]):
            return False
    return True
