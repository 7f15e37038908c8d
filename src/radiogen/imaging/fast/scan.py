"""Compiled walks over DICOM headers: where the wanted elements of every file are, and where its pixels begin.

In: open files and their first bytes. Out: tables of places and sizes; no Python object is made for an element that is
not wanted, which is what makes other readers slow. What the walk is not sure of gets a state, never a guess. Layout of
an element: DICOM PS3.5, sections 7.1.2 and 7.1.3; of sequences: 7.5; Unknown (UN) of undefined length: 6.2.2, note 2.
"""

import numpy as np
from numpy.typing import NDArray

from radiogen.core.types import ByteBuffer, IntTable
from radiogen.imaging.compiled.compiling import compiled
from radiogen.imaging.compiled.system_calls import READ, SEEK
from radiogen.imaging.fast.elements import ANY, COLUMN, REPRESENTATIONS, SQ, TAGS, UL, UN
from radiogen.imaging.fast.elements_at import (
    DEEPEST,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    element_at,
    is_representation,
    number_at,
    tag_at,
)

READ_WELL, EMPTY, NOT_DICOM, NO_PIXELS, CUT, ODD_ELEMENT, OTHER_SYNTAX, REPEATED, BEHIND, UNREADABLE = range(10)
"""States of a file. `NO_PIXELS`: elements up to its very end."""

IMPLICIT, EXPLICIT, ENCAPSULATED = range(3)
"""How the elements of a file are written; `ENCAPSULATED`: explicitly, with compressed pixels."""

STATE, PIXELS, HEAD, PIXEL_VR, PIXEL_LENGTH, ENCODING, FILE_SIZE, ELEMENT = range(8)
"""Columns of `marks`: state; offset of the pixels' element, bytes of its head, its representation and length; encoding;
bytes of the file; number of the pixels' element (0x7FE0, ...)."""

STORE_BYTES, LONGEST_VALUE, SCRATCH_BYTES = 1024, 320, 1 << 16

SYNTAX_COLUMN = COLUMN["TransferSyntaxUID"]
_GROUP_LENGTH = 0x0002_0000
_SYNTAX = np.frombuffer(b"1.2.840.10008.1.2", np.uint8)


@compiled()
def scan_files(files: NDArray[np.int32], contents: ByteBuffer, lengths: IntTable, store: ByteBuffer, spans: IntTable,
               marks: IntTable) -> None:
    """The wanted elements of open files (descriptors), of which `contents` (files, window) uint8 are the first bytes.

    lengths (files,): how many bytes of `contents` are there. store (files, STORE_BYTES) uint8: receives values. spans
    (files, elements, 3) int64: place, size and representation (0: implicit) of the values of `elements.TAGS`; the place
    is in the file's row of `store`, or -1 - offset in the file where the value is long or a sequence; the size is -1
    where there is none.
    marks (files, 8) int64: receives the columns named above.
    """
    scratch, window = np.empty(SCRATCH_BYTES, np.uint8), np.zeros(2, np.int64)
    for number in range(files.shape[0]):
        content = contents[number]
        for index in range(lengths[number]):
            scratch[index] = content[index]
        window[0], window[1] = 0, lengths[number]
        marks[number, FILE_SIZE] = SEEK(files[number], 0, 2)  # 2: from the end
        marks[number, STATE] = _scan(files[number], scratch, window, store[number], spans[number], marks[number])


