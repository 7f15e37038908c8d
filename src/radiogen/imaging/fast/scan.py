"""Compiled walks over DICOM headers: where the wanted elements of every file are, and where its pixels begin.

In: open files and their first bytes. Out: tables of places and sizes; no Python object is made for an element that is
not wanted, which is what makes other readers slow. What the walk is not sure of gets a state, never a guess. Layout of
an element: DICOM PS3.5, sections 7.1.2 and 7.1.3; of sequences: 7.5; Unknown (UN) of undefined length: 6.2.2, note 2.
"""

import numpy as np

from radiogen.imaging.compiling import compiled
from radiogen.imaging.fast.elements import (
    ANY,
    COLUMN,
    GROUP_BOUNDS,
    GROUP_EDGES,
    GROUP_PRESENCE,
    REPRESENTATIONS,
    SQ,
    TAGS,
    UL,
    UN,
)
from radiogen.imaging.system_calls import READ, SEEK

READ_WELL, EMPTY, NOT_DICOM, NO_PIXELS, CUT, ODD_ELEMENT, OTHER_SYNTAX, REPEATED, BEHIND, UNREADABLE = range(10)
"""States of a file. `NO_PIXELS`: elements up to its very end."""

IMPLICIT, EXPLICIT, ENCAPSULATED = range(3)
"""How the elements of a file are written; `ENCAPSULATED`: explicitly, with compressed pixels."""

STATE, PIXELS, HEAD, PIXEL_VR, PIXEL_LENGTH, ENCODING, FILE_SIZE, ELEMENT = range(8)
"""Columns of `marks`: state; offset of the pixels' element, bytes of its head, its representation and length; encoding;
bytes of the file; number of the pixels' element (0x7FE0, ...)."""

STORE_BYTES, LONGEST_VALUE, SCRATCH_BYTES = 2048, 512, 1 << 16
UNDEFINED = 0xFFFF_FFFF

_HEADS = np.zeros(1 << 16, np.uint8)
"""Bytes before the value of an element, by value representation; 0 for what is none."""
for _names, _head in (("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US", 8),
                      ("OB OD OF OL OV OW SQ SV UC UN UR UT UV", 12)):
    for _name in _names.split():
        _HEADS[int.from_bytes(_name.encode(), "little")] = _head

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
SYNTAX_COLUMN = COLUMN["TransferSyntaxUID"]
_GROUP_LENGTH, _DEEPEST = 0x0002_0000, 32
_SYNTAX = np.frombuffer(b"1.2.840.10008.1.2", np.uint8)


@compiled()
def scan_files(files, contents, lengths, store, spans, marks):
    """The wanted elements of open files (descriptors), of which `contents` (files, window) uint8 are the first bytes.

    lengths (files,): how many bytes of `contents` are there. store (files, STORE_BYTES) uint8: receives values. spans
    (files, elements, 3) int64: place, size and representation (0: implicit) of the values of `elements.TAGS`; the place
    is in the file's row of `store`, or -1 - offset in the file where the value is long or a sequence; the size is -1
    where there is none.
    marks (files, 8) int64: receives the columns named above.
    """
    scratch, window = np.empty(SCRATCH_BYTES, np.uint8), np.zeros(2, np.int64)
    for number in range(files.shape[0]):
        scratch[:lengths[number]] = contents[number, :lengths[number]]
        window[0], window[1] = 0, lengths[number]
        marks[number, FILE_SIZE] = SEEK(files[number], 0, 2)  # 2: from the end
        marks[number, STATE] = _scan(files[number], scratch, window, store[number], spans[number], marks[number])


@compiled()
def same_values(store, spans):
    """(files, elements) bool: whether a file has the value of the first; values that are not in `store` differ."""
    same = np.ones(spans.shape[:2], np.bool_)
    for number in range(1, spans.shape[0]):
        for element in range(spans.shape[1]):
            same[number, element] = _same(store[0], spans[0, element], store[number], spans[number, element])
    return same


