"""What may be odd in the header of one file of a series, drawn at random: values, order, lengths, single bytes.

In: the bytes of a whole DICOM file. Out: changed ones, which need not be DICOM any more. The values are those that
writers leave in real files and those that parsers of numbers and texts are known to differ on.
"""

import numpy as np
from hypothesis import strategies as some
from pydicom import uid
from pydicom.datadict import dictionary_VR, tag_for_keyword

from benchmarks.synthetic import raw_elements as raw

KEYWORDS = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "Modality", "PatientName", "EchoTime", "InversionTime",
    "FlipAngle", "TriggerTime", "SliceThickness", "DiffusionBValue", "SeriesInstanceUID", "AcquisitionNumber",
    "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "TemporalPositionIdentifier",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "WindowCenter", "RescaleIntercept",
    "RescaleSlope", "LossyImageCompression", "ModalityLUTSequence", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "OverlayBitPosition")
_OVERLAY_BIT_POSITION, _GROUP_LENGTH = 0x6000_0102, 0x0028_0000
COUNTS = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2, "ImageType": 3}

NUMBERS = (
    b"0", b"1", b"5", b"-0", b"+5", b" 5 ", b"5.", b".5", b"+.5", b"1e1", b"1E+1", b"1e-3", b"2.5e0", b"0.10", b"007",
    b"3.14159265358979323846", b"0.30000000000000004", b"123456789012345678", b"1e22", b"1e23", b"9007199254740993",
    b"1e400", b"1e-400", b"-1e308", b"nan", b"-nan", b"inf", b"Infinity", b"1_0", b"1,5", b"0x10", b"1d1", b"--1",
    b"1 2", b"- 1", b"1e", b"e1", b".", b"-", b"", b" ", b"\0", b"1\0", b"1\0\0", b"1 \0", b"\x001", b"\t1", b"1\n",
    b"1\x0b", b"1\x1f", b"1\x85", b"1\xa0", b"\xc2\xa01", b"\xd9\xa1", b"\xff", b"abc", b"65536", b"-1", b"1.5 ",
    b"2147483648", b"99999999999999999999", b"1e5", b"1.0")
TEXTS = (
    b"ORIGINAL", b"original ", b"MOSAIC", b"LOCALIZER", b"localizer", b"M", b"P", b"PHASE", b" M ", b"M\0", b"", b"\\",
    b"MONOCHROME1", b"MONOCHROME1 ", b"MONOCHROME2\0", b"monochrome1", b"MONOCHROME", b"RGB", b"01", b"01 ", b"1.2.3",
    b"1.2.3\0", b"1.2.3 ", b" 1.2.3", b"1.2.840.10008.1.2", b"2.25.28", b"M\xfcller", "Müller".encode(), b"\xff\xfe",
    b"ISO_IR 100", b"ISO_IR 192", b"GB18030", b"ISO 2022 IR 87", b"\\ISO 2022 IR 87", b"nothing known", b"\x1b$B\\",
    b"x" * 70)
SHORTS = (
    b"\0\0", b"\1\0", b"\2\0", b"\x08\0", b"\x0a\0", b"\x0b\0", b"\x0c\0", b"\x10\0", b"\x20\0", b"\x0f\0", b"\xff\xff",
    b"\0\1", b"", b"\1", b"\1\0\0", b"\x0a\0\x0a\0", b"\x0a\0\0\0", b"\x08\0\x08\0\x08\0")
ITEMS = (
    b"", raw.item(b""), raw.item(b"", defined=True), raw.item(raw.element(0x0020_0032, "DS", b"1\\2\\3 ")[1]),
    raw.item(b"") * 2, b"\0\0", b"abc", raw.item(raw.sequence(0x0020_9113, [raw.item(raw.element(
        0x0020_0032, "DS", b"1\\2\\3 ")[1])])[1]))
REPRESENTATIONS = ("DS", "IS", "US", "SS", "UL", "FD", "FL", "CS", "LO", "UI", "SQ", "OB", "OW", "UN", "UT", "XX", "ds")


