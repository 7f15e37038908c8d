"""A real series turned into another kind, its pixels and places unchanged.

In: a folder of classic, uncompressed DICOM files and an empty one. Out: the same series in Implicit VR, with private
sequences, with something beside it or behind its pixels, or gathered into one enhanced multi-frame file.
"""

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from benchmarks.synthetic import raw_elements as raw
from benchmarks.synthetic.additions import (
    copies,
    json_beside,
    private_sequences,
    text_beside,
    trailing_padding,
    zeros_behind,
)
from benchmarks.synthetic.enhanced_kinds import one

Random = np.random.Generator


def transcode(folder: Path, out: Path, kind: str, random: Random) -> None:
    """Write the series of `folder` to `out` as one of `VARIANTS`. Files that are no DICOM are copied."""
    out.mkdir(parents=True)
    VARIANTS[kind](folder, out, random)


def images(folder: Path) -> list[Path]:
    """The DICOM files of a folder that hold an image, in the order of their names."""
    return [path for path in sorted(folder.iterdir()) if "Rows" in _header(path)]


def _header(path: Path) -> Dataset:
    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
    except InvalidDicomError:
        return Dataset()


def _image(path: Path) -> Dataset:
    """A data set that pydicom writes again: without command elements (0000,eeee), which some servers leave in."""
    dataset = pydicom.dcmread(path)
    for tag in [tag for tag in dataset.keys() if tag.group == 0]:  # noqa: SIM118
        del dataset[tag]
    return dataset


def _implicit(folder: Path, out: Path, random: Random) -> None:
    for path in images(folder):
        dataset = _image(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(out / path.name, implicit_vr=True, little_endian=True)


def _shuffled(folder: Path, out: Path, random: Random) -> None:
    """Other names, in another order."""
    paths = images(folder)
    for number, index in enumerate(random.permutation(len(paths))):
        shutil.copyfile(paths[index], out / f"MR.{number:04d}")


def _with(add: Callable[[Path, Random], None]) -> Callable[[Path, Path, Random], None]:
    def make(folder: Path, out: Path, random: Random) -> None:
        shutil.copytree(folder, out, dirs_exist_ok=True)
        add(out, random)
    return make


def _edited(change: Callable[[raw.Parts, Random], None]) -> Callable[[Path, Path, Random], None]:
    def make(folder: Path, out: Path, random: Random) -> None:
        for path in images(folder):
            shutil.copyfile(path, out / path.name)
            raw.rewrite(out / path.name, lambda parts: change(parts, random))
    return make


def _classic_groups(folder: Path, out: Path, random: Random) -> None:
    """Geometry stands in functional groups of one item, as well as at the top level."""
    for path in images(folder):
        dataset = _image(path)
        dataset.SharedFunctionalGroupsSequence = Items([Dataset()])
        dataset.PerFrameFunctionalGroupsSequence = Items([_groups(dataset)])
        dataset.save_as(out / path.name)


def _gathered(folder: Path, out: Path, random: Random) -> None:
    """All files as the frames of one enhanced file, in a random order."""
    datasets = [_image(path) for path in images(folder)]
    datasets = [datasets[index] for index in random.permutation(len(datasets))]
    first = copy.deepcopy(datasets[0])
    for keyword in ("ImagePositionPatient", "RescaleSlope", "RescaleIntercept", "InstanceNumber"):
        first.pop(keyword, None)
    first.file_meta = FileMetaDataset()
    first.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    first.SOPClassUID = first.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    first.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    first.NumberOfFrames = len(datasets)
    first.PerFrameFunctionalGroupsSequence = Items([_groups(dataset) for dataset in datasets])
    first.PixelData = b"".join(dataset.PixelData for dataset in datasets)
    first["PixelData"].VR = "OW"
    first.save_as(out / "enhanced.dcm", enforce_file_format=True)


def _groups(dataset: Dataset) -> Dataset:
    """The functional groups of a classic image; geometry that it lacks is left out."""
    groups = Dataset()
    for name, keywords in (("PlanePositionSequence", ["ImagePositionPatient"]),
                           ("PlaneOrientationSequence", ["ImageOrientationPatient"]),
                           ("PixelMeasuresSequence", ["PixelSpacing"]),
                           ("PixelValueTransformationSequence", ["RescaleSlope", "RescaleIntercept"])):
        values = {keyword: dataset[keyword].value for keyword in keywords if keyword in dataset}
        if values:
            setattr(groups, name, one(**values))
    return groups


VARIANTS: dict[str, Callable[[Path, Path, Random], None]] = {
    "implicit": _implicit, "other names": _shuffled, "text beside": _with(text_beside),
    "JSON beside": _with(json_beside), "copies": _with(copies), "private sequences": _edited(private_sequences),
    "private sequences, UN": _edited(lambda parts, random: private_sequences(parts, random, unknown=True)),
    "trailing padding": _edited(trailing_padding), "zeros behind the pixels": _edited(zeros_behind),
    "functional groups": _classic_groups, "enhanced": _gathered,
}
ONE_VOLUME_ONLY = ("enhanced", "copies")
"""Of repeated volumes a variant of these kinds would be another series: their traits are not gathered."""