@compiled()
def scan_groups(content, length, implicit, per_frame, spans):
    """The wanted elements of functional groups: `content` uint8 is the value of their sequence, without its end.

    length: bytes of the value; `content` has at least 16 more.

    per_frame: each item is a frame's, in a row of its own; else only the first item counts. spans (frames, columns, 2)
    int64: place in `content` and size, by `elements.GROUP_PATHS`; -1 where absent. Items of more frames than `spans`
    has are passed over. Returns a state.
    """
    is_item, undefined = np.zeros(_DEEPEST, np.bool_), np.zeros(_DEEPEST, np.bool_)
    plain, ends = np.zeros(_DEEPEST, np.bool_), np.zeros(_DEEPEST, np.int64)
    nodes, items = np.full(_DEEPEST, -1, np.int64), np.zeros(_DEEPEST, np.int64)
    depth, at, row = 0, 0, 0
    ends[0], nodes[0], plain[0] = length, 0, implicit
    while True:
        while depth > 0 and not undefined[depth] and at == ends[depth]:
            depth -= 1
        if depth == 0 and at == ends[0]:
            return READ_WELL
        if at + 8 > length or (not undefined[depth] and at > ends[depth]):
            return ODD_ELEMENT
        tag = _tag(content, at)
        if not is_item[depth]:
            if tag == _SEQUENCE_END and undefined[depth]:
                at, depth = at + 8, depth - 1
                continue
            size = _number(content, at + 4)
            if tag != _ITEM or depth + 1 == _DEEPEST:
                return ODD_ELEMENT
            items[depth] += 1
            node = nodes[depth] if items[depth] == 1 or (depth == 0 and per_frame) else -1
            at += 8
            if depth == 0:
                row = items[0] - 1 if per_frame else 0
                node = node if row < spans.shape[0] else -1
            if node >= 0 and GROUP_PRESENCE[node] >= 0:
                spans[row, GROUP_PRESENCE[node], 0], spans[row, GROUP_PRESENCE[node], 1] = at, 0
            if size != UNDEFINED and node < 0:
                at += size
                continue
            depth += 1
            is_item[depth], undefined[depth], nodes[depth], ends[depth] = True, size == UNDEFINED, node, at + size
            plain[depth] = plain[depth - 1] or (at + 6 <= length and not _is_letters(content, at + 4))
            continue
        if tag == _ITEM_END and undefined[depth]:
            at, depth = at + 8, depth - 1
            continue
        representation, head, size = _element(content, at, plain[depth])
        if head == 0 or tag >> 16 == 0xFFFE or at + head > length:
            return ODD_ELEMENT
        node, target, wanted = -1, -1, 0
        if nodes[depth] >= 0:
            for edge in range(GROUP_BOUNDS[nodes[depth], 0], GROUP_BOUNDS[nodes[depth], 1]):
                if GROUP_EDGES[edge, 1] == tag:
                    wanted, target = GROUP_EDGES[edge, 2], GROUP_EDGES[edge, 3]
                    if wanted == SQ:
                        node, target = ~target, -1
        known_sequence = plain[depth] or representation == SQ or (representation == UN and size == UNDEFINED)
        at += head
        if target >= 0:
            if (not plain[depth] and representation != wanted) or size == UNDEFINED or spans[row, target, 1] >= 0:
                return ODD_ELEMENT
            spans[row, target, 0], spans[row, target, 1] = at, size
        elif node >= 0 or size == UNDEFINED:
            if not known_sequence or depth + 1 == _DEEPEST:
                return ODD_ELEMENT
            depth += 1
            is_item[depth], undefined[depth], nodes[depth], ends[depth] = False, size == UNDEFINED, node, at + size
            plain[depth], items[depth] = plain[depth - 1], 0
            continue
        at += size


@compiled()
def alike_frames(content, spans, but):
    """By frame, the first frame that has the same bytes in all columns of `spans` (frames, columns, 2) except `but`."""
    first, hashes = np.arange(spans.shape[0]), np.zeros(spans.shape[0], np.uint64)
    kinds, count = np.zeros(spans.shape[0], np.int64), 0
    for frame in range(spans.shape[0]):
        mixed = np.uint64(14695981039346656037)  # FNV-1a: to find the likely one; all bytes are compared then
        for column in range(spans.shape[1]):
            if column != but:
                mixed = (mixed ^ np.uint64(spans[frame, column, 1] & 0xFF)) * np.uint64(1099511628211)
                for place in range(spans[frame, column, 0], spans[frame, column, 0] + spans[frame, column, 1]):
                    mixed = (mixed ^ np.uint64(content[place])) * np.uint64(1099511628211)
        hashes[frame] = mixed
        for kind in range(count):
            if hashes[kinds[kind]] == mixed and _alike(content, spans[kinds[kind]], spans[frame], but):
                first[frame] = kinds[kind]
                break
        if first[frame] == frame:
            kinds[count] = frame
            count += 1
    return first


