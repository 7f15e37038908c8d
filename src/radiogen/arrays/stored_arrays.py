"""The arrays of a cache and their index, read: by name as memory maps, or block by block where a batch needs a few.

In: a folder that cache.py filled. Out: `index.csv` as a table, arrays, or some of their images. What is missing, cut
off or changed since is a UserError with a remedy.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.types import Voxels
from radiogen.core.wording import command
from radiogen.task import ID, read_task

COLUMNS = (ID, "split", "sha256", "shape", "slices", "findings", "finding_codes", "changes", "change_codes",
           "failed", "failed_code", "perceptual_hash")
"""Of an index. The codes are case_findings.py's; `failed_code`: `UserError.code` of what is in `failed`."""


def read_index(folder: Path) -> pd.DataFrame:
    """The index of a finished cache, ids as text, '' where a cell is empty."""
    path = Path(folder) / "index.csv"
    if not path.is_file():
        raise UserError(path, "is missing", f"run {command('preprocess')}")
    try:
        index = read_task(path.parent).from_file(pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False))
    except (OSError, ValueError) as error:
        raise UserError(path, f"cannot be read ({error})", f"run {command('preprocess')} again") from error
    lacking = [name for name in COLUMNS if name not in index]
    if lacking or index[ID].duplicated().any():
        problem = f"has no column {lacking[0]}: it is damaged, or of an older version" if lacking else (
            "has a case twice, so it is damaged")
        raise UserError(path, problem, f"run {command('preprocess')} again")
    return index


def check_arrays(folder: Path, index: pd.DataFrame, cases: Collection[str]) -> None:
    """Raise UserError unless every array of `cases` has the bytes of which its row of the index has the hash."""
    expected = index.set_index(ID)["sha256"]
    for case in cases:
        with _readable(Path(folder) / f"{case}.npy") as path:
            whole = path.is_file() and files.sha256(path) == expected.get(case)
        if not whole:
            raise UserError(path, "is missing or was changed after it was made",
                            f"delete it and run {command('preprocess')} again")


def open_array(folder: Path, case: str) -> Voxels:
    """A case's array as a read-only memory map."""
    with _readable(Path(folder) / f"{case}.npy") as path:
        return np.load(path, mmap_mode="r", allow_pickle=False)


class Layout(NamedTuple):
    """Where a case's array lies in its file: `offset` bytes from the beginning, in C order.

    sha256: what the file has to be, "" where anything is taken; stamp: inode, size and time of the file that was it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    sha256: str = ""
    stamp: tuple[int, ...] = ()


def array_layout(folder: Path, case: str, sha256: str = "") -> Layout:
    """The layout of a case's array, from the header of its file; with `sha256` a file of other bytes is refused."""
    with _readable(Path(folder) / f"{case}.npy") as path, path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("not as this package writes it")
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(file)
        offset, size = file.tell(), file.seek(0, os.SEEK_END)
        if in_columns or dtype.hasobject or min(shape, default=0) < 1:
            raise ValueError("not as this package writes it")
        if size != offset + math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{size} bytes do not hold {dtype} {shape}")
        return Layout(shape, dtype, offset, sha256, _check_bytes(path, file.fileno(), sha256))


def read_blocks(folder: Path | str, case: str, layout: Layout, blocks: Sequence[int], rank: int,
                out: Voxels | None = None) -> Voxels:
    """Images of `rank` axes out of a case's array, (len(blocks), ...); the array counts as one row of them.

    out: where they go, in C order. Only their bytes are read, and no memory map is left behind: mapped pages count as
    memory of the process. A file that was replaced since its layout was read is held against its sha256 once more.
    """
    if out is None:
        out = np.empty((len(blocks), *layout.shape[-rank:]), layout.dtype)
    path = f"{folder}/{case}.npy"  # a Path, or a context manager, costs as much as the reading
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if layout.sha256 and _stamp(descriptor) != layout.stamp:
                _check_bytes(path, descriptor, layout.sha256)
            size = out.nbytes // max(1, len(blocks))
            for block, target in zip(blocks, out, strict=True):
                if os.preadv(descriptor, [target], layout.offset + block * size) < size:
                    raise ValueError("cut off")
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return out


def _check_bytes(path: Path | str, descriptor: int, sha256: str) -> tuple[int, ...]:
    """The stamp of an open file. Raises UserError unless it has this SHA-256, where one is given."""
    stamp = _stamp(descriptor)
    if sha256:
        with open(os.dup(descriptor), "rb") as file:  # noqa: PTH123  (a number)
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise UserError(path, "is not the array that this training began with: it was changed since",
                                "run the same command again: what can be made again is, and finished epochs are kept")
    return stamp


def _stamp(descriptor: int) -> tuple[int, ...]:
    state = os.fstat(descriptor)
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[Path]:
    try:
        yield path
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path | str, error: Exception) -> UserError:
    return UserError(path, f"cannot be read ({error})", f"delete it and run {command('preprocess')} again")