@some.composite
def values(draw: some.DrawFn) -> tuple[int, str | None, bytes, int | None]:
    """Tag, value representation (None: the right one), value, and the declared length where that is another."""
    keyword = draw(some.sampled_from(KEYWORDS))
    tag = _OVERLAY_BIT_POSITION if keyword == "OverlayBitPosition" else tag_for_keyword(keyword)
    right = "US" if keyword == "OverlayBitPosition" else dictionary_VR(tag)
    value = draw(some.one_of(_value(keyword, right), _value(keyword, right), some.binary(max_size=12)))
    if len(value) % 2 and draw(some.integers(0, 3)):
        value += draw(some.sampled_from([b" ", b"\0"]))
    representation = None if draw(some.integers(0, 3)) else draw(some.sampled_from(REPRESENTATIONS))
    length = None if draw(some.integers(0, 7)) else draw(some.sampled_from(
        [0, 1, len(value) + 1, max(0, len(value) - 1), 0xFFFF, 0x7FFF_FFFF, raw.UNDEFINED]))
    return tag, representation, value, length


def _value(keyword: str, representation: str) -> some.SearchStrategy[bytes]:
    if representation in ("DS", "IS"):
        count = COUNTS.get(keyword, 1)
        return some.lists(some.sampled_from(NUMBERS), min_size=max(1, count - 1), max_size=count + 1).map(b"\\".join)
    if representation == "FD":
        return some.floats(width=64).map(lambda number: np.float64(number).tobytes())
    pool = {"US": SHORTS, "SQ": ITEMS}.get(representation, TEXTS)
    if pool is TEXTS:
        return some.lists(some.sampled_from(TEXTS), min_size=1, max_size=COUNTS.get(keyword, 1) + 1).map(b"\\".join)
    return some.sampled_from(pool)


def put_value(parts: raw.Parts, drawn: tuple[int, str | None, bytes, int | None]) -> None:
    """Put one element of `values` into a file, instead of its own."""
    tag, representation, value, length = drawn
    representation = representation or ("US" if tag == _OVERLAY_BIT_POSITION else dictionary_VR(tag))
    raw.put(parts, raw.element(tag, representation, value, implicit=parts.implicit, length=length))


def reorder(parts: raw.Parts, random: np.random.Generator) -> None:
    """An element is missing, stands twice or in another place; or a group tells its length, rightly or not."""
    number, other, kind = *random.integers(0, len(parts.elements) - 1, 2), int(random.integers(4))
    element = parts.elements[number]
    if kind == 3:
        raw.put(parts, raw.element(_GROUP_LENGTH, "UL", random.bytes(4), implicit=parts.implicit))
        return
    if kind != 1:
        del parts.elements[number]
    if kind:
        parts.elements.insert(other, element)


def overwritten(content: bytes, random: np.random.Generator) -> bytes:
    """Up to eight bytes of the header are others: any, or those that lengths and texts are made of."""
    changed, end = bytearray(content), max(133, content.find(b"\xe0\x7f\x10\0") + 12)
    for _ in range(int(random.integers(1, 9))):
        place = int(random.integers(128, min(end, len(content))))
        changed[place] = int(random.choice([random.integers(256), 0, 1, 2, 32, 92, 255, 48 + random.integers(10)]))
    return bytes(changed)


def cut(content: bytes, random: np.random.Generator) -> bytes:
    """The end is missing, from any byte on."""
    return content[:int(random.integers(0, len(content)))]


def shifted(content: bytes, random: np.random.Generator) -> bytes:
    """A few bytes are missing, or too many."""
    place, count = int(random.integers(132, len(content))), int(random.integers(1, 5))
    return content[:place] + (random.bytes(count) + content[place:] if random.integers(2) else content[place + count:])


def is_editable(content: bytes) -> bool:
    """Whether a file is whole DICOM whose elements `raw_elements` can take apart."""
    if content[128:132] != b"DICM":
        return False
    syntaxes = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.RLELossless)
    return raw.syntax_of(content) in syntaxes