@compiled()
def _alike(content, spans, other, but):
    for column in range(spans.shape[0]):
        if column != but and not _same(content, spans[column], content, other[column]):
            return False
    return True


@compiled()
def _scan(file, scratch, window, store, spans, marks):
    """The state of one file; the other arguments are its rows of what `scan_files` gets."""
    if marks[FILE_SIZE] <= 0:
        return EMPTY if marks[FILE_SIZE] == 0 else UNREADABLE
    if _room(file, scratch, window, 0, min(marks[FILE_SIZE], 144)) < 0:
        return UNREADABLE
    at, previous, wanted, used, encoding = 132, np.int64(0), 0, 0, -1
    if marks[FILE_SIZE] < 132 or scratch[128] != 68 or scratch[129] != 73 or scratch[130] != 67 or scratch[131] != 77:
        at = 0  # no DICM: the elements of group 2 or 8 may begin at once
        if marks[FILE_SIZE] < 8 or scratch[1] or scratch[3] or (scratch[0] != 2 and scratch[0] != 8):
            return NOT_DICOM
        if scratch[0] == 8:
            encoding = EXPLICIT if _is_letters(scratch, 4) else IMPLICIT
    while True:
        if at == marks[FILE_SIZE] and encoding >= 0:
            return NO_PIXELS
        place = _room(file, scratch, window, at, 12)
        if place < 0:
            return CUT
        tag = _tag(scratch, place)
        if encoding < 0 and tag >> 16 != 2:
            encoding = _encoding(store, spans[SYNTAX_COLUMN])
            if encoding < 0 or _is_letters(scratch, place + 4) != (encoding != IMPLICIT):
                return OTHER_SYNTAX
        representation, head, size = _element(scratch, place, encoding == IMPLICIT)
        if tag <= previous:
            return REPEATED
        if head == 0 or (tag == _GROUP_LENGTH and (representation != UL or size != 4)):
            return ODD_ELEMENT
        previous = tag
        if tag in (0x7FE0_0008, 0x7FE0_0009, 0x7FE0_0010):
            marks[PIXELS], marks[HEAD], marks[PIXEL_VR], marks[PIXEL_LENGTH] = at, head, representation, size
            marks[ENCODING], marks[ELEMENT] = encoding, tag & 0xFFFF
            end = at + head + size
            return READ_WELL if size == UNDEFINED else _behind(file, scratch, window, end, marks[FILE_SIZE], encoding)
        while wanted < TAGS.shape[0] and TAGS[wanted] < tag:
            wanted += 1
        found = wanted < TAGS.shape[0] and TAGS[wanted] == tag
        if found and encoding != IMPLICIT and representation != REPRESENTATIONS[wanted] and not _is_unknown(
                representation, size, REPRESENTATIONS[wanted]):
            return ODD_ELEMENT
        at += head
        end = at + size
        if size == UNDEFINED:
            if encoding != IMPLICIT and representation not in (SQ, UN):
                return ODD_ELEMENT
            end = _after_sequence(file, scratch, window, at, encoding == IMPLICIT)
            if end < 0:
                return CUT if end == -CUT else ODD_ELEMENT
            size = end - 8 - at
        if found:
            spans[wanted, 1], spans[wanted, 2] = size, representation
            sequence = representation == SQ or REPRESENTATIONS[wanted] == SQ
            if sequence or size > LONGEST_VALUE or used + size > STORE_BYTES:
                spans[wanted, 0] = -1 - at
            else:
                place = _room(file, scratch, window, at, size)
                if place < 0:
                    return CUT
                store[used:used + size] = scratch[place:place + size]
                spans[wanted, 0] = used
                used += size
        at = end


