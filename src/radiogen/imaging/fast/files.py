"""The files of a folder, opened and their headers scanned at once.

In: a folder, or one file. Out: a `ScannedFiles`: tables of what scan.py found, by file. Files that are not in memory
are all requested before the first is waited for, which halves the time of a cold series.
"""

import contextlib
import functools
import os
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiogen.imaging.fast import scan
from radiogen.imaging.fast.elements import KEYWORDS
from radiogen.imaging.folder import is_file, shown_entries

_WINDOW = 4096
"""Bytes of a file that are read first: the header of most."""

_NOW = getattr(os, "RWF_NOWAIT", 0)  # Linux only


@dataclass(frozen=True)
class ScannedFiles:
    """The regular files of a folder that could be opened, in no order.

    names: of the files. descriptors: of the open files; empty where the system allows too few of them. store,
    spans, marks: as `scan.scan_files` fills them, a row a file. complete: whether the folder holds nothing else.
    """

    names: Sequence[str]
    descriptors: Sequence[int]
    store: np.ndarray
    spans: np.ndarray
    marks: np.ndarray
    complete: bool

    def number_of(self, path: Path) -> int | None:
        """The row of the file at `path`, None where it has none."""
        return self._numbers.get(path.name)

    def descriptor_of(self, path: Path) -> int | None:
        """The open file at `path`, None where it is not held open."""
        number = self.number_of(path)
        return None if number is None or not self.descriptors else self.descriptors[number]

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}


@contextlib.contextmanager
def scanned_files(folder: Path) -> Iterator[ScannedFiles]:
    """The files of `folder`, or the one that it is, scanned; they are open within the context."""
    names, paths, complete = _regular_files(folder)
    tables = (np.empty((len(paths), scan.STORE_BYTES), np.uint8), np.full((len(paths), len(KEYWORDS), 3), -1, np.int64),
              np.zeros((len(paths), 8), np.int64))
    if len(paths) >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2:
        for number, path in enumerate(paths):
            with contextlib.ExitStack() as stack:
                descriptors = _opened([path], stack)
                _scan(descriptors, *(table[number:number + 1] for table in tables))
        yield ScannedFiles(names, (), *tables, complete)
        return
    with contextlib.ExitStack() as stack:
        descriptors = _opened(paths, stack)
        _scan(descriptors, *tables)
        yield ScannedFiles(names, descriptors, *tables, complete)


def _regular_files(folder: Path) -> tuple[list[str], list[str], bool]:
    """Names and paths of the files of a folder but for hidden ones, and whether it holds nothing else."""
    try:
        shown = shown_entries(folder)
    except NotADirectoryError:
        return [folder.name], [str(folder)], True
    except OSError:  # `folder.list_folder` says what is wrong with the folder
        return [], [], False
    files = [entry for entry in shown if is_file(entry)]
    return [entry.name for entry in files], [entry.path for entry in files], len(files) == len(shown)


def _opened(paths: Sequence[str], stack: contextlib.ExitStack) -> list[int]:
    """Descriptors that `stack` closes; -1 for a file that cannot be opened, which pydicom's path then names."""
    descriptors: list[int] = []
    stack.callback(_close, descriptors)
    for path in paths:
        try:
            descriptors.append(os.open(path, os.O_RDONLY))
        except OSError:
            descriptors.append(-1)
    return descriptors


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)


def _scan(descriptors: Sequence[int], store: np.ndarray, spans: np.ndarray, marks: np.ndarray) -> None:
    contents, lengths = _read_starts(descriptors)
    scan.scan_files(np.array(descriptors, np.int32), contents, lengths, store, spans, marks)


def _read_starts(files: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """The first bytes of all files, and how many there are. Files that are not in memory are all requested first."""
    contents = np.empty((len(files), _WINDOW), np.uint8)
    lengths, cold = np.zeros(len(files), np.int64), []
    for number, (file, content) in enumerate(zip(files, contents, strict=True)):
        if file < 0:
            continue
        try:
            lengths[number] = os.preadv(file, [content.data], 0, _NOW)
        except OSError:  # it would have to wait for the disk, or the file system does not know
            cold.append(number)
            continue
        if lengths[number] < _WINDOW:
            cold.append(number)
    for number in cold:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(files[number], 0, 0, os.POSIX_FADV_WILLNEED)
    for number in cold:
        try:
            lengths[number] = os.preadv(files[number], [contents[number].data], 0)
        except OSError:  # the scan notes such a file's state
            lengths[number] = 0
    return contents, lengths
