"""What one DICOM file says: a `SliceHeader` for every slice in it, with checked values and where its pixels lie.

In: a path. Out: headers, and what is odd in the file; pixels.py reads its pixels. Every value is checked here, once: a
position is three finite numbers or None, an orientation two unit vectors at right angles or None. pydicom parses.
"""

import functools
import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core.errors import short_reason
from radiogen.imaging.dicom import mosaic, traits, uih
from radiogen.imaging.dicom.elements import Lookup, Values, find, item_of, texts
from radiogen.imaging.dicom.guarded import (
    Deflated,
    HeaderFile,
    Inflated,
    Repeated,
    check_behind,
    inflated_dataset,
)
from radiogen.imaging.dicom.parsed_values import UNREADABLE, values_of
from radiogen.imaging.dicom.traits import Traits, traits_of
from radiogen.imaging.dicom.vectors import Vector, number_of, numbers_of, orientation_of, spacing_of
from radiogen.imaging.findings import Finding, FindingCode

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_PIXELS = 100_000_000
"""More pixels than this in one frame are taken for a damaged header."""

_TAGS = (
    "SOPClassUID", "SeriesInstanceUID", "Modality", "SamplesPerPixel", "PhotometricInterpretation", "Rows",
    "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing",
    "ImagePositionPatient", "ImageOrientationPatient", "InstanceNumber", "RescaleSlope", "RescaleIntercept",
    "ModalityLUTSequence", "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", *traits.KEYWORDS)
"""The standard elements to be read."""
_PIXELS = frozenset((0x7FE0_0008, 0x7FE0_0009, 0x7FE0_0010))  # of which few are compared, by pydicom's slow equality


class NotAnImage(Exception):
    """A file, or a slice of it, that cannot be used; finding: why, its files not yet named."""

    def __init__(self, code: FindingCode, **values: Any):
        self.finding = Finding(code, (), values)
        super().__init__(code, values)

    def __str__(self) -> str:
        return self.finding.reason


@dataclass(frozen=True)
class PixelStorage:
    """How the pixels of one file are stored (PS3.5, section 8); shared by all its frames.

    offset, length: the value of the Pixel Data element, in bytes from the start of `path`, or of `content` where the
    file was inflated. compressed: encapsulated frames, to be decoded as `syntax` says.
    """

    path: Path
    syntax: str
    offset: int
    length: int
    compressed: bool
    big_endian: bool
    words: bool
    floating: bool
    frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    inverted: bool
    content: bytes | None = field(default=None, repr=False)

    @property
    def frame_bits(self) -> int:
        """Bits of one uncompressed frame."""
        return self.rows * self.columns * self.bits_allocated


@dataclass(frozen=True)
class SliceHeader:
    """One slice: where it lies in the patient, which volume it belongs to, and where its pixels are.

    position: (x, y, z) in LPS mm of the centre of the first pixel. orientation: direction of a row (towards growing
    columns) and of a column, six numbers. pixel_spacing: mm between rows, mm between columns. tile: first row and
    column in the frame, where the frame is a mosaic.
    """

    path: Path
    frame: int
    rows: int
    columns: int
    position: Vector | None
    orientation: Vector | None
    pixel_spacing: Vector | None
    slope: float
    intercept: float
    instance: int | None
    series: str
    traits: Traits
    localiser: bool
    storage: PixelStorage
    tile: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The file's name, with the frame's number (from 1) where the file holds several."""
        return f"{self.path.name} frame {self.frame + 1}" if self.storage.frames > 1 else self.path.name


def read_headers(path: Path) -> tuple[list[SliceHeader], list[Finding]]:
    """The slices of one file, and what is odd in it. Raises NotAnImage however damaged it is; else only MemoryError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom warns of every value that bends a rule; here each is checked
            values, storage = _parse(Path(path))
            return slices_of(values, storage)
    except (NotAnImage, MemoryError):  # memory that runs out says nothing of the file
        raise
    except Exception as error:  # a damaged file makes pydicom raise nearly anything
        raise NotAnImage(FindingCode.FILE_DAMAGED, error=short_reason(error)) from error


@functools.cache
def _wanted_tags() -> list[int]:
    """Tags of all elements that are read, but for the transfer syntax."""
    from pydicom.tag import Tag

    keywords, numbers = _TAGS, (*traits.TAGS, *mosaic.TAGS, *uih.TAGS)
    return [*(int(Tag(keyword)) for keyword in keywords), *numbers]


