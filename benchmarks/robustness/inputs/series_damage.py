"""Whole series of eight kinds, and what may have happened to them before they reach the reader.

In: an empty folder and a generator. Out: files. A damage is done to one file, to some or to all: a value that
all share is another case than a value of one. `DETECTABLE` are the damages that a reader can notice, whatever it knows
of the series: with them a volume that is not the undamaged one has to come with a finding.
"""

import contextlib
import os
import re
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SLICES, EDGE = 8, 32  # OpenJPEG encodes nothing smaller
UIDS = {"SeriesInstanceUID": "2.25.16"}
"""The same in every process, so that a file which a fuzzer kept still belongs to its series."""
Random = "np.random.Generator"
Damage = Callable[[Path, "np.random.Generator"], None]


def write_base(folder: Path, kind: str) -> None:
    """A whole series of 8 slices of 32 x 32, one of `KINDS`; each is made once a process and then copied."""
    folder.mkdir(parents=True)
    for name, content in _base(kind).items():
        (folder / name).write_bytes(content)


@cache
def _base(kind: str) -> dict[str, bytes]:
    import tempfile

    import numpy as np
    from pydicom import uid

    from benchmarks.synthetic.series_files import write_enhanced, write_series

    syntax = {"implicit": uid.ImplicitVRLittleEndian, "big endian": uid.ExplicitVRBigEndian, "rle": uid.RLELossless,
              "jpeg 2000": uid.JPEG2000Lossless, "deflated": uid.DeflatedExplicitVRLittleEndian}.get(kind)
    voxels = np.random.default_rng(5).integers(1, 4000, (SLICES, EDGE, EDGE)).astype(np.uint16)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "series"
        if kind == "several frames":
            write_enhanced(folder / "Image-1.dcm", voxels)
        elif kind == "rescaled":
            write_series(folder, voxels.astype(np.int16), RescaleSlope="1.5", RescaleIntercept="-20", WindowCenter="9",
                         WindowWidth="300", BitsStored=16, **UIDS)
        else:
            write_series(folder, voxels, syntax=syntax or uid.ExplicitVRLittleEndian, **UIDS)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


KINDS = ("plain", "rescaled", "plain", "implicit", "several frames", "rle", "big endian", "plain", "jpeg 2000",
         "deflated")
"""Plain ones come most: they are what the compiled walk takes."""


def file_of(kind: str) -> bytes:
    """The first file of a whole series."""
    return _base(kind)["Image-1.dcm"]


def _one(folder: Path, random: "np.random.Generator") -> Path:
    paths = sorted(folder.iterdir())
    return paths[int(random.integers(len(paths)))]


def _some(folder: Path, random: "np.random.Generator") -> list[Path]:
    """One file, some, or all."""
    paths = sorted(folder.iterdir())
    return [paths[number] for number in random.permutation(len(paths))[:random.choice([1, 1, 3, len(paths)])]]


def _pick(random: "np.random.Generator", values: list) -> object:
    return values[int(random.integers(len(values)))]


def _change(**choices: list) -> Damage:
    """Damage through pydicom: in some files one keyword gets one of its choices; None deletes it."""
    def damage(folder: Path, random: "np.random.Generator") -> None:
        import pydicom
        from pydicom import config

        config.settings.writing_validation_mode = config.IGNORE
        keyword = _pick(random, list(choices))
        value = _pick(random, choices[keyword])
        for path in _some(folder, random):
            dataset = pydicom.dcmread(path)
            if value is None:
                dataset.pop(pydicom.datadict.tag_for_keyword(keyword), None)
            else:
                with contextlib.suppress(Exception):  # what pydicom will not even write is no damage of this kind
                    setattr(dataset, keyword, value)
            with contextlib.suppress(Exception):
                dataset.save_as(path)
    return damage


def _bytes(change: Callable[[bytes, "np.random.Generator"], bytes]) -> Damage:
    """Damage to the bytes of some files."""
    def damage(folder: Path, random: "np.random.Generator") -> None:
        for path in _some(folder, random):
            path.write_bytes(change(path.read_bytes(), random))
    return damage


def _truncated(content: bytes, random: "np.random.Generator") -> bytes:
    """At any byte, or just before, within or behind the head of an element, or at a power of two, as a disk does."""
    heads = [found.start() for found in _HEADS.finditer(content, 132)]
    places = [int(random.integers(len(content))), *([_pick(random, heads) + int(random.integers(0, 13))] * 2 if heads
              else []), int(_pick(random, [0, 1, 128, 131, 132, 144, 256, 512, 1024])), len(content) - 1]
    return content[:_pick(random, places)]


_HEADS = re.compile(rb"[\x02\x08\x10\x18\x20\x28\xe0].{3}(AE|AS|CS|DA|DS|IS|LO|OB|OW|PN|SH|SQ|UI|UL|US)", re.DOTALL)


