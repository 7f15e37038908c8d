"""What one series says of its scanner: header fields, and the raw air outside the head, before any normalisation.

In: a folder of DICOM files, or one file. Out: a row of `scanner.csv`. One file is opened, the middle one by name: its
header by pydicom, its air from the four corners of the slice. Whatever cannot be read is empty: this table is about the
images and never a reason to refuse them.
"""

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from radiogen.dataset.scanner import NUMBERS, TEXTS
from radiogen.imaging.folder import is_nifti

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Row = dict[str, str | float | None]

CORNER = 8
"""A corner of the slice is an eighth of its rows by an eighth of its columns."""
_STEP = 4
"""Of every fourth row and column the brightness of the slice is taken."""
_TEXT_KEYWORDS = dict(zip(TEXTS, ("Manufacturer", "ManufacturerModelName", "SoftwareVersions"), strict=True))
_NUMBER_KEYWORDS = {"field_strength_t": "MagneticFieldStrength", "repetition_ms": "RepetitionTime",
                    "echo_ms": "EchoTime", "inversion_ms": "InversionTime", "flip_angle_degrees": "FlipAngle"}
_STORAGE = ("Rows", "Columns", "BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "NumberOfFrames")


def scanner_row(folder: Path) -> Row:
    """`TEXTS` and `NUMBERS` of a series: "" and None where not known; NIfTI files know nothing of their scanner.

    Air: mean, standard deviation, 90 % and 99 % quantile and share of zeros of the stored values in the corners of one
    slice; signal: the 99 % quantile of the slice. None for compressed pixels.
    """
    empty: Row = {**dict.fromkeys(TEXTS, ""), **dict.fromkeys(NUMBERS)}
    if is_nifti(folder):
        return empty
    try:
        with _middle_file(folder).open("rb") as file:
            return {**empty, **_read_row(file)}
    except OSError:
        return empty


def air_of(pixels: NDArray[Any]) -> dict[str, float]:
    """Statistics of the raw air of one slice, (row, column): its corners, and how bright the slice is."""
    rows, columns = (max(1, size // CORNER) for size in pixels.shape)
    sides = [slice(None, rows), slice(-rows, None)], [slice(None, columns), slice(-columns, None)]
    air = np.concatenate([pixels[high, wide].ravel() for high in sides[0] for wide in sides[1]]).astype(np.float64)
    middle, high = np.quantile(air, (0.9, 0.99))
    return {"air_mean": float(air.mean()), "air_deviation": float(air.std()), "air_q90": float(middle),
            "air_q99": float(high), "air_zeros": float((air == 0).mean()),
            "signal": float(np.quantile(pixels[::_STEP, ::_STEP], 0.99))}


def _middle_file(folder: Path) -> Path:
    """The file that has as many names before it as after it; of a folder without files the folder itself."""
    if not folder.is_dir():
        return folder
    names = sorted((name for name in os.listdir(folder) if not name.startswith(".")),  # noqa: PTH208 - no Path needed
                   key=lambda name: (len(name), name))
    return folder / names[len(names) // 2] if names else folder


def _read_row(file: BinaryIO) -> Row:
    """The row of an open file; {} where it is no DICOM file that pydicom can parse."""
    from pydicom import dcmread

    wanted: list[Any] = [*_TEXT_KEYWORDS.values(), *_NUMBER_KEYWORDS.values(), *_STORAGE]
    try:
        with warnings.catch_warnings(action="ignore"):
            header = dcmread(file, stop_before_pixels=True, specific_tags=wanted, force=True)
        row: Row = {name: _text(header.get(key)) for name, key in _TEXT_KEYWORDS.items()}
        row |= {name: _number(header.get(key)) for name, key in _NUMBER_KEYWORDS.items()}
        pixels = _middle_frame(file, header)
    except Exception:  # noqa: BLE001 - pydicom raises whatever it meets in a damaged header; reading reports it
        return {}
    return row if pixels is None else {**row, **air_of(pixels)}


def _middle_frame(file: BinaryIO, header: "Dataset") -> NDArray[Any] | None:
    """The stored values of the middle frame, (row, column); None where they are compressed, or no plain integers."""
    syntax = header.file_meta.get("TransferSyntaxUID") if hasattr(header, "file_meta") else None
    if syntax is not None and (syntax.is_compressed or not syntax.is_little_endian):
        return None
    rows, columns, bits = (int(header.get(key) or 0) for key in _STORAGE[:3])
    if min(rows, columns) < 2 or bits not in (8, 16) or int(header.get("SamplesPerPixel") or 1) != 1:
        return None
    head = file.read(12)
    if head[:4] != b"\xe0\x7f\x10\x00":
        return None
    if head[4:6] not in (b"OW", b"OB"):  # implicit: no representation, and four bytes fewer
        file.seek(-4, 1)
    size = rows * columns * bits // 8
    file.seek(size * (int(header.get("NumberOfFrames") or 1) // 2), 1)
    content = file.read(size)
    kind = f"<{'i' if header.get('PixelRepresentation') else 'u'}{bits // 8}"
    return np.frombuffer(content, kind).reshape(rows, columns) if len(content) == size else None


def _text(value: object) -> str:
    """A text of one line; several values divided by a backslash, as in the file."""
    parts = [value] if isinstance(value, str) or value is None else value
    joined = "\\".join(map(str, parts)) if isinstance(parts, list) or hasattr(parts, "__iter__") else str(parts)
    return " ".join("" if value is None else joined.split())


def _number(value: object) -> float | None:
    """A finite number, None where there is none; of several the first."""
    first = value[0] if hasattr(value, "__getitem__") and not isinstance(value, str) else value
    try:
        number = float(first)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
