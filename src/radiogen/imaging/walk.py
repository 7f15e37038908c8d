"""A compiled walk over the headers of plain DICOM files: where the values of a few elements are, and where the pixels.

In: the first bytes of files. Out: offsets, and which files are odd: those are pydicom's. No object is made for an
element that is not wanted, which is what makes other readers slow. Layout of an element: DICOM PS3.5, section 7.1.2;
of sequences: 7.5.
"""

import numpy as np

from radiogen.imaging.compiling import compiled

_CS, _DS, _IS, _UI, _US = (int.from_bytes(text, "little") for text in (b"CS", b"DS", b"IS", b"UI", b"US"))
_NEVER = 0

_ELEMENTS = {  # tag: keyword, value representation; those that are never in a plain file have none
    0x0002_0010: ("TransferSyntaxUID", _UI), 0x0008_0008: ("ImageType", _CS), 0x0008_0016: ("SOPClassUID", _UI),
    0x0020_000E: ("SeriesInstanceUID", _UI), 0x0020_0032: ("ImagePositionPatient", _DS),
    0x0020_0037: ("ImageOrientationPatient", _DS), 0x0020_0100: ("TemporalPositionIdentifier", _IS),
    0x0028_0002: ("SamplesPerPixel", _US),
    0x0028_0004: ("PhotometricInterpretation", _CS), 0x0028_0008: ("NumberOfFrames", _IS), 0x0028_0010: ("Rows", _US),
    0x0028_0011: ("Columns", _US), 0x0028_0030: ("PixelSpacing", _DS), 0x0028_0100: ("BitsAllocated", _US),
    0x0028_0101: ("BitsStored", _US), 0x0028_0102: ("HighBit", _US), 0x0028_0103: ("PixelRepresentation", _US),
    0x0028_1052: ("RescaleIntercept", _DS), 0x0028_1053: ("RescaleSlope", _DS),
    0x0028_2110: ("LossyImageCompression", _CS), 0x0028_3000: ("ModalityLUTSequence", _NEVER),
    0x5200_9229: ("SharedFunctionalGroupsSequence", _NEVER), 0x5200_9230: ("PerFrameFunctionalGroupsSequence", _NEVER),
    0x6000_0102: ("OverlayBitPosition", _NEVER), 0x7FE0_0008: ("FloatPixelData", _NEVER),
    0x7FE0_0009: ("DoubleFloatPixelData", _NEVER)}
KEYWORDS = [keyword for keyword, _ in _ELEMENTS.values()]
SHORTS = [keyword for keyword, representation in _ELEMENTS.values() if representation == _US]
OWN = ("ImageOrientationPatient", "PixelSpacing", "RescaleIntercept", "RescaleSlope")
"""Elements, beside the position, that may differ from file to file in a plain series; all others are the same."""

_TAGS = np.array(list(_ELEMENTS), np.uint32)
_REPRESENTATIONS = np.array([representation for _, representation in _ELEMENTS.values()], np.uint16)
SHARED = np.array([keyword not in (*OWN, "ImagePositionPatient") for keyword in KEYWORDS])
_HEADS = np.zeros(1 << 16, np.uint8)
"""Bytes before the value of an element, by value representation; 0 for what is none."""
for _names, _head in (("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US", 8),
                      ("OB OD OF OL OV OW SQ SV UC UN UR UT UV", 12)):
    for _name in _names.split():
        _HEADS[int.from_bytes(_name.encode(), "little")] = _head
_GROUP_LENGTH, _UNSIGNED = 0x0002_0000, int.from_bytes(b"UL", "little")
"""Of the file's meta header: pydicom reads no file where it is of another kind."""
_SEQUENCE = int.from_bytes(b"SQ", "little")
_BYTES, _WORDS = (int.from_bytes(text, "little") for text in (b"OB", b"OW"))
_UNDEFINED = 0xFFFF_FFFF
_POWERS = 10.0 ** np.arange(23)
PLAIN, TOO_SHORT, ODD = 0, 1, 2


@compiled()
def walk_files(contents, lengths):
    """The headers in `contents` (files, window) uint8, each `lengths` long: states, spans, and where the pixels are.

    states: 0 plain, 1 the window is too short, 2 odd. spans (files, elements, 2) int32: offset and length of the values
    of `_TAGS`, -1 where absent. pixels (files, 2) int64: offset and length. same (files, elements): whether a file has
    the value of the first.
    """
    count = contents.shape[0]
    spans = np.full((count, _TAGS.shape[0], 2), -1, np.int32)
    pixels = np.zeros((count, 2), np.int64)
    states = np.zeros(count, np.uint8)
    same = np.ones((count, _TAGS.shape[0]), np.bool_)
    for number in range(count):
        states[number] = _walk(contents[number], lengths[number], spans[number], pixels[number])
        if states[number] == PLAIN:
            for element in range(_TAGS.shape[0]):
                same[number, element] = _same(contents[0], spans[0, element], contents[number], spans[number, element])
    return states, spans, pixels, same


