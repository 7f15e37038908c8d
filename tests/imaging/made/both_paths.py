"""What both paths of the reader make of a folder, and what pydicom alone makes of its frames.

In: a folder of DICOM files, whole or damaged. Out: volumes or the finding of a refusal, which have to be the same by
both paths; and every slice of a volume found again among the frames that `pydicom.dcmread(...).pixel_array` gives,
without this package's own code between.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from radiogen.arrays import read_cube, read_slices
from radiogen.imaging import SeriesError, Volume, read_series
from radiogen.imaging.findings import Finding

Frame = tuple[np.ndarray, np.ndarray]
"""Position (3,) in LPS mm and real values (row, column) float64."""


def outcome(read: Callable[..., Any], folder: Path, *arguments: int, fast: bool) -> Any:
    """What a reader returns, or the finding for which it refuses the series; any other error is not caught."""
    try:
        return read(folder, *arguments, fast=fast)
    except SeriesError as refused:
        return refused.finding


def agree(folder: Path) -> Volume | Finding:
    """Assert that both paths say the same of a folder, bit for bit, and return what they say."""
    fast, slow = (outcome(read_series, folder, fast=fast) for fast in (True, False))
    if isinstance(slow, Finding) or isinstance(fast, Finding):
        assert fast == slow
    else:
        same_volume(fast, slow)
    for read, size in ((read_cube, 8), (read_slices, 12)):
        arrays = [outcome(read, folder, size, fast=fast) for fast in (True, False)]
        assert np.array_equal(*arrays) if not isinstance(arrays[0], Finding) else arrays[0] == arrays[1], read.__name__
    return fast


def same_volume(fast: Volume, slow: Volume) -> None:
    """Assert that two volumes are the same: voxels with NaN in the same places, dtype, affine, findings."""
    assert fast.voxels.dtype == slow.voxels.dtype
    assert np.array_equal(fast.voxels, slow.voxels, equal_nan=fast.voxels.dtype.kind == "f")
    assert (fast.affine is None) == (slow.affine is None)
    assert fast.affine is None or np.array_equal(fast.affine, slow.affine)
    assert fast.findings == slow.findings


def reader_of(volume: Volume) -> Any:
    """Which path read a volume; the test is skipped while volumes do not say so."""
    if "reader" not in {field.name for field in dataclasses.fields(Volume)}:
        pytest.skip("Volume.reader does not exist yet")
    return volume.reader


def frames_by_pydicom(folder: Path) -> list[Frame]:
    """Every frame of every image in a folder (or of one file) that tells its position; compressed ones, too."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    return [frame for path in paths if path.is_file() for frame in _frames(path)]


def is_uncompressed(folder: Path) -> bool:
    """Whether no image in a folder (or one file) has a compressed transfer syntax."""
    syntaxes = set()
    for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
        try:
            dataset = pydicom.dcmread(path, specific_tags=["Rows"], stop_before_pixels=True)
        except (InvalidDicomError, IsADirectoryError):
            continue
        if "Rows" in dataset and "TransferSyntaxUID" in dataset.file_meta:
            syntaxes.add(dataset.file_meta.TransferSyntaxUID)
    return not any(syntax.is_compressed for syntax in syntaxes)


def assert_slices_are_frames(volume: Volume, frames: list[Frame]) -> None:
    """Assert that every slice lies where the affine puts it and holds what pydicom decodes of a frame there."""
    positions = np.array([position for position, _ in frames])
    for number, pixels in enumerate(volume.voxels):
        place = (volume.affine @ [number, 0, 0, 1])[:3]
        step = np.linalg.norm(volume.affine[:3, 0])
        near = np.flatnonzero(np.linalg.norm(positions - place, axis=1) < 0.25 * step)
        assert len(near), f"no frame lies where slice {number} is"
        wanted = [frames[index][1] for index in near if frames[index][1].shape == pixels.shape]
        assert any(np.array_equal(each.astype(pixels.dtype), pixels) for each in wanted), f"slice {number}"


def _frames(path: Path) -> Iterator[Frame]:
    try:
        dataset = pydicom.dcmread(path)
    except InvalidDicomError:
        return
    if not {"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(dataset.dir()):
        return
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    for number, stored in enumerate(frames):
        position = _value(dataset, number, "PlanePositionSequence", "ImagePositionPatient")
        if position is None:
            continue
        slope, intercept = (_value(dataset, number, "PixelValueTransformationSequence", keyword)
                            for keyword in ("RescaleSlope", "RescaleIntercept"))
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            stored = _inverted(stored, dataset)
        values = stored.astype(np.float64) * float(1 if slope is None else slope) + float(intercept or 0)
        yield np.array(position, float), values


def _inverted(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    if stored.dtype.kind == "f":
        return -stored
    return (-1 if dataset.PixelRepresentation else (1 << dataset.BitsStored) - 1) - stored.astype(np.int64)


def _value(dataset: Dataset, frame: int, sequence: str, keyword: str) -> Any:
    """From the frame's own functional groups, else the shared ones, else the top level (PS3.3, C.7.6.16)."""
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*own[frame:frame + 1], *shared[:1]):
        items = groups.get(sequence)
        if items and keyword in items[0]:
            return items[0][keyword].value
    return dataset.get(keyword)
