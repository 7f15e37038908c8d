"""The bytes of a NIfTI file: header and voxels, from one file or a pair, compressed or not.

In: a path to `.nii`, `.hdr` or `.img`, each also with `.gz`. Out: nibabel's header, and as many voxels as it declares,
an array in the file's order. No more is read or inflated than that, and what cannot fit is refused before.
"""

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from radiogen.core.memory import available_memory
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import SeriesError

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

GZIP = b"\x1f\x8b"
HEADER_BYTES = {348: "nifti1", 540: "nifti2"}
"""The first number of a header is its own size."""
BYTE_ORDERS: dict[Literal["little", "big"], str] = {"little": "<", "big": ">"}
SINGLE, PAIR = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")
MOST_INFLATED = 512 << 20
MOST_TIMES = 200
"""A compressed file may hold so many bytes, or so many times its own size where that is more: a mask of a head, nearly
all 0, is compressed to a hundredth at most."""
BLOCK = 1 << 20
_FETCH, _CONVERT = "fetch the file again or leave it out", "convert the series to NIfTI again"


@dataclass(frozen=True)
class NiftiFile:
    """A header and the voxels as stored: (i, j, k), in the file's dtype. findings: what is odd about the bytes."""

    header: "Nifti1Header"
    stored: NDArray[np.number]
    findings: tuple[Finding, ...]


def read_file(path: Path) -> NiftiFile:
    """Read one NIfTI-1 or NIfTI-2 image of one volume. Raises SeriesError where there is none, or no whole one."""
    header_path, voxels_path = _pair(path)
    single = header_path == voxels_path
    header, magic = _read_header(header_path)
    if magic not in (SINGLE if single else PAIR):
        code = FindingCode.NIFTI_ANALYZE if not single and magic not in SINGLE else FindingCode.NIFTI_UNKNOWN
        raise SeriesError(header_path, Finding(code), _CONVERT)
    shape = _checked_shape(header_path, header)
    dtype = _checked_dtype(header_path, header)
    stored, surplus = _read_voxels(voxels_path, _offset(header_path, header, single), shape, dtype)
    odd = [Finding(FindingCode.PIXELS_IN_EXCESS, [voxels_path.name], {"everywhere": False})] if surplus else []
    return NiftiFile(header, stored, tuple(odd))


def declared_bytes(path: Path) -> int:
    """How large the voxels are as stored, by the header; 0 where it cannot be read, which the reader then says."""
    try:
        header, _ = _read_header(_pair(path)[0])
        return math.prod(_checked_shape(path, header)) * _checked_dtype(path, header).itemsize
    except SeriesError:
        return 0


def _pair(path: Path) -> tuple[Path, Path]:
    """The files of header and voxels, which are one for `.nii`. Raises SeriesError where one of a pair is missing."""
    if path.is_dir():
        raise SeriesError(path, Finding(FindingCode.NIFTI_UNKNOWN), "name the file in it")
    if not path.is_file():
        raise SeriesError(path, Finding(FindingCode.FOLDER_MISSING), "check the path")
    name = path.name.removesuffix(".gz")
    stem, packed = name[:-4], path.name[len(name):]
    if not name.endswith((".hdr", ".img")):
        return path, path
    found = []
    for suffix in (".hdr", ".img"):
        both = [path.with_name(f"{stem}{suffix}{end}") for end in (packed, "", ".gz")]
        there = [each for each in both if each.is_file()]
        if not there:
            raise SeriesError(path, Finding(FindingCode.NIFTI_HALF_PAIR, (), {"lacking": both[0].name}),
                              f"put {both[0].name} beside it")
        found.append(there[0])
    return found[0], found[1]