@compiled()
def decimals(contents, spans, count):
    """(files, count) float64: the decimal texts in `spans` (files, 2), divided by backslashes; NaN where not sure.

    Sure is: at most 15 digits and a power of ten up to 22, so that one rounding gives the nearest double (Clinger,
    How to read floating point numbers accurately, 1990).
    """
    values = np.full((spans.shape[0], count), np.nan)
    for number in range(spans.shape[0]):
        at, end, found = spans[number, 0], spans[number, 0] + spans[number, 1], 0
        while at <= end and at > 0 and found < count:
            stop = at
            while stop < end and contents[number, stop] != 92:  # backslash
                stop += 1
            values[number, found] = _decimal(contents[number], at, stop)
            found, at = found + 1, stop + 1
        if found < count or at <= end:
            values[number] = np.nan
    return values


@compiled()
def _decimal(content, at, end):
    while at < end and content[at] == 32:
        at += 1
    while at < end and (content[end - 1] == 32 or content[end - 1] == 0):
        end -= 1
    negative = at < end and content[at] == 45
    if at < end and (negative or content[at] == 43):
        at += 1
    digits, behind, whole, point = 0, 0, np.int64(0), False
    for place in range(at, end):
        if content[place] == 46 and not point:
            point = True
        elif 48 <= content[place] <= 57:
            whole, digits, behind = whole * 10 + np.int64(content[place]) - 48, digits + 1, behind + point
        else:
            return np.nan
        if digits > 15:
            return np.nan
    if digits == 0:
        return np.nan
    value = whole / _POWERS[behind]
    return -value if negative else value


@compiled()
def _walk(content, length, spans, pixels):
    if length < 144 or content[128] != 68 or content[129] != 73 or content[130] != 67 or content[131] != 77:  # DICM
        return ODD
    at, previous, wanted = 132, 0, 0
    while True:
        if at + 12 > length:
            return TOO_SHORT
        tag = _tag(content, at)
        representation, head, size = _element(content, at)
        if tag <= previous or head == 0 or (tag == _GROUP_LENGTH and (representation != _UNSIGNED or size != 4)):
            return ODD
        previous = tag
        if tag == 0x7FE0_0010:
            pixels[0], pixels[1] = at + head, size
            return PLAIN if size != _UNDEFINED and representation in (_BYTES, _WORDS) else ODD
        while wanted < _TAGS.shape[0] and _TAGS[wanted] < tag:
            wanted += 1
        if wanted < _TAGS.shape[0] and _TAGS[wanted] == tag:
            if representation != _REPRESENTATIONS[wanted]:
                return ODD
            if at + head + size > length:
                return TOO_SHORT
            spans[wanted, 0], spans[wanted, 1] = at + head, size
        if size == _UNDEFINED:
            if representation != _SEQUENCE:
                return ODD
            at = _after_sequence(content, at + head, length)
            if at < 0:
                return -at
        else:
            at += head + size


@compiled()
def _after_sequence(content, at, length):
    """Where a sequence of undefined length ends; minus the state where it cannot be told."""
    in_item = np.zeros(32, np.bool_)  # by depth: within an item, elements follow; else items
    depth = 0
    while True:
        if at + 12 > length:
            return -TOO_SHORT
        tag = _tag(content, at)
        if (tag == 0xFFFE_E00D and in_item[depth]) or (tag == 0xFFFE_E0DD and not in_item[depth]):
            at, depth = at + 8, depth - 1
            if depth < 0:
                return at
            continue
        if tag == 0xFFFE_E000 and not in_item[depth]:
            head, size = 8, _number(content, at + 4)
        else:
            representation, head, size = _element(content, at)
            if tag >> 16 == 0xFFFE or head == 0 or not in_item[depth] or (
                    size == _UNDEFINED and representation != _SEQUENCE):
                return -ODD
        at += head
        if size != _UNDEFINED:
            at += size
        else:
            depth += 1
            if depth == 32:
                return -ODD
            in_item[depth] = tag == 0xFFFE_E000


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
def _element(content, at):
    """Value representation, bytes before the value (0 where it is odd), bytes of the value."""
    representation = _two(content, at + 4)
    head = np.int64(_HEADS[representation])
    if head == 8:
        return representation, head, _two(content, at + 6)
    if head == 12 and _two(content, at + 6) == 0:
        return representation, head, _number(content, at + 8)
    return representation, 0, 0


@compiled()
def _same(content, span, other, other_span):
    if span[1] != other_span[1]:
        return False
    for place in range(span[1]):  # noqa: SIM110 - numba knows no all()
        if content[span[0] + place] != other[other_span[0] + place]:
            return False
    return True