def _parse(path: Path) -> tuple[Values, PixelStorage]:
    from pydicom.errors import InvalidDicomError

    try:
        with HeaderFile(path) as file:
            if not (start := file.read(132)):
                raise NotAnImage(FindingCode.FILE_EMPTY)
            bare = start[:2] in (b"\x02\x00", b"\x08\x00") and start[3:4] == b"\x00"  # a low element of group 2 or 8
            file.seek(0)
            dataset = _read_dataset(file, force=bare)
            syntax, here, element, values = _syntax(dataset), file.tell(), file.read(12), values_of(dataset)
            storage = storage_of(path, values, syntax, element, here, file.seek(0, 2))
            implicit, little = dataset.original_encoding
            check_behind(file, storage.offset + storage.length, (bool(implicit), bool(little)), _wanted_tags())
            return values, storage
    except InvalidDicomError:
        raise NotAnImage(FindingCode.FILE_NOT_DICOM) from None
    except Deflated:
        return _parse_deflated(path)
    except Repeated:
        raise NotAnImage(FindingCode.HEADER_BEHIND_PIXELS) from None
    except OSError as error:
        raise unreadable(error) from error


def unreadable(error: OSError) -> NotAnImage:
    """A file that the system does not let us read."""
    return NotAnImage(FindingCode.FILE_UNREADABLE, error=error.strerror or str(error))


def _read_dataset(file: HeaderFile, *, force: bool) -> "Dataset":
    """The header, as far as it is wanted; NotAnImage where the file ends within it.

    As `pydicom.dcmread(stop_before_pixels=True, specific_tags=...)`, which makes objects of the hundred tags each time.
    """
    from pydicom.errors import BytesLengthException
    from pydicom.filereader import read_partial

    cut = NotAnImage(FindingCode.HEADER_CUT_OFF)
    try:
        dataset = read_partial(file, _at_pixels, force=force, specific_tags=_wanted_tags())
    except (EOFError, struct.error, BytesLengthException):
        if file.read(1):
            raise
        raise cut from None
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)
    meta: Dataset | None = getattr(dataset, "file_meta", None)
    last = next((each.get_item(max(map(int, each.keys())), keep_deferred=True)  # pydicom's tags compare slowly
                 for each in (dataset, meta) if each is not None and len(each)), None)
    length = None if meta is None else meta.get("FileMetaInformationGroupLength")
    start = 0 if length is None else 144 + (number_of(length) or 0)  # of the data set, behind the meta header
    if here > size or (not len(dataset) and size <= start) or _is_short(last):
        raise cut
    return dataset


def _at_pixels(tag: int, _representation: str | None, _length: int) -> bool:
    return tag in _PIXELS


def _is_short(element: Any) -> bool:
    """Whether an element, as it was read from the file, has fewer bytes than it announces."""
    length = getattr(element, "length", None)
    return length not in (None, 0xFFFF_FFFF) and isinstance(element.value, bytes) and len(element.value) < length


def _syntax(dataset: "Dataset") -> Any:
    from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    declared = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if declared:
        if not (uid := UID(declared)).is_transfer_syntax:
            raise NotAnImage(FindingCode.TRANSFER_SYNTAX_UNKNOWN, syntax=str(uid))
        return uid
    implicit, little = dataset.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _parse_deflated(path: Path) -> tuple[Values, PixelStorage]:
    """A deflated file (PS3.5, A.5) has no place in it where the pixels lie: its data set is kept in memory."""
    from pydicom.filereader import read_dataset
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    try:
        content = inflated_dataset(path.read_bytes())
    except Inflated as error:
        raise NotAnImage(FindingCode.FILE_INFLATES_TOO_MUCH, most_mib=error.most_mib) from None
    except OSError as error:
        raise unreadable(error) from error
    file = io.BytesIO(content)
    dataset = read_dataset(file, False, True, stop_when=_at_pixels, specific_tags=_wanted_tags())
    here, element, values = file.tell(), file.read(12), values_of(dataset)
    return values, storage_of(path, values, DeflatedExplicitVRLittleEndian, element, here, len(content), content)


