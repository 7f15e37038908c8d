"""Small DICOM series, written from voxels and an affine, with whatever header a test or a benchmark needs.

In: voxels (slice, row, column), an affine from voxel index to LPS mm (as in `Volume`), DICOM keywords. Out: files in a
folder, uncompressed or compressed, classic or enhanced.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

AXIAL = np.array([[0, 0, 0.5, -10], [0, 0.75, 0, -20], [3.0, 0, 0, 30], [0, 0, 0, 1]])
"""Rows run to the back, columns to the left, slices to the head; spacing 3, 0.75 and 0.5 mm."""


@dataclass(frozen=True)
class Made:
    """What was written: voxels (slice, row, column) and affine to LPS mm, as a reader must find them."""

    voxels: np.ndarray
    affine: np.ndarray


def pattern(shape: tuple[int, int, int] = (5, 6, 8), dtype: str = "uint16") -> np.ndarray:
    """Voxels that are all different, so that every exchange of two shows."""
    return np.arange(1, np.prod(shape) + 1).reshape(shape).astype(dtype)


def planes() -> Iterator[tuple[str, np.ndarray]]:
    """Names and affines of stacks in every plane, forwards, backwards and oblique; LPS, mm."""
    axes = {"axial": [2, 1, 0], "coronal": [1, 2, 0], "sagittal": [0, 2, 1]}
    turn = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    for name, (slices, rows, columns) in axes.items():
        for direction in (1, -1):
            affine = np.eye(4)
            affine[:3, :3] = np.eye(3)[:, [slices, rows, columns]] * [2.5 * direction, 0.75, 0.5]
            affine[:3, 3] = -11, 7, 23
            yield f"{name}{'' if direction > 0 else ' reversed'}", affine
            oblique = affine.copy()
            oblique[:3, :3] = _turned(affine[:3, :3])
            yield f"{name}{'' if direction > 0 else ' reversed'} oblique", oblique
    affine = np.eye(4)
    affine[:3, :3] = turn * [2.5, 0.75, 0.5]
    yield "doubly oblique", affine


def write_series(folder: Path, voxels: np.ndarray, affine: np.ndarray | None = AXIAL, *, numbers: Sequence[int] = (),
                 syntax: str = ExplicitVRLittleEndian, change: Callable[[int, Dataset], None] | None = None,
                 first: int = 1, **header: object) -> list[Path]:
    """One file a slice: `Image-<number>.dcm` with that InstanceNumber, from `first` on unless `numbers` are given.

    `header` sets DICOM keywords in every file (None removes one); `change(index, dataset)` has the last word. Files are
    returned in the order of the slices.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uids = {"SeriesInstanceUID": generate_uid(entropy_srcs=[str(folder)])}
    paths = []
    for index, pixels in enumerate(voxels):
        number = numbers[index] if len(numbers) else first + index
        dataset = _image(pixels, MRImageStorage)
        dataset.InstanceNumber = number
        if affine is not None:
            dataset.ImageOrientationPatient = _orientation(affine)
            dataset.PixelSpacing = [_text(np.linalg.norm(affine[:3, 1])), _text(np.linalg.norm(affine[:3, 2]))]
            dataset.ImagePositionPatient = [_text(each) for each in (affine @ [index, 0, 0, 1])[:3]]
        dataset.SpacingBetweenSlices = "1.0"  # the competition's trap
        dataset.SliceThickness = "1.0"
        _set(dataset, {**uids, **header})
        if change:
            change(index, dataset)
        paths.append(save(dataset, folder / f"Image-{number}.dcm", syntax))
    return paths