@compiled()
def _scan(file: int, scratch: ByteBuffer, window: IntTable, store: ByteBuffer, spans: IntTable, marks: IntTable) -> int:
    """The state of one file; the other arguments are its rows of what `scan_files` gets."""
    state, at, encoding = _start(file, scratch, window, marks[FILE_SIZE])
    if state != READ_WELL:
        return state
    previous, wanted, used = np.int64(0), 0, 0
    while True:
        if at == marks[FILE_SIZE] and encoding >= 0:
            return NO_PIXELS
        place = _room(file, scratch, window, at, 12)
        if place < 0:
            return CUT
        tag = tag_at(scratch, place)
        if encoding < 0 and tag >> 16 != 2:
            encoding = _encoding(store, spans[SYNTAX_COLUMN])
            if encoding < 0 or is_representation(scratch, place + 4) != (encoding != IMPLICIT):
                return OTHER_SYNTAX
        representation, head, size = element_at(scratch, place, encoding == IMPLICIT)
        if tag <= previous:
            return REPEATED
        if head == 0 or (tag == _GROUP_LENGTH and (representation != UL or size != 4)):
            return ODD_ELEMENT
        if tag in (0x7FE0_0008, 0x7FE0_0009, 0x7FE0_0010):
            marks[PIXELS], marks[HEAD], marks[PIXEL_VR], marks[PIXEL_LENGTH] = at, head, representation, size
            marks[ENCODING], marks[ELEMENT], end = encoding, tag & 0xFFFF, at + head + size
            return READ_WELL if size == UNDEFINED else _behind(file, scratch, window, end, marks[FILE_SIZE], encoding)
        while wanted < TAGS.shape[0] and TAGS[wanted] < tag:
            wanted += 1
        found = wanted < TAGS.shape[0] and TAGS[wanted] == tag
        if found and encoding != IMPLICIT and not _is_usable(representation, size, REPRESENTATIONS[wanted]):
            return ODD_ELEMENT
        at += head
        end = at + size
        if size == UNDEFINED:
            implicit = encoding == IMPLICIT
            usual = implicit or representation in (SQ, UN)
            end = _after_sequence(file, scratch, window, at, implicit) if usual else -ODD_ELEMENT
            if end < 0:
                return -end
            size = end - 8 - at
        if found:
            spans[wanted, 0], spans[wanted, 1], spans[wanted, 2] = -1 - at, size, representation
            if SQ not in (representation, REPRESENTATIONS[wanted]) and size <= min(LONGEST_VALUE, STORE_BYTES - used):
                if not _copy_value(file, scratch, window, at, size, store, used):
                    return CUT
                spans[wanted, 0], used = used, used + size
        at, previous = end, tag


@compiled()
def _start(file: int, scratch: ByteBuffer, window: IntTable, file_size: int) -> tuple[int, int, int]:
    """The state of a file by its first bytes, where its elements begin, and their encoding; -1 where it follows."""
    if file_size <= 0:
        return EMPTY if file_size == 0 else UNREADABLE, 0, -1
    if _room(file, scratch, window, 0, min(file_size, 144)) < 0:
        return UNREADABLE, 0, -1
    if file_size >= 132 and scratch[128] == 68 and scratch[129] == 73 and scratch[130] == 67 and scratch[131] == 77:
        return READ_WELL, 132, -1
    if file_size < 8 or scratch[1] or scratch[3] or (scratch[0] != 2 and scratch[0] != 8):
        return NOT_DICOM, 0, -1  # no DICM: the elements of group 2 or 8 may begin at once
    if scratch[0] == 2:
        return READ_WELL, 0, -1
    return READ_WELL, 0, EXPLICIT if is_representation(scratch, 4) else IMPLICIT


@compiled()
def _copy_value(file: int, scratch: ByteBuffer, window: IntTable, at: int, size: int, store: ByteBuffer,
                used: int) -> bool:
    """Copy the value at `at` to `store`, behind what is used of it; False where the file ends before."""
    place = _room(file, scratch, window, at, size)
    if place < 0:
        return False
    for index in range(size):  # a slice would cost more than the few bytes that it copies
        store[used + index] = scratch[place + index]
    return True


@compiled()
def _room(file: int, scratch: ByteBuffer, window: IntTable, at: int, count: int) -> int:
    """Index in `scratch` of the `count` bytes of a file from offset `at`, read where they are not there; -1 at its end.

    window: offset in the file of the first byte of `scratch`, and how many bytes are there.
    """
    if at < window[0] or at + count > window[0] + window[1]:
        window[0], window[1] = at, max(READ(file, scratch.ctypes.data, min(SCRATCH_BYTES, max(count, 4096)), at), 0)
        if count > window[1]:
            return -1
    return at - window[0]