def storage_of(path: Path, values: Values, syntax: Any, element: bytes, here: int, size: int,
             content: bytes | None = None) -> PixelStorage:
    """Check what the header says of the pixels. `element` is the head of the element at byte `here` of `size`."""
    if values.get("Rows") is None or values.get("Columns") is None:
        raise NotAnImage(FindingCode.NO_IMAGE if element and values.get("SOPClassUID") else no_pixels(values))
    rows, columns = int(values["Rows"]), int(values["Columns"])
    big_endian = not syntax.is_little_endian
    group, number, head, length, words = _element(element, syntax.is_implicit_VR, big_endian)
    if group != 0x7FE0 or number not in (0x0008, 0x0009, 0x0010):
        raise NotAnImage(FindingCode.NO_PIXELS)
    frames = int(number_of(values.get("NumberOfFrames")) or 1)
    bits = int(values.get("BitsAllocated") or 16)
    stored = int(values.get("BitsStored") or bits)
    photometric = str(values.get("PhotometricInterpretation") or "MONOCHROME2").strip()
    if int(values.get("SamplesPerPixel") or 1) != 1 or not photometric.startswith("MONOCHROME"):
        raise NotAnImage(FindingCode.COLOUR_IMAGE, photometric=photometric)
    if rows < 1 or columns < 1 or frames < 1 or rows * columns > MAX_PIXELS:
        raise NotAnImage(FindingCode.SIZE_IMPOSSIBLE, frames=frames, rows=rows, columns=columns)
    if bits not in (8, 12, 16, 32, 64) or not 1 <= stored <= bits:
        raise NotAnImage(FindingCode.BITS_IMPOSSIBLE, stored=stored, allocated=bits)
    compressed = syntax.is_compressed and not syntax.is_deflated
    if not compressed and length == 0xFFFF_FFFF:
        raise NotAnImage(FindingCode.SYNTAX_WITHOUT_COMPRESSION)
    length = size - here - head if length == 0xFFFF_FFFF else min(length, size - here - head)
    return PixelStorage(
        path=path, syntax=str(syntax), offset=here + head, length=max(length, 0), compressed=compressed,
        big_endian=big_endian, words=words, floating=number != 0x0010, frames=frames, rows=rows, columns=columns,
        bits_allocated=bits, bits_stored=stored, high_bit=int(values.get("HighBit") or stored - 1),
        signed=int(values.get("PixelRepresentation") or 0) == 1, inverted=photometric == "MONOCHROME1",
        content=content)


def no_pixels(values: Values) -> FindingCode:
    """What a file is that ends where its pixels would begin."""
    if values.get("Rows") is not None and values.get("Columns") is not None:
        return FindingCode.NO_PIXELS
    if _has_pixels(values.get("SOPClassUID")):
        return FindingCode.HEADER_CUT_OFF
    return FindingCode.NO_IMAGE if values.get("SOPClassUID") else FindingCode.FILE_NOT_DICOM


def _has_pixels(sop_class: Any) -> bool:
    """Whether objects of this class hold pixels: all Image Storage classes do (PS3.4, B.5), reports or raw data not."""
    from pydicom.uid import UID

    return UID(str(sop_class or "")).keyword.endswith("ImageStorage")


def _element(head: bytes, implicit: bool, big_endian: bool) -> tuple[int, int, int, int, bool]:
    """Group, number, bytes of the head, length of the value, and whether it is stored as 16-bit words (VR OW).

    Some writers declare the wrong one of Explicit and Implicit VR in the file's meta header. pydicom then reads what is
    there, and so must this: OB, OW and UN in the place of a length would be an odd number, which no length is.
    """
    order = ">" if big_endian else "<"
    if len(head) == 12:
        implicit = head[4:6] not in (b"OB", b"OW", b"UN") if implicit else not head[4:6].isalpha()
    if len(head) < (8 if implicit else 12):
        return 0, 0, len(head), 0, False
    if implicit:
        return *struct.unpack(order + "HH", head[:4]), 8, *struct.unpack(order + "I", head[4:8]), True
    return (*struct.unpack(order + "HH", head[:4]), 12, *struct.unpack(order + "I", head[8:12]), head[4:6] == b"OW")