@compiled()
def _room(file, scratch, window, at, count):
    """Index in `scratch` of the `count` bytes of a file from offset `at`, read where they are not there; -1 at its end.

    window: offset in the file of the first byte of `scratch`, and how many bytes are there.
    """
    if at < window[0] or at + count > window[0] + window[1]:
        window[0], window[1] = at, max(READ(file, scratch.ctypes.data, min(SCRATCH_BYTES, max(count, 4096)), at), 0)
        if count > window[1]:
            return -1
    return at - window[0]


@compiled()
def _encoding(store, span):
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
def _behind(file, scratch, window, at, size, encoding):
    """Whether only zeros, or elements of higher tags up to the end, stand behind the pixels, which end at `at`."""
    begin, previous = at, np.int64(0x7FE0_0010)
    while at < size:
        place = _room(file, scratch, window, at, min(size - at, 12))
        if place < 0:
            return UNREADABLE
        if size - at < 12:
            break
        tag = _tag(scratch, place)
        _, head, length = _element(scratch, place, encoding == IMPLICIT)
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
def _after_sequence(file, scratch, window, at, implicit):
    """Where a sequence of undefined length ends; minus the state where it cannot be told."""
    in_item, plain = np.zeros(_DEEPEST, np.bool_), np.zeros(_DEEPEST, np.bool_)
    plain[0], depth = implicit, 0
    while True:
        place = _room(file, scratch, window, at, 8)
        if place < 0:
            return -CUT
        tag = _tag(scratch, place)
        if tag == (_ITEM_END if in_item[depth] else _SEQUENCE_END):
            at, depth = at + 8, depth - 1
            if depth < 0:
                return at
            continue
        if not in_item[depth]:
            if tag != _ITEM:
                return -ODD_ELEMENT
            head, size = np.int64(8), _number(scratch, place + 4)
        else:
            place = _room(file, scratch, window, at, 12)
            if place < 0:
                return -CUT
            representation, head, size = _element(scratch, place, plain[depth])
            if tag >> 16 == 0xFFFE or head == 0 or (
                    size == UNDEFINED and not plain[depth] and representation not in (SQ, UN)):
                return -ODD_ELEMENT
        at += head
        if size != UNDEFINED:
            at += size
            continue
        depth += 1
        if depth == _DEEPEST:
            return -ODD_ELEMENT
        in_item[depth], plain[depth] = tag == _ITEM and not in_item[depth - 1], plain[depth - 1]
        if in_item[depth] and not plain[depth]:
            place = _room(file, scratch, window, at, 8)
            if place < 0:
                return -CUT
            plain[depth] = not _is_letters(scratch, place + 4) and _tag(scratch, place) != _ITEM_END


@compiled()
def _is_unknown(representation, size, wanted):
    """Whether a value under another representation than `wanted` can be used: UN, as pydicom uses it, or a vendor's."""
    return wanted == ANY or (representation == UN and wanted != SQ and size < 0xFFFF)


@compiled()
def _is_letters(content, at):
    """Whether two bytes are capital letters, as a value representation is."""
    return 65 <= content[at] <= 90 and 65 <= content[at + 1] <= 90


@compiled()
def _tag(content, at):
    return _two(content, at) << 16 | _two(content, at + 2)


@compiled()
def _number(content, at):
    return _two(content, at + 2) << 16 | _two(content, at)


@compiled()
def _two(content, at):
    return np.int64(content[at + 1]) << 8 | np.int64(content[at])  # an unsigned one would make floats of sums


@compiled()
def _element(content, at, implicit):
    """Value representation (0 where it is implicit), bytes before the value (0 where it is odd), bytes of the value."""
    if implicit:
        return np.int64(0), np.int64(8), _number(content, at + 4)
    representation = _two(content, at + 4)
    head = np.int64(_HEADS[representation])
    if head == 8:
        return representation, head, _two(content, at + 6)
    if head == 12 and _two(content, at + 6) == 0:
        return representation, head, _number(content, at + 8)
    return representation, np.int64(0), np.int64(0)


@compiled()
def _same(content, span, other, other_span):
    if span[1] != other_span[1] or span[0] < 0 and span[1] > 0 or other_span[0] < 0 and other_span[1] > 0:
        return False
    for place in range(span[1]):  # noqa: SIM110 - numba knows no all()
        if content[span[0] + place] != other[other_span[0] + place]:
            return False
    return True
