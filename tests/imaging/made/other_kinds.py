"""Small series that the compiled path may leave to pydicom, whole but odd: makers as in `fast_kinds`.

In: an empty folder and a generator. Out: files. What a reader makes of them is for both paths to say alike.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset

from benchmarks.synthetic import raw_elements as raw
from benchmarks.synthetic.series_files import pack_twelve_bits, write_enhanced, write_series

from .fast_kinds import IMPLICIT, Random, beside, changed, repeated, series

SHAPE = 6, 32, 32


def compressed(syntax: str) -> Callable[[Path, Random], None]:
    """A maker of slices of this transfer syntax."""
    def make(folder: Path, random: Random) -> None:
        write_series(folder, random.integers(0, 4000, SHAPE).astype(np.uint16), syntax=syntax)
    return make


def edited(change: Callable[[int, Dataset], None], **options: Any) -> Callable[[Path, Random], Any]:
    """A maker of a series whose data sets `change(number of the slice, data set)` edits before they are written."""
    return series(change=change, **options)


def high_bit_of_its_own(number: int, dataset: Dataset) -> None:
    """Twelve bits that begin at bit 4."""
    dataset.BitsStored, dataset.HighBit = 12, 15


def packed(folder: Path, random: Random) -> None:
    """Twelve bits allocated."""
    voxels = random.integers(0, 1 << 12, (6, 10, 8)).astype(np.uint16)

    def change(number: int, dataset: Dataset) -> None:
        dataset.BitsAllocated = dataset.BitsStored = 12
        dataset.HighBit, dataset.PixelData = 11, pack_twelve_bits(voxels[number])

    write_series(folder, voxels, change=change)


def labelled(syntax: str) -> Callable[[raw.Parts, Random], None]:
    """An edit after which the file meta information tells another transfer syntax than the data set has."""
    def change(parts: raw.Parts, random: Random) -> None:
        old = (uid.ImplicitVRLittleEndian if parts.implicit else uid.ExplicitVRLittleEndian).encode()
        old, new = old + b"\0" * (len(old) % 2), syntax.encode() + b"\0" * (len(syntax) % 2)
        length = len(new).to_bytes(2, "little")
        place = parts.meta.index(b"\2\0\x10\0UI")
        meta = parts.meta[:place + 6] + length + new + parts.meta[place + 8 + len(old):]
        size = int.from_bytes(meta[140:144], "little") + len(new) - len(old)
        parts.meta = meta[:140] + size.to_bytes(4, "little") + meta[144:]
    return change


def without_preamble(parts: raw.Parts, random: Random) -> None:
    """A data set alone, as some servers keep it."""
    parts.meta = b""


def pixels_twice(parts: raw.Parts, random: Random) -> None:
    """Pixel Data stand there again, with other values."""
    tag, content = parts.elements[-1]
    parts.elements.append((tag, content[:-4] + b"abcd"))


def unsorted(parts: raw.Parts, random: Random) -> None:
    """Elements before the pixels stand in no order (PS3.5, 7.1 wants one)."""
    before = parts.elements[1:-1]
    parts.elements[1:-1] = [before[index] for index in random.permutation(len(before))]


def element_twice(parts: raw.Parts, random: Random) -> None:
    """A position stands in the file twice, the second time with another value."""
    again = raw.element(0x0020_0032, "DS", b"1\\2\\3 ", implicit=parts.implicit)
    place = next(number for number, each in enumerate(parts.elements) if each[0] == again[0])
    parts.elements.insert(place + 1, again)


def pixels_of(representation: str) -> Callable[[raw.Parts, Random], None]:
    """An edit of the pixels' value representation."""
    def change(parts: raw.Parts, random: Random) -> None:
        tag, content = parts.elements[-1]
        parts.elements[-1] = raw.element(tag, representation, content[12:])
    return change


def public_as_unknown(parts: raw.Parts, random: Random) -> None:
    """Public elements under the value representation UN, as a gateway leaves them that does not know them."""
    for number, (tag, content) in enumerate(parts.elements):
        if tag in (0x0020_0032, 0x0028_0010, 0x0028_0030, 0x0020_0037):
            parts.elements[number] = raw.element(tag, "UN", content[8:])


def frames_of_two_files(folder: Path, random: Random) -> None:
    """Two enhanced files, each half of a volume."""
    voxels = random.integers(0, 4000, (8, 10, 8)).astype(np.uint16)
    affine = np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]] * [3, 0.75, 0.5, 1]
    for number in range(2):
        moved = affine.copy()
        moved[:3, 3] = affine[:3, 0] * 4 * number
        write_enhanced(folder / f"enhanced-{number}.dcm", voxels[4 * number:4 * number + 4], moved,
                       SeriesInstanceUID="2.25.3")


OTHERS: dict[str, Callable[[Path, Random], Any]] = {
    "RLE": compressed(uid.RLELossless), "JPEG 2000": compressed(uid.JPEG2000Lossless),
    "deflated": compressed(uid.DeflatedExplicitVRLittleEndian), "big endian": compressed(uid.ExplicitVRBigEndian),
    "12 bits packed": packed, "bits below the stored ones": edited(high_bit_of_its_own),
    "colour": series(PhotometricInterpretation="RGB", SamplesPerPixel=3),
    "no position": series(ImagePositionPatient=None), "no orientation": series(ImageOrientationPatient=None),
    "no spacing": series(PixelSpacing=None), "one slice": series(count=1),
    "all at one place": series(ImagePositionPatient=[1, 2, 3]),
    "a hole": beside(lambda folder, random: (folder / "Image-5.dcm").unlink(), count=12, numbers=range(12)),
    "a series of its own in every file": edited(lambda number, dataset: setattr(
        dataset, "SeriesInstanceUID", f"2.25.{number + 1}")),
    "two matrices": edited(lambda number, dataset: number < 2 and setattr(dataset, "Rows", 5)),
    "8 and 16 bits": edited(lambda number, dataset: number < 3 and dataset.update(
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": dataset.PixelData[:80]})),
    "lossy": series(LossyImageCompression="01"), "a lookup table": edited(lambda number, dataset: setattr(
        dataset, "ModalityLUTSequence", [Dataset()])),
    "frames of 1 slice and 2": edited(lambda number, dataset: number < 3 and dataset.update(
        {"NumberOfFrames": 2, "Rows": 5})),
    "every file a localiser": series(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "two series of one size": repeated([{"SeriesInstanceUID": "2.25.1"}, {"SeriesInstanceUID": "2.25.2"}]),
    "a repeated volume that lacks a slice": beside(
        lambda folder, random: (folder / "Image-9.dcm").unlink(), maker=repeated([{"AcquisitionNumber": number}
                                                                                 for number in (1, 2, 3)])),
    "explicit, labelled implicit": changed(labelled(uid.ImplicitVRLittleEndian)),
    "implicit, labelled explicit": changed(labelled(uid.ExplicitVRLittleEndian), **IMPLICIT),
    "labelled as nothing known": changed(labelled("1.2.3.4")), "no preamble": changed(without_preamble),
    "no preamble, implicit": changed(without_preamble, **IMPLICIT), "pixels twice": changed(pixels_twice),
    "elements in no order": changed(unsorted), "elements in no order, implicit": changed(unsorted, **IMPLICIT),
    "a position twice": changed(element_twice), "a position twice, implicit": changed(element_twice, **IMPLICIT),
    "pixels as UN": changed(pixels_of("UN")), "pixels as OB": changed(pixels_of("OB")),
    "public elements as UN": changed(public_as_unknown), "two enhanced files": frames_of_two_files,
}
"""Those on which both paths have to agree, whichever reads them."""