def slices_of(values: Values, storage: PixelStorage, make: Callable[..., SliceHeader] | None = None
              ) -> tuple[list[SliceHeader], list[Finding]]:
    """The slices of a file, and what is odd in it, by its checked storage; `make` in place of `slice_of`."""
    make = make or slice_of
    notes = _notes(values)
    whole = _whole_frames(storage)
    if whole == 0:
        raise NotAnImage(FindingCode.PIXELS_CUT_OFF)
    if whole < storage.frames:
        notes.append(Finding(FindingCode.FRAMES_CUT_OFF, (), {"whole": whole, "frames": storage.frames}))
    elif not storage.compressed and storage.length > (storage.frames * storage.frame_bits + 7) // 8 + 1:
        notes.append(Finding(FindingCode.PIXELS_IN_EXCESS))
    shared = item_of(values, "SharedFunctionalGroupsSequence")
    per_frame = values.get("PerFrameFunctionalGroupsSequence") or []
    slices = []
    for frame in range(whole):
        groups = per_frame[frame] if frame < len(per_frame) else None
        slices.append(make(values, storage, frame, groups, shared, notes))
    slices = _tiles(values, slices, notes)
    return slices, list(dict.fromkeys(notes))


def _tiles(values: Values, frames: list[SliceHeader], notes: list[Finding]) -> list[SliceHeader]:
    """The tiles of mosaics, as slices; other frames as they are."""
    kinds = texts(values.get("ImageType"))
    reader = mosaic if "MOSAIC" in kinds else uih if "VFRAME" in kinds else None
    if reader is None:
        return frames
    layout = reader.read_layout(values)
    if layout is None:
        raise NotAnImage(reader.WITHOUT_LAYOUT)
    tiles = [tile for frame in frames for tile in mosaic.split(frame, layout)]
    if not tiles:
        raise NotAnImage(FindingCode.MOSAIC_RESIZED, tiles=layout.tiles, rows=frames[0].rows,
                         columns=frames[0].columns)
    notes += [layout.problem] if layout.problem else []
    return tiles


def _whole_frames(storage: PixelStorage) -> int:
    """How many of the frames can be there, by the bytes that are there."""
    if storage.compressed:
        return min(storage.frames, max(storage.length // 8, 0))  # a fragment has a head of 8 bytes
    return min(storage.frames, storage.length * 8 // storage.frame_bits)


def _notes(values: Values) -> list[Finding]:
    notes = [Finding(FindingCode.ELEMENT_UNREADABLE, (), {"tag": tag}) for tag in values.get(UNREADABLE, ())]
    if str(values.get("LossyImageCompression") or "").strip() == "01":
        notes.append(Finding(FindingCode.LOSSY))
    if values.get("ModalityLUTSequence"):
        notes.append(Finding(FindingCode.LOOKUP_TABLE))
    return notes


def slice_of(values: Values, storage: PixelStorage, frame: int, groups: Lookup | None, shared: Lookup | None,
             notes: list[Finding]) -> SliceHeader:
    """One frame; a value comes from its own functional groups, else the shared ones, else the file's top level."""
    alone = storage.frames == 1
    look = functools.partial(find, values, groups, shared)
    position = numbers_of(look("PlanePositionSequence", "ImagePositionPatient", top=alone), 3)
    directions = look("PlaneOrientationSequence", "ImageOrientationPatient")
    orientation = orientation_of(numbers_of(directions, 6))
    if directions is not None and orientation is None:
        notes.append(Finding(FindingCode.ORIENTATION_IMPOSSIBLE))
    lengths = numbers_of(look("PixelMeasuresSequence", "PixelSpacing"), 2)
    spacing = spacing_of(lengths)
    if lengths is not None and spacing is None:
        notes.append(Finding(FindingCode.PIXEL_SPACING_IMPOSSIBLE, (),
                             {"rows_mm": lengths[0], "columns_mm": lengths[1]}))
    factors = [look("PixelValueTransformationSequence", name) for name in ("RescaleSlope", "RescaleIntercept")]
    slope, intercept = map(number_of, factors)
    for name, factor, number in zip(("slope", "intercept"), factors, (slope, intercept), strict=True):
        if number is None and (text := str(factor or "").strip()):
            notes.append(Finding(FindingCode.RESCALE_NO_NUMBER, (), {"name": name, "text": text}))
    if slope == 0:
        notes.append(Finding(FindingCode.RESCALE_SLOPE_ZERO))
    instance = number_of(values.get("InstanceNumber"))
    return SliceHeader(
        path=storage.path, frame=frame, rows=storage.rows, columns=storage.columns, position=position,
        orientation=orientation, pixel_spacing=spacing, slope=slope or 1.0, intercept=intercept or 0.0,
        instance=None if instance is None else int(instance), series=str(values.get("SeriesInstanceUID") or ""),
        traits=traits_of(values, groups, shared), storage=storage,
        localiser="LOCALIZER" in texts(values.get("ImageType")))