def _flipped_bytes(content: bytes, random: "np.random.Generator") -> bytes:
    changed = bytearray(content)
    head = content.find(b"\xe0\x7f\x10\x00")  # most of the damage goes into the header
    for _ in range(int(random.integers(1, 9))):
        reach = head if head > 0 and random.random() < 0.9 else len(content)
        changed[int(random.integers(reach))] = int(random.integers(256))
    return bytes(changed)


def _lying_length(content: bytes, random: "np.random.Generator") -> bytes:
    """The length behind a value representation is replaced: nothing, odd, far too much, undefined."""
    heads = [found.start() + 4 for found in _HEADS.finditer(content, 132)]
    if not heads:
        return content
    place = _pick(random, heads)
    wide = content[place:place + 2] in (b"OB", b"OW", b"SQ")
    start, form = (place + 4, "<I") if wide else (place + 2, "<H")
    top = 2 ** (32 if wide else 16) - 1
    length = struct.pack(form, int(_pick(random, [0, 1, 3, top, top - 1, top // 2, int(random.integers(top))])))
    return content[:start] + length + content[start + len(length):]


def _wrong_representation(content: bytes, random: "np.random.Generator") -> bytes:
    heads = [found.start() + 4 for found in _HEADS.finditer(content, 132)]
    if not heads:
        return content
    place = _pick(random, heads)
    wrong = [b"DS", b"IS", b"US", b"SS", b"FD", b"SQ", b"UN", b"OB", b"UT", b"XX", b"\0\0", b"AT", b"LO"]
    return content[:place] + _pick(random, wrong) + content[place + 2:]


def _element_twice(content: bytes, random: "np.random.Generator") -> bytes:
    """A whole element stands twice, is gone, or comes in the wrong place."""
    heads = [found.start() for found in _HEADS.finditer(content, 132)]
    if len(heads) < 4:
        return content
    number = int(random.integers(len(heads) - 1))
    start, end = heads[number], heads[number + 1]
    element, other = content[start:end], int(_pick(random, heads))
    kind = int(random.integers(3))
    if kind == 0:
        return content[:end] + element + content[end:]
    if kind == 1:
        return content[:start] + content[end:]
    return content[:other] + element + content[other:]


def _spliced(content: bytes, random: "np.random.Generator") -> bytes:
    """A stretch is cut out, doubled, or filled with noise."""
    start = int(random.integers(132, max(133, len(content))))
    end = min(len(content), start + int(random.integers(1, 200)))
    middle = [b"", content[start:end] * 2, random.bytes(max(0, end - start))][int(random.integers(3))]
    return content[:start] + middle + content[end:]


def _nested(content: bytes, random: "np.random.Generator") -> bytes:
    """Sequences within sequences, hundreds deep, of defined or undefined length, closed or not."""
    place = content.find(b"\x28\x00\x02\x00")
    if place < 0:
        return content
    depth = int(_pick(random, [1, 31, 32, 33, 500, 3000]))
    undefined = 0xFFFFFFFF
    opened = struct.pack("<HH2sHIHHI", 0x0020, 0x9999, b"SQ", 0, undefined, 0xFFFE, 0xE000, undefined)
    closed = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    ends = int(_pick(random, [depth, depth, depth - 1, 0, depth + 1]))
    return content[:place] + opened * depth + closed * ends + content[place:]


def _noise(content: bytes, random: "np.random.Generator") -> bytes:
    return content[:int(random.choice([0, 132, 140, 300]))] + random.bytes(int(random.integers(0, 3000)))


def _pixels_of_another_length(content: bytes, random: "np.random.Generator") -> bytes:
    more = int(random.integers(1, 600))
    return content[:-more] if random.random() < 0.5 else content + random.bytes(more)


def _behind_the_pixels(content: bytes, random: "np.random.Generator") -> bytes:
    """The header, a part of it or the pixels stand again behind the pixels, whole or cut off; or only padding."""
    head, kind = content.find(b"\xe0\x7f\x10\x00"), int(random.integers(4))
    heads = [found.start() for found in _HEADS.finditer(content, 132)]
    if head < 0 or not heads:
        return content
    again = [content[head:head + 12 + int(random.integers(1, 3000))], content[_pick(random, heads):head],
             b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd", bytes(int(random.integers(1, 600)))][kind]
    return content + again


def _bomb(folder: Path, random: "np.random.Generator") -> None:
    """A deflated file of some megabytes that holds gigabytes, or frames whose declared size is not theirs."""
    import pydicom

    path = _one(folder, random)
    if random.random() < 0.5:
        path.write_bytes(_deflated_bomb())
        return
    edge = int(_pick(random, [4000, 10_000, 65_535]))
    for path in _some(folder, random):
        dataset = pydicom.dcmread(path)
        dataset.Rows = dataset.Columns = edge
        dataset.save_as(path)


@cache
def _deflated_bomb() -> bytes:
    """A deflated file of 3 MB whose pixel data are 3 GiB of zeros."""
    whole = _base("deflated")["Image-1.dcm"]
    start = 144 + struct.unpack("<I", whole[140:144])[0]
    values = zlib.decompress(whole[start:], wbits=-15)
    packer = zlib.compressobj(9, wbits=-15)
    head = values[:values.index(b"\xe0\x7f\x10\x00")] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 3 << 30)
    packed = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return whole[:start] + packed + block * 192 + packer.flush()


def _strange_entries(folder: Path, random: "np.random.Generator") -> None:
    """Empty files, folders, links that lead nowhere or in a circle, pipes, devices, names that are no text."""
    path = _one(folder, random)
    kind = int(random.integers(9))
    if kind == 0:
        path.write_bytes(b"")
    elif kind in (1, 2, 3, 4, 5):
        path.unlink()
        [path.mkdir, lambda: path.symlink_to("nowhere.dcm"), lambda: path.symlink_to(path.name),
         lambda: os.mkfifo(path), lambda: path.symlink_to("/dev/zero")][kind - 1]()
    elif kind == 6:
        os.rename(os.fsencode(path), os.fsencode(folder) + b"/Image-\xff\xfe.dcm")  # noqa: PTH104  (bytes)
    elif kind == 7:
        (folder / "circle").symlink_to(folder)
    else:
        path.rename(path.with_name("Image-" + "9" * 200 + "\n\t\x1b[2J.dcm"))


_MOVED = [[-10, -20, step] for step in (30.5, 31.5, 36, 60, 300, 3e4, -3e4, 1e18, 1e19, 1e300, -1e300, 1e-300)]
DAMAGES: dict[str, Damage] = {
    "truncated anywhere": _bytes(_truncated),
    "bytes changed": _bytes(_flipped_bytes),
    "lengths that lie": _bytes(_lying_length),
    "wrong value representations": _bytes(_wrong_representation),
    "elements twice, gone, misplaced": _bytes(_element_twice),
    "stretches cut out, doubled, overwritten": _bytes(_spliced),
    "sequences in sequences": _bytes(_nested),
    "random bytes": _bytes(_noise),
    "empty files, folders, links, pipes, names": _strange_entries,
    "pixel data shorter or longer": _bytes(_pixels_of_another_length),
    "header or pixels again behind the pixels": _bytes(_behind_the_pixels),
    "bombs": _bomb,
    "absurd rows and columns": _change(Rows=[0, 1, 33, 65535, None], Columns=[0, 1, 31, 65535, None],
                                       NumberOfFrames=[0, -1, 9, 2**31 - 1, "x"]),
    "orientation": _change(ImageOrientationPatient=[
        ["nan"] * 6, [0] * 6, [1, 0, 0, 1, 0, 0], [1, 0, 0], None, [1e30, 0, 0, 0, 1e30, 0], ["a"] * 6,
        ["inf", 0, 0, 0, 1, 0]]),
    "position": _change(ImagePositionPatient=[None, ["nan", 0, 0], [0, 0], ["inf", 0, 0], [1e300, 0, 0], [0, 0, 0],
                                              *_MOVED]),
    "spacing": _change(PixelSpacing=[[0, 0], [-1, 1], None, ["nan", 1], [1e-300, 1], ["inf", 1], [1e308, 1e308], [1],
                                     [5, 1]], ImageOrientationPatient=[[0, 1, 0, 1, 0, 0]],
                       SliceThickness=[0, -5, "x"], SpacingBetweenSlices=[0, "nan"]),
    "values of the wrong kind": _change(BitsAllocated=[0, 1, 7, 12, 32, 64, None], BitsStored=[0, 99, 17],
                                        HighBit=[0, 99, 65535], SamplesPerPixel=[0, 3, None],
                                        PixelRepresentation=[2, 1, None],
                                        PhotometricInterpretation=["RGB", "", "PALETTE COLOR", None, "MONOCHROME1"],
                                        RescaleSlope=["nan", 0, 1e300, "inf", -1, 2], WindowWidth=[0, -1, "nan"],
                                        RescaleIntercept=["nan", "inf", 1e300, 5], WindowCenter=["nan", [1, 2, 3]]),
    "another series among them": _change(SeriesInstanceUID=["1.2.3", "", None], InstanceNumber=[-1, 99999999, "x"],
                                         SOPInstanceUID=["1.2.3"], ImageType=[["DERIVED", "MOSAIC"], ["LOCALIZER"]],
                                         EchoTime=[1, "nan"], TemporalPositionIdentifier=[1, 2, "x"]),
}
FILE_DAMAGES = (_truncated, _flipped_bytes, _lying_length, _wrong_representation, _element_twice, _spliced, _nested)
"""Those to a file's bytes that leave most of its header."""
DETECTABLE = {"truncated anywhere", "random bytes", "empty files, folders, links, pipes, names", "bombs",
        "absurd rows and columns", "orientation"}