def _read_header(path: Path) -> "tuple[Nifti1Header, bytes]":
    """nibabel's header and the file's magic. Raises SeriesError for another file and for a header that is damaged."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    content = bytes(_read(path, 540))
    known = [(size, name, sign) for order, sign in BYTE_ORDERS.items() for size, name in HEADER_BYTES.items()
             if content[:4] == size.to_bytes(4, order) and len(content) >= size]
    if not known:
        raise SeriesError(path, Finding(FindingCode.NIFTI_UNKNOWN), "check that it is the image, and fetch it again")
    size, name, sign = known[0]
    magic = content[344:348] if name == "nifti1" else content[4:8]
    if magic not in (*SINGLE, *PAIR):  # Analyze 7.5 has the same size
        return Nifti1Header(content[:348], check=False) if size == 348 else Nifti1Header(), magic
    made = Nifti1Header if name == "nifti1" else Nifti2Header
    try:
        header = made(content[:size], endianness=sign, check=False)
        header.get_data_shape(), header.get_data_dtype(), header.get_data_offset()
    except (HeaderDataError, WrapStructError, ValueError, KeyError, OverflowError) as error:
        raise SeriesError(path, Finding(FindingCode.NIFTI_DAMAGED, (), {"error": _line(error)}), _FETCH) from error
    return header, magic


def _checked_shape(path: Path, header: "Nifti1Header") -> tuple[int, int, int]:
    """Three extents. Raises SeriesError for other numbers of axes, several volumes, and extents that cannot be."""
    axes = int(header["dim"][0])
    extents = [int(extent) for extent in header["dim"][1:max(axes, 0) + 1]]
    if not 1 <= axes <= 7 or any(extent < 1 for extent in extents):
        raise SeriesError(path, Finding(FindingCode.NIFTI_DAMAGED, (), {
            "error": f"{axes} axes of {' x '.join(map(str, extents)) or 'no'} voxels"}), _FETCH)
    volumes = math.prod(extents[3:])
    if volumes > 1:
        raise SeriesError(path, Finding(FindingCode.NIFTI_SEVERAL_VOLUMES, (), {"volumes": volumes}),
                          "split it into one file a volume and keep the one that is meant")
    if len(extents) < 3:
        raise SeriesError(path, Finding(FindingCode.NIFTI_FLAT, (), {"axes": len(extents)}), _CONVERT)
    first, second, third = extents[:3]
    return first, second, third


def _checked_dtype(path: Path, header: "Nifti1Header") -> np.dtype:
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        kind = {"c": "complex numbers", "V": "colours"}.get(dtype.kind, str(dtype))
        raise SeriesError(path, Finding(FindingCode.NIFTI_NOT_GREY, (), {"kind": kind}),
                          "store one grey value a voxel, such as the magnitude")
    return dtype


def _offset(path: Path, header: "Nifti1Header", single: bool) -> int:
    """Where the voxels begin. Raises SeriesError where that is within the header."""
    offset, least = int(header.get_data_offset()), int(header["sizeof_hdr"]) + 4 if single else 0
    if single and offset == 0:  # some writers leave it out
        return least
    if offset < least:
        raise SeriesError(path, Finding(FindingCode.NIFTI_DAMAGED, (), {"error": f"its voxels begin at byte {offset}"}),
                          _FETCH)
    return offset


def _read_voxels(path: Path, offset: int, shape: tuple[int, int, int],
                 dtype: np.dtype) -> tuple[NDArray[np.number], bool]:
    """The voxels in the file's order, and whether more bytes follow them."""
    declared = math.prod(shape) * dtype.itemsize
    _check_size(path, shape, offset + declared)
    content = _read(path, offset + declared + 1)
    if len(content) < offset + declared:
        raise SeriesError(path, Finding(FindingCode.NIFTI_CUT_OFF, (), {
            "held": max(0, len(content) - offset), "declared": declared}), _FETCH)
    stored = np.frombuffer(content, dtype, math.prod(shape), offset).reshape(shape, order="F")
    return stored, len(content) > offset + declared


def _check_size(path: Path, shape: tuple[int, int, int], declared: int) -> None:
    """Raise SeriesError where the declared bytes cannot be in the file, or do not fit into memory."""
    held, packed = path.stat().st_size, _is_packed(path)
    if packed and declared > max(MOST_INFLATED, MOST_TIMES * held):
        raise SeriesError(path, Finding(FindingCode.NIFTI_INFLATES_TOO_MUCH, (), {
            "declared_mib": declared / (1 << 20), "held_mib": held / (1 << 20)}), _FETCH)
    if (declared if packed else min(declared, held)) > available_memory() // 2:
        raise SeriesError(path, Finding(FindingCode.SERIES_TOO_LARGE, (), {
            "slices": shape[2], "rows": shape[1], "columns": shape[0]}), "use a machine with more memory")


def _is_packed(path: Path) -> bool:
    return bytes(_read(path, 2, inflate=False)) == GZIP


def _read(path: Path, count: int, inflate: bool = True) -> memoryview:
    """At most `count` bytes of the file's content, decompressed. Raises SeriesError where it cannot be read."""
    try:
        with path.open("rb") as file:
            packed = inflate and file.read(2) == GZIP
            file.seek(0)
            source = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
            return _up_to(source, count if packed else min(count, path.stat().st_size))
    except EOFError:
        raise SeriesError(path, Finding(FindingCode.NIFTI_DAMAGED, (), {"error": "its compressed stream is cut off"}),
                          _FETCH) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SeriesError(path, Finding(FindingCode.NIFTI_DAMAGED, (), {"error": _line(error)}), _FETCH) from error
    except OSError as error:
        raise SeriesError(path, Finding(FindingCode.FOLDER_UNREADABLE, (), {"error": error.strerror or _line(error)}),
                          "make it readable") from error


def _up_to(source: BinaryIO, count: int) -> memoryview:
    content = memoryview(bytearray(count))
    filled = 0
    while filled < count and (more := source.readinto(content[filled:filled + BLOCK])):  # type: ignore[attr-defined]
        filled += more
    return content[:filled]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