@compiled()
def _encoding(store: ByteBuffer, span: IntTable) -> int:
    """`IMPLICIT`, `EXPLICIT` or `ENCAPSULATED` by the transfer syntax; -1 for what is none of them."""
    size = span[1]
    while size > 0 and (store[span[0] + size - 1] == 0 or store[span[0] + size - 1] == 32):
        size -= 1
    if span[1] < 0 or size < _SYNTAX.shape[0]:
        return -1
    for place in range(_SYNTAX.shape[0]):
        if store[span[0] + place] != _SYNTAX[place]:
            return -1
    rest = store[span[0] + _SYNTAX.shape[0]:span[0] + size]
    if rest.shape[0] == 0:
        return IMPLICIT
    if rest.shape[0] == 2 and rest[0] == 46 and rest[1] == 49:  # .1
        return EXPLICIT
    if rest.shape[0] == 2 and rest[0] == 46 and rest[1] == 53:  # .5: RLE
        return ENCAPSULATED
    return ENCAPSULATED if rest.shape[0] > 3 and rest[0] == 46 and rest[1] == 52 and rest[2] == 46 else -1  # .4.


@compiled()
def _behind(file: int, scratch: ByteBuffer, window: IntTable, at: int, size: int, encoding: int) -> int:
    """Whether only zeros, or elements of higher tags up to the end, follow the pixels, which end at `at`."""
    begin, previous = at, np.int64(0x7FE0_0010)
    while at < size:
        place = _room(file, scratch, window, at, min(size - at, 12))
        if place < 0:
            return UNREADABLE
        if size - at < 12:
            break
        tag = tag_at(scratch, place)
        _, head, length = element_at(scratch, place, encoding == IMPLICIT)
        if tag <= previous or head == 0 or length == UNDEFINED or tag >> 16 == 0x7FE0:
            break
        at, previous = at + head + length, tag
    if at >= size:
        return READ_WELL if at in (size, begin) else BEHIND
    at = begin
    while at < size:
        count = min(size - at, SCRATCH_BYTES)
        place = _room(file, scratch, window, at, count)
        if place < 0:
            return UNREADABLE
        for index in range(place, place + count):
            if scratch[index] != 0:
                return BEHIND
        at += count
    return READ_WELL


@compiled()
def _after_sequence(file: int, scratch: ByteBuffer, window: IntTable, at: int, implicit: bool) -> int:
    """Where a sequence of undefined length ends; minus the state where that is not clear."""
    in_item, without_vr = np.zeros(DEEPEST, np.bool_), np.zeros(DEEPEST, np.bool_)
    ends = np.full(DEEPEST, -1, np.int64)  # by depth: of an item of defined length
    without_vr[0], depth = implicit, 0
    while True:
        while ends[depth] >= 0 and at == ends[depth]:
            depth -= 1
        if ends[depth] >= 0 and at > ends[depth]:
            return -ODD_ELEMENT
        place = _room(file, scratch, window, at, 8)
        if place < 0:
            return -CUT
        tag = tag_at(scratch, place)
        if tag == (ITEM_END if in_item[depth] else SEQUENCE_END):
            if ends[depth] >= 0:
                return -ODD_ELEMENT
            at, depth = at + 8, depth - 1
            if depth < 0:
                return at
            continue
        if not in_item[depth]:
            if tag != ITEM:
                return -ODD_ELEMENT
            head, size = np.int64(8), number_at(scratch, place + 4)
        else:
            place = _room(file, scratch, window, at, 12)
            if place < 0:
                return -CUT
            representation, head, size = element_at(scratch, place, without_vr[depth])
            if tag >> 16 == 0xFFFE or head == 0 or (
                    size == UNDEFINED and not without_vr[depth] and representation not in (SQ, UN)):
                return -ODD_ELEMENT
        at += head
        if size != UNDEFINED and in_item[depth]:
            at += size
            continue
        depth += 1
        if depth == DEEPEST:
            return -ODD_ELEMENT
        ends[depth] = -1 if size == UNDEFINED else at + size
        in_item[depth], without_vr[depth] = tag == ITEM and not in_item[depth - 1], without_vr[depth - 1]
        if in_item[depth] and not without_vr[depth]:
            place = _room(file, scratch, window, at, 8)
            if place < 0:
                return -CUT
            without_vr[depth] = not is_representation(scratch, place + 4) and tag_at(scratch, place) != ITEM_END


@compiled()
def _is_usable(representation: int, size: int, wanted: int) -> bool:
    """Whether a value can be used: of the representation `wanted`, UN, as pydicom uses it, or a vendor's."""
    return representation == wanted or wanted == ANY or (representation == UN and wanted != SQ and size < 0xFFFF)
