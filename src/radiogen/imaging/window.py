"""The window that a series' own files name: which values a radiologist's screen shows from black to white.

In: a folder, and the `Volume` that was read from it. Out: a window for each slice, and slices with it applied. The
arithmetic is pydicom's `apply_voi_lut` (DICOM PS3.3 C.11.2: linear, exact linear, sigmoid, lookup tables), on rescaled
values, as the standard wants it. A file without a window, or with one that makes no sense, is left as it is, and a
finding says so.
"""

import contextlib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radiogen.core.errors import short_reason
from radiogen.imaging.dicom.geometry import place
from radiogen.imaging.dicom.guarded import read_tags
from radiogen.imaging.dicom.headers import SliceHeader
from radiogen.imaging.dicom.stacks import names
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import is_nifti
from radiogen.imaging.series import chosen_stack
from radiogen.imaging.volume import Volume

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_WINDOW = ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")
_SCALE = ("BitsStored", "PixelRepresentation", "PhotometricInterpretation")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def read_windows(folder: Path, volume: Volume) -> tuple[list["Dataset | None"], list[Finding]]:
    """For each slice of `volume`, read from `folder`, the window of the file nearest to it; None where there is none.

    Of several windows the first counts, and a lookup table before a window. Also returns what is odd.
    """
    if is_nifti(Path(folder)):  # a format without windows
        return [None] * len(volume.voxels), [Finding(FindingCode.WINDOW_MISSING, (), {"everywhere": True})]
    stack, _ = chosen_stack(Path(folder))
    headers = [stack.slices[index] for index in place(stack.slices).order]
    if any(header.storage.inverted for header in headers):
        return [None] * len(volume.voxels), [Finding(FindingCode.WINDOW_OF_INVERTED)]
    files: dict[Path, Dataset | None] = {}
    windows: list[Dataset | None] = []
    bad: dict[Finding, list[SliceHeader]] = {}
    for header in headers:
        if header.path not in files:
            files[header.path] = _values(header.path)
        try:
            window = _of_frame(files[header.path], header.frame)
            problem = Finding(FindingCode.WINDOW_MISSING) if window is None else _refused(window)
        except MemoryError:
            raise
        except Exception as error:  # pydicom raises nearly anything on an element of another kind
            problem = Finding(FindingCode.WINDOW_UNREADABLE, (), {"error": short_reason(error)})
        windows.append(window if problem is None else None)
        if problem is not None:
            bad.setdefault(problem, []).append(header)
    findings = [replace(problem, files=names(slices), values={
        **problem.values, "everywhere": len(slices) == len(headers)}) for problem, slices in bad.items()]
    if any(window is not None and _several(window) for window in windows):
        findings.append(Finding(FindingCode.WINDOWS_SEVERAL))
    nearest = _nearest(headers, volume)
    if nearest is None:
        return [None] * len(volume.voxels), [Finding(FindingCode.WINDOWS_UNASSIGNED)]
    return [windows[index] for index in nearest], findings


def apply_window(pixels: np.ndarray, window: "Dataset | None") -> np.ndarray:
    """`pixels` (row, column) as the window shows them, float32 from 0 or, in signed series, from below; or as they are.

    The scale is that of the stored bits (or of the lookup table), so it says nothing: a normalisation has to follow.
    """
    from pydicom.pixels import apply_voi_lut

    if window is None:
        return pixels.astype(np.float32)
    if window.get("VOILUTSequence") and pixels.dtype.kind == "f":
        pixels = np.rint(pixels).astype(np.int32)
    return apply_voi_lut(pixels, window).astype(np.float32)


def _values(path: Path) -> "Dataset | None":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read_tags(path, (*_WINDOW, *_SCALE, *_GROUPS), force=True)
        except MemoryError:
            raise
        except Exception:  # headers.py has said what is wrong with it
            return None


def _of_frame(values: "Dataset | None", frame: int) -> "Dataset | None":
    """The window of one frame, of an enhanced file from its functional groups; None where it has none."""
    import pydicom

    if values is None:
        return None
    groups = [*values.get("SharedFunctionalGroupsSequence", ())]
    with contextlib.suppress(IndexError):
        groups.append(values.get("PerFrameFunctionalGroupsSequence", ())[frame])
    window = pydicom.Dataset()
    if hasattr(values, "file_meta"):  # has the byte order of a lookup table
        window.file_meta = values.file_meta
    for keyword in (*_WINDOW, *_SCALE):
        if keyword in values:
            window.add(values[keyword])
    for group in groups:
        for item in group.get("FrameVOILUTSequence", ()):
            for keyword in _WINDOW:
                if keyword in item:
                    window.add(item[keyword])
    known = window.get("VOILUTSequence") or None not in (window.get("WindowCenter"), window.get("WindowWidth"))
    return window if known else None


def _refused(window: "Dataset") -> Finding | None:
    """Why a window cannot be applied; None where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shown = apply_window(np.zeros((1, 1), np.int32), window)
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises nearly anything on a damaged lookup table
        return Finding(FindingCode.WINDOW_IMPOSSIBLE, (), {"error": short_reason(error)})
    return None if np.isfinite(shown).all() else Finding(FindingCode.WINDOW_NO_NUMBER)


def _several(window: "Dataset") -> bool:
    if window.get("VOILUTSequence"):
        return len(window.VOILUTSequence) > 1
    return window["WindowCenter"].VM > 1


def _nearest(headers: list[SliceHeader], volume: Volume) -> list[int] | None:
    """By slice of the volume, which of `headers` lies nearest to it; None where it is not known."""
    count = len(volume.voxels)
    if volume.affine is not None and all(header.position is not None for header in headers):
        step = volume.affine[:3, 0]
        positions = np.array([header.position for header in headers])
        along = (positions - volume.affine[:3, 3]) @ step / (step @ step)
        return np.abs(np.arange(count)[:, None] - along).argmin(axis=1).tolist()
    return list(range(count)) if count == len(headers) else None