def write_enhanced(path: Path, voxels: np.ndarray, affine: np.ndarray = AXIAL, *, order: Sequence[int] = (),
                   syntax: str = ExplicitVRLittleEndian, change: Callable[[int, Dataset], None] | None = None,
                   **header: object) -> Path:
    """One enhanced MR file; frame k holds slice `order[k]`; `change(frame, groups)` edits its functional groups."""
    order = list(order) or list(range(len(voxels)))
    dataset = _image(voxels[order], EnhancedMRImageStorage)
    dataset.NumberOfFrames = len(voxels)
    shared = Dataset()
    shared.PlaneOrientationSequence = _one(ImageOrientationPatient=_orientation(affine))
    shared.PixelMeasuresSequence = _one(
        PixelSpacing=[_text(np.linalg.norm(affine[:3, 1])), _text(np.linalg.norm(affine[:3, 2]))])
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for frame, index in enumerate(order):
        groups = Dataset()
        groups.PlanePositionSequence = _one(
            ImagePositionPatient=[_text(each) for each in (affine @ [index, 0, 0, 1])[:3]])
        if change:
            change(frame, groups)
        frames.append(groups)
    dataset.PerFrameFunctionalGroupsSequence = Items(frames)
    _set(dataset, header)
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(dataset, path, syntax)


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a DICOM file of this transfer syntax; pixels are compressed where it asks for it."""
    kind = uid.UID(syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    if kind.is_compressed and not kind.is_deflated and not dataset["PixelData"].is_undefined_length:
        shape = int(dataset.get("NumberOfFrames") or 1), dataset.Rows, dataset.Columns
        letter = "i" if dataset.PixelRepresentation else "u"
        cells = np.frombuffer(dataset.PixelData, f"{letter}{dataset.BitsAllocated // 8}", int(np.prod(shape)))
        dataset.PixelData = encapsulate([encode(frame, syntax, dataset.BitsStored) for frame in cells.reshape(shape)])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
    elif syntax == ExplicitVRBigEndian and dataset.BitsAllocated in (16, 32):
        width = dataset.BitsAllocated // 8
        dataset.PixelData = np.frombuffer(dataset.PixelData, f"u{width}").byteswap().tobytes()
    dataset.save_as(path, enforce_file_format=True)
    return path


def encode(pixels: np.ndarray, syntax: str, bits: int) -> bytes:
    """One frame's stream in a compressed transfer syntax; `bits` is its precision, negative values keep `bits` bits."""
    import imagecodecs
    import jpeg_ls

    width = 1 if bits <= 8 else 2 if bits <= 16 else 4
    unsigned = (pixels.view(f"u{pixels.itemsize}") & ((1 << bits) - 1)).astype(f"u{width}")
    if syntax == uid.RLELossless:
        return _run_lengths(pixels)
    if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        return imagecodecs.jpeg8_encode(unsigned, level=95, bitspersample=bits)
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        predictor = 1 if syntax == uid.JPEGLosslessSV1 else 6
        return imagecodecs.jpeg8_encode(unsigned, lossless=True, predictor=predictor, bitspersample=bits)
    if syntax in (uid.JPEGLSLossless, uid.JPEGLSNearLossless):
        rows, columns = pixels.shape
        return bytes(jpeg_ls.encode_pixel_data(
            unsigned.tobytes(), lossy_error=2 * (syntax == uid.JPEGLSNearLossless), rows=rows, columns=columns,
            samples_per_pixel=1, bits_stored=bits))
    signed = unsigned.astype(pixels.dtype) if pixels.dtype.kind == "u" else pixels
    if syntax in (uid.JPEG2000Lossless, uid.JPEG2000):
        lossy = {"level": 40} if syntax == uid.JPEG2000 else {"reversible": True}
        return imagecodecs.jpeg2k_encode(signed, codecformat="j2k", bitspersample=bits, **lossy)
    return imagecodecs.htj2k_encode(signed)


def _run_lengths(pixels: np.ndarray) -> bytes:
    """RLE (PS3.5, annex G), by PackBits."""
    import imagecodecs

    planes = np.ascontiguousarray(pixels.astype(pixels.dtype.newbyteorder(">"))).view(np.uint8).reshape(
        *pixels.shape, pixels.itemsize)
    segments = [imagecodecs.packbits_encode(planes[..., index].tobytes()) for index in range(pixels.itemsize)]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    starts = [64 + sum(map(len, segments[:index])) for index in range(len(segments))]
    head = struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments)))
    return head + b"".join(segments)


def _image(pixels: np.ndarray, storage: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = storage
    dataset.SOPClassUID = storage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    return dataset


def _orientation(affine: np.ndarray) -> list[str]:
    row, column = affine[:3, 2] / np.linalg.norm(affine[:3, 2]), affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    return [_text(each) for each in (*row, *column)]


def _text(number: float) -> str:
    """A decimal string of at most 16 characters, as the standard wants it."""
    return f"{number:.9f}".rstrip("0").rstrip(".") if abs(number) < 1e5 else f"{number:.9g}"


def _one(**values: object) -> Items:
    item = Dataset()
    _set(item, values)
    return Items([item])


def _set(dataset: Dataset, values: dict[str, object]) -> None:
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)


def _turned(axes: np.ndarray) -> np.ndarray:
    """Axes turned by 20 degrees about x and then 10 about z."""
    a, b = np.radians([20, 10])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return about_z @ about_x @ axes


def pack_twelve_bits(pixels: np.ndarray) -> bytes:
    """Pixels of twelve bits without a gap between them, low bits first (PS3.5, annex D)."""
    bits = (pixels.reshape(-1, 1) >> np.arange(12)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little").tobytes()


def as_read(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same volume with its slices ascending along row direction x column direction, as a reader must give it."""
    if np.cross(affine[:3, 2], affine[:3, 1]) @ affine[:3, 0] > 0:
        return voxels, affine
    turned = affine.copy()
    turned[:3, 3] += affine[:3, 0] * (len(voxels) - 1)
    turned[:3, 0] *= -1
    return voxels[::-1], turned
