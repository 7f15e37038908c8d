"""A small series of every kind that the compiled path takes, and of kinds that it may leave to pydicom.

In: an empty folder and a generator. Out: files in it, in a random order of numbers, and what any reader has to make of
them (`Made`), which follows from how they were written and not from what a reader says.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items

from benchmarks.synthetic import raw_elements as raw
from benchmarks.synthetic.additions import (
    copies,
    json_beside,
    private_sequences,
    text_beside,
    trailing_padding,
    zeros_behind,
)
from benchmarks.synthetic.enhanced_kinds import ENHANCED
from benchmarks.synthetic.series_files import AXIAL, Made, as_read, planes, save, write_series

from ..dicom.test_mosaic import write_mosaic

SHAPE = 6, 10, 8
UID = "2.25.28"
Random = np.random.Generator


Maker = Callable[[Path, Random], Made]


def series(dtype: str = "uint16", low: int = 0, high: int = 4000, count: int = SHAPE[0], **header: Any) -> Maker:
    """A maker of one classic series in a random plane; `header` as in `write_series`."""
    def make(folder: Path, random: Random) -> Made:
        voxels = random.integers(low, high, (count, *SHAPE[1:])).astype(dtype)
        affine = list(planes())[random.integers(len(list(planes())))][1]
        write_series(folder, voxels, affine, **{
            "numbers": (random.permutation(count) + 1).tolist(), "SeriesInstanceUID": UID, **header})
        return Made(*as_read(voxels, affine))
    return make


def changed(change: Callable[[raw.Parts, Random], None], **options: Any) -> Maker:
    """A maker of a series whose files `change` then edits as bytes."""
    def make(folder: Path, random: Random) -> Made:
        made = series(**options)(folder, random)
        for path in sorted(folder.iterdir()):
            raw.rewrite(path, lambda parts: change(parts, random))
        return made
    return make


def beside(add: Callable[[Path, Random], None], *, maker: Maker | None = None, **options: Any) -> Maker:
    """A maker of a series (or of what `maker` makes) in whose folder `add` then does something."""
    def make(folder: Path, random: Random) -> Made:
        made = (maker or series(**options))(folder, random)
        add(folder, random)
        return made
    return make


def repeated(volumes: list[dict[str, Any]], chosen: int = 0, *, shuffled: bool = True) -> Maker:
    """A maker of several volumes at the same places, each with a header of its own; `chosen` has to be read."""
    def make(folder: Path, random: Random) -> Made:
        voxels = random.integers(0, 4000, (len(volumes), *SHAPE)).astype(np.uint16)
        numbers = np.arange(1, len(volumes) * SHAPE[0] + 1)
        numbers = (random.permutation(numbers) if shuffled else numbers).reshape(len(volumes), -1)
        for one, header, order in zip(voxels, volumes, numbers.tolist(), strict=True):
            write_series(folder, one, numbers=order, **{"SeriesInstanceUID": UID, **header})
        return Made(*as_read(voxels[chosen], AXIAL))
    return make


def dicomdir_beside(folder: Path, random: Random) -> None:
    """The directory of a medium (PS3.3, F.3): DICOM, and no image."""
    record, directory = Dataset(), Dataset()
    record.DirectoryRecordType = "PATIENT"
    directory.DirectoryRecordSequence = Items([record])
    _save_other(directory, folder / "DICOMDIR", uid.MediaStorageDirectoryStorage)


def raw_data_beside(folder: Path, random: Random) -> None:
    """A Raw Data object, as Philips exports it: DICOM without pixels."""
    other = Dataset()
    other.SeriesInstanceUID = UID
    _save_other(other, folder / "XX_0001", uid.RawDataStorage)


def localisers_beside(folder: Path, random: Random) -> None:
    """Two pictures by which the series was planned, in another plane."""
    sagittal = dict(planes())["sagittal"]
    write_series(folder, random.integers(0, 99, (2, 9, 9)).astype(np.uint16), sagittal, first=900,
                 ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesInstanceUID=UID)


def other_series_beside(folder: Path, random: Random) -> None:
    """Two slices of another series."""
    write_series(folder, random.integers(0, 99, (2, *SHAPE[1:])).astype(np.uint16), first=700,
                 SeriesInstanceUID="2.25.29")


def spare_bits(dtype: str, stored: int) -> Maker:
    """A maker of values of `stored` bits under noise in the bits above them."""
    def make(folder: Path, random: Random) -> Made:
        signed, width = dtype.startswith("i"), np.dtype(dtype).itemsize * 8
        values = random.integers(0, 1 << stored, SHAPE) - (1 << stored - 1) * signed
        noise = random.integers(0, 1 << width - stored, SHAPE) << stored
        cells = ((values & (1 << stored) - 1) | noise).astype(f"u{width // 8}").view(dtype)
        write_series(folder, cells, BitsStored=stored, HighBit=stored - 1, SeriesInstanceUID=UID)
        return Made(values.astype(dtype), AXIAL)
    return make


def rescaled(dtype: str, slopes: list[float], intercepts: list[float]) -> Maker:
    """A maker of slices with these factors in turn."""
    def make(folder: Path, random: Random) -> Made:
        voxels = random.integers(0, 200, SHAPE).astype(dtype)

        def change(index: int, dataset: Dataset) -> None:
            dataset.RescaleSlope = str(slopes[index % len(slopes)])
            dataset.RescaleIntercept = str(intercepts[index % len(intercepts)])

        write_series(folder, voxels, SeriesInstanceUID=UID, change=change)
        factors = np.resize(slopes, SHAPE[0])[:, None, None], np.resize(intercepts, SHAPE[0])[:, None, None]
        return Made((voxels * factors[0] + factors[1]).astype(np.float32), AXIAL)
    return make


def inverted(dtype: str, stored: int, **header: Any) -> Maker:
    """A maker of MONOCHROME1: the largest value that the stored bits can tell is black (PS3.3, C.7.6.3.1.2)."""
    def make(folder: Path, random: Random) -> Made:
        signed = dtype.startswith("i")
        made = series(dtype, -(1 << stored - 1) if signed else 0, 1 << stored - signed, BitsStored=stored,
                      HighBit=stored - 1, PhotometricInterpretation="MONOCHROME1", **header)(folder, random)
        top = -1 if signed else (1 << stored) - 1
        return Made((top - made.voxels.astype(np.int64)).astype(dtype), made.affine)
    return make


def floats(dtype: str) -> Maker:
    """A maker of Float or Double Float Pixel Data (PS3.3, C.7.6.24 and C.7.6.25)."""
    keyword = {"f4": "FloatPixelData", "f8": "DoubleFloatPixelData"}[dtype]

    def make(folder: Path, random: Random) -> Made:
        voxels = random.normal(0, 1000, SHAPE).astype(dtype)

        def change(_: int, dataset: Dataset) -> None:
            setattr(dataset, keyword, dataset.PixelData)
            for absent in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
                delattr(dataset, absent)

        write_series(folder, voxels, SeriesInstanceUID=UID, change=change)
        return Made(voxels, AXIAL)
    return make


def classic_groups(*, places: bool) -> Maker:
    """A maker of classic files with functional groups of one item; `places`: geometry stands in them alone."""
    def make(folder: Path, random: Random) -> Made:
        def change(index: int, dataset: Dataset) -> None:
            shared, own = Dataset(), Dataset()
            for groups, name, keywords in ((shared, "PlaneOrientationSequence", ["ImageOrientationPatient"]),
                                           (shared, "PixelMeasuresSequence", ["PixelSpacing"]),
                                           (own, "PlanePositionSequence", ["ImagePositionPatient"])):
                each = Dataset()
                for keyword in keywords:
                    setattr(each, keyword, dataset[keyword].value)
                    if places:
                        delattr(dataset, keyword)
                setattr(groups, name, Items([each] if places else []))
            dataset.NumberOfFrames = 1
            dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = (
                Items([shared]), Items([own]))
        return series(change=change)(folder, random)
    return make


def mosaics(count: int) -> Maker:
    """A maker of Siemens mosaics, time points of one another."""
    def make(folder: Path, random: Random) -> Made:
        voxels = random.integers(0, 4000, (count, 5, 6, 8)).astype(np.uint16)
        for number, one in enumerate(voxels):
            write_mosaic(folder, one, AcquisitionNumber=number + 1, SeriesInstanceUID=UID, first=number + 1)
        return Made(voxels[0], AXIAL)
    return make


def _save_other(dataset: Dataset, path: Path, storage: str) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = storage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.7"
    save(dataset, path)


IMPLICIT = {"syntax": uid.ImplicitVRLittleEndian}
KINDS: dict[str, Maker] = {
    "explicit": series(), "implicit": series(**IMPLICIT),
    "text beside": beside(text_beside), "JSON beside": beside(json_beside), "DICOMDIR beside": beside(dicomdir_beside),
    "empty file beside": beside(lambda folder, random: (folder / "lock").touch()),
    "raw data beside": beside(raw_data_beside), "localisers beside": beside(localisers_beside),
    "another series beside": beside(other_series_beside), "implicit, text beside": beside(text_beside, **IMPLICIT),
    "copies": beside(copies), "functional groups": classic_groups(places=False),
    "geometry in functional groups": classic_groups(places=True),
    "private sequences": changed(private_sequences),
    "private sequences, UN": changed(lambda parts, random: private_sequences(parts, random, unknown=True)),
    "private sequences, implicit": changed(private_sequences, **IMPLICIT),
    "trailing padding": changed(trailing_padding), "trailing padding, implicit": changed(trailing_padding, **IMPLICIT),
    "zeros behind the pixels": changed(zeros_behind),
    "time points": repeated([{"TemporalPositionIdentifier": number} for number in (1, 2, 3)]),
    "acquisitions": repeated([{"AcquisitionNumber": number} for number in (1, 2, 3)]),
    "trigger times": repeated([{"TriggerTime": str(number)} for number in (0, 80.5, 161)]),
    "echoes": repeated([{"EchoTime": "12.5"}, {"EchoTime": "4.6"}], chosen=1),
    "b-values": repeated([{"DiffusionBValue": float(number)} for number in (0, 500, 1000)]),
    "phase and magnitude": repeated([{"ImageType": ["ORIGINAL", "PRIMARY", kind, "FFE"], "RescaleSlope": slope,
                                      "RescaleIntercept": "0"} for kind, slope in (("P", "2.5"), ("M", "1"))], 1),
    "repeats in the order of their numbers": repeated([{}, {}, {}], shuffled=False),
    "8 bits": series("uint8", high=256), "8 bits, signed": series("int8", -128, 128),
    "16 bits, signed": series("int16", -3000, 3000), "32 bits": series("uint32", high=1 << 32),
    "32 bits, signed": series("int32", -(1 << 31), 1 << 31), "float": floats("f4"), "double": floats("f8"),
    "spare bits of 8": spare_bits("uint8", 6), "spare bits of 16": spare_bits("uint16", 12),
    "spare bits of 16, signed": spare_bits("int16", 12), "spare bits of 32": spare_bits("uint32", 24),
    "MONOCHROME1": inverted("uint16", 16), "MONOCHROME1, 12 bits": inverted("uint16", 12),
    "MONOCHROME1, signed": inverted("int16", 16), "MONOCHROME1, 8 bits, implicit": inverted("uint8", 8, **IMPLICIT),
    "rescaled": rescaled("uint16", [1.7], [-3.25]), "rescaled, signed": rescaled("int16", [2], [-1024]),
    "rescaled, 8 bits": rescaled("uint8", [0.5], [0]), "rescaled by slice": rescaled("uint16", [1, 1.5, 2], [0, -7]),
    "one mosaic": mosaics(1), "mosaics": mosaics(3), **ENHANCED,
}
"""Those that the compiled path has to take."""
