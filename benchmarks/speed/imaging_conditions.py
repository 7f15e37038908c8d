"""The series that are measured, and what else than warm files on one core imaging.py can measure.

In: shapes, or folders of series. Out: synthetic series on disk; times of cold files, of cases side by side and of a
process's start. Every function says what it could not measure here instead of guessing.
"""

import contextlib
import ctypes
import json
import mmap
import os
import random
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.speed.imaging_peers import files_of

Shape = tuple[int, int, int]

_FIELD_MM, _SLAB_MM = 230.0, 160.0

_PRIVATE = (struct.pack("<HH2sH", 0x7FDF, 0x0010, b"LO", 18) + b"RADIOGEN BENCHMARK"
            + struct.pack("<HH2sHI", 0x7FDF, 0x1000, b"OB", 0, 940) + bytes(940))
"""Two private elements that bring a phantom's header of 1.7 kB to the 2.7 kB of the competition's files."""


class Span(NamedTuple):
    """One case: the process that read it; when it began and ended, in seconds of one clock for all processes."""

    process: int
    begin: float
    end: float


def make_series(folder: Path, shape: Shape, seed: int) -> Path:
    """Write an axial series of a phantom's head, a file a slice: Image-1.dcm is the top one, as it often is.

    shape: slices, rows, columns. Explicit VR little endian, uint16 of 12 or 16 bits, as in the competition. Numbers
    that were shuffled would leave out dicom2nifti, which needs even steps of InstanceNumber.
    """
    from radiogen.phantom.anatomy import draw_head
    from radiogen.phantom.geometry import Grid
    from radiogen.phantom.series import draw_image, write_series

    rng = np.random.default_rng(seed)
    head = draw_head(rng, 0.5)
    spacing = np.array([_SLAB_MM / shape[0], _FIELD_MM / shape[1], _FIELD_MM / shape[2]])
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    affine[:3, 3] = head.centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    grid = Grid("axial", shape, affine, np.arange(shape[0], 0, -1), float(spacing[0]), float(spacing[0]))
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_series(folder, draw_image(rng, head, "FLAIR", grid, 0.02, 0.1), grid, "00000", "FLAIR", seed)
    behind = 12 + 2 * shape[1] * shape[2]  # the head of the pixel data, and the pixels
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-behind] + _PRIVATE + content[-behind:])
    return folder


def evict(folder: Path) -> float:
    """Ask the system to forget the files of a series; the share of their pages that is in memory nevertheless."""
    for path in files_of(folder):
        with open(path, "rb") as file:  # noqa: PTH123
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return resident_share(folder)


