"""How much memory a case will take, by the size of its files: what decides how many are read side by side.

In: folders of series. Out: bytes. Uncompressed pixels are as large as their files; what compressed ones are declared to
be is in the header of the first.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from radiogen.imaging.dicom.guarded import read_tags
from radiogen.imaging.folder import is_nifti

OF_A_PROCESS = 300 << 20
"""Bytes that a worker takes before it reads anything: its imports and the compiled kernels."""
OF_THE_LARGEST, OF_OTHERS = 2.5, 2.0
"""What the largest series of a case takes while it is read and made into arrays, and what the others keep, as
multiples of their voxels as stored: benchmarks/speed/memory.py, and twice for integers that are rescaled to float32."""
_MOST_COMPRESSED = 10
"""How much smaller than its pixels a series is seldom."""


def processes_that_fit(cases: Sequence[Sequence[Path]], available: int, wanted: int) -> tuple[int, int]:
    """How many of the `wanted` processes fit into `available` bytes, at least one; and the bytes that one may take.

    cases: the folders of the series of each. Headers are only read where it might matter.
    """
    by_size = [_needed([_files_bytes(folder) for folder in folders]) for folders in cases]
    rough = OF_A_PROCESS + _MOST_COMPRESSED * max(by_size, default=0)
    if rough * wanted <= available:
        return wanted, rough
    need = OF_A_PROCESS + max((_needed([_stored_bytes(folder) for folder in folders]) for folders in cases), default=0)
    return max(1, min(wanted, int(available // need))), need


def _files_bytes(folder: Path) -> int:
    """The size of a folder's files, or of a NIfTI file's voxels; 0 where it cannot be read, which the reader says."""
    if is_nifti(folder):  # masks are compressed to a hundredth, and the header is at the beginning
        from radiogen.imaging.nifti.files import declared_bytes

        return declared_bytes(folder)
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries if entry.is_file())
    except OSError:
        return 0


def _stored_bytes(folder: Path) -> int:
    """About how large the voxels of a series are as stored: its files, or what its first file declares if compressed.

    Files that are no images, or are damaged, count as what they are on the disk.
    """
    size = _files_bytes(folder)
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        first = read_tags(paths[0], ("Rows", "Columns", "NumberOfFrames", "BitsAllocated"))
        if not first.file_meta.TransferSyntaxUID.is_compressed:
            return size
        declared = first.Rows * first.Columns * (first.BitsAllocated // 8) * int(first.get("NumberOfFrames") or 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  (of what is no image pydicom may say anything; the reader reports what it is)
        return size
    return max(size, len(paths) * declared)


def _needed(sizes: Sequence[int]) -> int:
    largest = max(sizes, default=0)
    return int(OF_THE_LARGEST * largest + OF_OTHERS * (sum(sizes) - largest))