def resident_share(folder: Path) -> float:
    """The share of a series' pages that are in memory, by the system's mincore."""
    libc = ctypes.CDLL(None, use_errno=True)
    resident = pages = 0
    for path in files_of(folder):
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:  # noqa: PTH123
            marks = np.empty(-(-len(mapped) // mmap.PAGESIZE), np.uint8)
            view = np.frombuffer(mapped, np.uint8)
            failed = libc.mincore(ctypes.c_void_p(view.ctypes.data), ctypes.c_size_t(len(mapped)),
                                  ctypes.c_void_p(marks.ctypes.data))
            del view
            if failed:
                raise OSError(ctypes.get_errno(), "mincore", path)
            resident, pages = resident + int((marks & 1).sum()), pages + len(marks)
    return resident / pages


def cold_times(folder: Path, readers: Sequence[Callable[[Path], object]], rounds: int,
               seed: int) -> list[list[float]] | None:
    """Seconds by reader and round, the files evicted before each; None where the system keeps them in memory."""
    times: list[list[float]] = [[] for _ in readers]
    order = list(range(len(readers)))
    shuffle = random.Random(seed).shuffle
    for _ in range(rounds):
        shuffle(order)
        for number in order:
            if evict(folder) > 0.01:
                return None
            begin = time.perf_counter()
            readers[number](folder)
            times[number].append(time.perf_counter() - begin)
    return times


def read_ahead_bytes(folder: Path) -> None:
    """Only the bytes, all files called for before the first is read: the disk's own rate."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(open(path, "rb")) for path in files_of(folder)]  # noqa: PTH123
        for file in opened:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
        for file in opened:
            file.read()


def side_by_side(folders: Sequence[Path], root: Path, cases: int, workers: int) -> tuple[float, float]:
    """Cases a second in a warm pool of `workers`, and seconds for all of them, start of the processes included.

    A case is the 64-cubes of its series: of each of `folders` twice, in copies under `root` of which there are four.
    """
    from radiogen.core.parallel import map_items

    copies = [root / f"copy-{number}" for number in range(4)]
    for copy in copies:
        for number, folder in enumerate([*folders, *folders]):
            if not (copy / str(number)).is_dir():
                shutil.copytree(folder, copy / str(number))
    begin = time.monotonic()
    spans = map_items(_read_case, [copies[number % len(copies)] for number in range(cases)],
                      f"{workers} worker{'s' * (workers > 1)}", workers=workers)
    return warm_rate(spans), time.monotonic() - begin


def warm_rate(spans: Sequence[Span]) -> float:
    """Cases a second while every process was at work: after each one's first case, before any one's last ended."""
    by_process: dict[int, list[float]] = {}
    for span in spans:
        by_process.setdefault(span.process, []).append(span.end)
    begin = max(min(ends) for ends in by_process.values())
    end = min(max(ends) for ends in by_process.values())
    if end <= begin:
        return float("nan")
    done = sum(max(0.0, min(span.end, end) - max(span.begin, begin)) / (span.end - span.begin) for span in spans)
    return done / (end - begin)


def start_up(folder: Path, kept: Path, repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of a fresh process whose kernels are not compiled yet, and with them kept in `kept` (medians).

    Of each: import, first, second (calls of read_cube), whole (the process); `lines`: that it wrote to standard error.
    """
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    empty = _fresh_process(folder, kept)
    full = [_fresh_process(folder, kept) for _ in range(repeats)]
    return empty, {name: statistics.median(times[name] for times in full) for name in empty}


def start_up_processor(folder: Path, kept: Path, repeats: int) -> dict[str, float]:
    """Processor seconds (user and system, medians) of a fresh process that reads a series once, kernels kept in `kept`.

    By what it does: only imports the reader, reads by the compiled path, reads with fast=False.
    """
    programs = {"import radiogen.imaging": "", "read_series": "read_series(sys.argv[1])",
                "read_series, fast=False": "read_series(sys.argv[1], fast=False)"}
    kept.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kept)}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(repeats + 1):  # the first compiles and is not counted
        for name, call in programs.items():
            before = _processor_of_children()
            subprocess.run([sys.executable, "-c", f"import sys\nfrom radiogen.imaging import read_series\n{call}",
                            str(folder)], check=True, capture_output=True, env=environment)
            if number:
                times[name].append(_processor_of_children() - before)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _processor_of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


_PROGRAM = """
import json, logging, sys, time
logging.basicConfig()
logging.getLogger("radiogen").setLevel("INFO")
begin = time.perf_counter()
from radiogen.arrays import read_cube
times = [time.perf_counter()]
for _ in range(2):
    read_cube(sys.argv[1])
    times.append(time.perf_counter())
print(json.dumps({"import": times[0] - begin, "first": times[1] - times[0], "second": times[2] - times[1]}))
"""


def _fresh_process(folder: Path, kept: Path) -> dict[str, float]:
    begin = time.perf_counter()
    end = subprocess.run([sys.executable, "-c", _PROGRAM, str(folder)], capture_output=True, text=True, check=True,
                         env={**os.environ, "NUMBA_CACHE_DIR": str(kept)})
    whole = time.perf_counter() - begin
    return {**json.loads(end.stdout), "whole": whole, "lines": float(len(end.stderr.splitlines()))}


def _read_case(case: Path) -> Span:
    from radiogen.arrays import read_cube

    begin = time.monotonic()
    for folder in sorted(path for path in case.iterdir() if path.is_dir()):
        read_cube(folder)
    return Span(os.getpid(), begin, time.monotonic())
