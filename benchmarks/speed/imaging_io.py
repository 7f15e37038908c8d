"""Ways to bring the pixels of a series into memory, and to resize them, as multiples of only reading the bytes.

In: the two synthetic series of imaging.py. Out: one Markdown table, which docs/reading-series.md quotes; what the
system forbids is named in it. Every round runs each way once, in a new random order, and divides its time by that of
`open().read()` of all files in the same round. One process, one core unless a row says two, warm files.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401
    import one_thread  # noqa: F401

import ctypes
import gc
import mmap
import os
import random
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numba
import numpy as np
import tyro

from benchmarks.speed.imaging import SHAPES, Clock, multiples, now, table
from benchmarks.speed.imaging_conditions import make_series
from benchmarks.speed.imaging_peers import files_of, read_bytes
from radiogen.arrays import read_cube, read_slices
from radiogen.core.errors import run_command
from radiogen.imaging import read_series
from radiogen.imaging.compiled import kernels
from radiogen.imaging.compiled.slice_plans import reading_room, slice_plan

_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Files:
    """A series whose files are open. shape: slices, rows, columns of uint16, which are the last bytes of a file."""

    folder: Path
    shape: tuple[int, int, int]

    @property
    def paths(self) -> tuple[str, ...]:
        return files_of(self.folder)

    @cached_property
    def opened(self) -> np.ndarray:
        return np.array([os.open(path, os.O_RDONLY) for path in self.paths], np.int32)

    @cached_property
    def offsets(self) -> np.ndarray:
        return np.array([os.fstat(file).st_size for file in self.opened.tolist()], np.int64) - self.slice_bytes

    @property
    def slice_bytes(self) -> int:
        return 2 * self.shape[1] * self.shape[2]

    @cached_property
    def kept(self) -> np.ndarray:
        """(slices, bytes of one): memory that is used again and again."""
        return np.zeros((self.shape[0], self.slice_bytes), np.uint8)

    @property
    def head(self) -> np.ndarray:
        """Room for the first bytes of a file."""
        return self.kept[0, :4096]

    def read_into(self, slots: np.ndarray) -> np.ndarray:
        """The pixels of all files to `slots` (slices, bytes), one pread a file."""
        for file, slot, offset in zip(self.opened.tolist(), slots, self.offsets.tolist(), strict=True):
            if os.preadv(file, [slot], offset) != len(slot):
                raise OSError("a file is too short")
        return slots


def keep_bytes(files: Files) -> Callable:
    """All files by `open().read()`, kept."""
    return lambda: [Path(path).read_bytes() for path in files.paths]


def pread(files: Files, new: bool) -> Callable:
    """Into memory that was used before; new: into what the allocator gives, often what was freed last."""
    return lambda: files.read_into(np.empty(files.kept.shape, np.uint8) if new else files.kept)


def pread_further(files: Files, distance: int) -> Callable:
    """Into used memory that lies `distance` bytes further into its page of memory than the pixels into theirs."""
    room = np.zeros(files.slice_bytes + mmap.PAGESIZE, np.uint8)
    starts = (files.offsets + distance - room.ctypes.data) % mmap.PAGESIZE

    def read() -> None:
        for file, start, offset in zip(files.opened.tolist(), starts.tolist(), files.offsets.tolist(), strict=True):
            os.preadv(file, [room[start:start + files.slice_bytes]], offset)
    return read


def pread_pages(files: Files, advice: int | None, flags: int = 0) -> Callable:
    """Into new memory, mapped with `flags`, for which the system is given `advice`."""
    def read() -> None:
        memory = mmap.mmap(-1, files.kept.nbytes, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | flags)
        if advice is not None:
            memory.madvise(advice)
        files.read_into(np.frombuffer(memory, np.uint8).reshape(files.kept.shape))
    return read


def preadv_with_heads(files: Files) -> Callable:
    """Header and pixels of a file in one call: their place would have to be guessed, and the order of the slices."""
    heads = np.zeros((len(files.paths), int(files.offsets.max())), np.uint8)

    def read() -> None:
        for number, (file, offset) in enumerate(zip(files.opened.tolist(), files.offsets.tolist(), strict=True)):
            os.preadv(file, [heads[number, :offset], files.kept[number]], 0)
    return read


def direct(files: Files) -> Callable:
    """Whole files into aligned memory, since pixels begin anywhere; past the system's own copy of the files."""
    sizes = [-(-(files.slice_bytes + int(offset)) // mmap.PAGESIZE) * mmap.PAGESIZE for offset in files.offsets]
    rooms = [mmap.mmap(-1, size) for size in sizes]
    opened = [os.open(path, os.O_RDONLY | os.O_DIRECT) for path in files.paths]
    return lambda: [os.preadv(file, [room], 0) for file, room in zip(opened, rooms, strict=True)]


def mapped(files: Files, flags: int) -> Callable:
    """Files mapped and copied. A file that another process cuts off meanwhile kills this one (SIGBUS)."""
    def read() -> None:
        for file, slot, offset in zip(files.opened.tolist(), files.kept, files.offsets.tolist(), strict=True):
            with mmap.mmap(file, 0, mmap.MAP_PRIVATE | flags, mmap.PROT_READ) as memory:
                view = np.frombuffer(memory, np.uint8, files.slice_bytes, offset)
                slot[:] = view
                del view
    return read


class Ring:
    """An io_uring of 256 entries: `submit` has the kernel work off a batch in one system call."""

    def __init__(self) -> None:
        parameters = np.zeros(30, np.uint32)
        self.file = _LIBC.syscall(425, 256, ctypes.c_void_p(parameters.ctypes.data))
        if self.file < 0:
            raise OSError(ctypes.get_errno(), f"io_uring_setup: {os.strerror(ctypes.get_errno())}")
        entries, sq, cq = int(parameters[0]), parameters[10:20], parameters[20:30]
        ring = mmap.mmap(self.file, int(max(sq[6] + 4 * entries, cq[5] + 16 * parameters[1])), offset=0)
        self.words = np.frombuffer(ring, np.uint32, len(ring) // 4)  # of both rings: IORING_FEAT_SINGLE_MMAP
        self.tail, self.indices, self.cq_head, self.cq_tail = (int(at) // 4 for at in (sq[1], sq[6], cq[0], cq[1]))
        self.results = np.frombuffer(ring, [("data", "u8"), ("result", "i4"), ("flags", "u4")], int(parameters[1]),
                                     int(cq[5]))
        names = ("opcode", "flags", "ioprio", "fd", "offset", "address", "length", "options", "data", "buffer", "rest")
        kinds = ("u1", "u1", "u2", "i4", "u8", "u8", "u4", "u4", "u8", "u2", "V22")
        self.queue = np.frombuffer(mmap.mmap(self.file, 64 * entries, offset=0x1000_0000),
                                   list(zip(names, kinds, strict=True)), entries)

    def submit(self, count: int, **fields: object) -> np.ndarray:
        """Fill `count` entries, have all done; their results, in the order in which they ended."""
        for name, value in fields.items():
            self.queue[name][:count] = value
        first = int(self.words[self.tail])
        self.words[self.indices + (first + np.arange(count)) % 256] = np.arange(count)
        self.words[self.tail] = first + count
        if _LIBC.syscall(426, self.file, count, count, 1, None, 0) != count:
            raise OSError(ctypes.get_errno(), "io_uring_enter")
        head = int(self.words[self.cq_head])
        results = self.results["result"][(head + np.arange(count)) % len(self.results)].copy()
        self.words[self.cq_head] = self.words[self.cq_tail]
        return results


def ring_reads(files: Files, registered: bool) -> Callable:
    """The pixels of all files in one system call; registered: the memory is made known to the kernel before."""
    ring, count = Ring(), len(files.paths)
    addresses = files.kept.ctypes.data + np.arange(count, dtype=np.uint64) * np.uint64(files.slice_bytes)
    if registered:
        whole = np.array([files.kept.ctypes.data, files.kept.nbytes], np.uint64)
        if _LIBC.syscall(427, ring.file, 0, ctypes.c_void_p(whole.ctypes.data), 1) < 0:
            raise OSError(ctypes.get_errno(), f"io_uring_register: {os.strerror(ctypes.get_errno())}")

    def read() -> None:
        results = ring.submit(count, opcode=4 if registered else 22, fd=files.opened, offset=files.offsets,
                              address=addresses, length=files.slice_bytes)
        if not (results == files.slice_bytes).all():
            raise OSError("a file is too short, or cannot be read so")
    return read


def two_threads(files: Files) -> Callable:
    """Half of the files by each."""
    pool, half = ThreadPoolExecutor(2), len(files.paths) // 2

    def part(which: slice) -> None:
        os.sched_setaffinity(0, _CORES)  # of this thread
        for file, slot, offset in zip(files.opened[which].tolist(), files.kept[which], files.offsets[which].tolist(),
                                      strict=True):
            os.preadv(file, [slot], offset)
    return lambda: list(pool.map(part, (slice(half), slice(half, None))))


def open_all(files: Files, by_folder: bool) -> Callable:
    """Files opened, their first 4 KiB read, closed; by_folder: by name, relative to the open folder."""
    folder = os.open(files.folder, os.O_RDONLY) if by_folder else None
    names = [Path(path).name for path in files.paths] if by_folder else files.paths

    def read() -> None:
        for file in [os.open(name, os.O_RDONLY, dir_fd=folder) for name in names]:
            os.preadv(file, [files.head], 0)
            os.close(file)
    return read


_OPEN = numba.types.ExternalFunction("open", numba.types.int32(numba.types.uintp, numba.types.int32))
_CLOSE = numba.types.ExternalFunction("close", numba.types.int32(numba.types.int32))


@numba.njit
def _open_compiled(names, starts, room):
    for start in starts:
        file = _OPEN(names.ctypes.data + start, 0)
        kernels.READ(file, room.ctypes.data, room.nbytes, 0)
        _CLOSE(file)


def open_compiled(files: Files) -> Callable:
    """The same in one loop of compiled code."""
    encoded = [os.fsencode(path) + b"\0" for path in files.paths]
    names, starts = np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([0, *map(len, encoded)])[:-1]
    return lambda: _open_compiled(names, starts, files.head)


def open_ring(files: Files) -> Callable:
    """The same, opened in one system call."""
    ring, names = Ring(), [ctypes.create_string_buffer(os.fsencode(path)) for path in files.paths]
    addresses = np.array([ctypes.addressof(name) for name in names], np.uint64)

    def read() -> None:
        for file in ring.submit(len(names), opcode=18, fd=-100, address=addresses, length=0, options=0).tolist():
            os.preadv(file, [files.head], 0)
            os.close(file)
    return read


def volume(files: Files, at_once: int | None) -> Callable:
    """`kernels.read_volume`, for `at_once` slices a call: few of them are written through the cache."""
    voxels, none = files.kept.view(np.uint16).reshape(files.shape), np.zeros((0, 2), np.uint16)
    blank, count = np.zeros(len(voxels), np.bool_), len(voxels)

    def read() -> None:
        for first in range(0, count, at_once or count):
            part = slice(first, first + (at_once or count))
            kernels.read_volume((files.opened[part], files.offsets[part]), voxels[part], blank[part], none, (0xFFF, 0))
    return read


def resized(files: Files, edge: int, whole: bool) -> Callable:
    """`kernels.read_resized`; whole: sums of whole numbers where they are exact, as they are here."""
    count, plan = len(files.paths), slice_plan(files.shape[1:], (edge, edge))
    plan = plan if whole else plan._replace(brightest=-1)
    stack, each = np.empty((count, edge, edge), np.float32), np.empty((count, 2), np.uint16)
    room = reading_room(plan, files.shape[1:], np.dtype(np.uint16))
    opened, used_bits = (files.opened, files.offsets), (0xFFF, 0)
    return lambda: kernels.read_resized(opened, files.shape[1], room, plan, stack, each, used_bits)


EXPERIMENTS = {
    "`open().read()`, all kept": keep_bytes,
    "`pread` of the pixels into used memory": partial(pread, new=False),
    "`pread` into `np.empty`": partial(pread, new=True),
    "`pread` into one slot, 64 bytes further into a page": partial(pread_further, distance=64),
    "`pread` into one slot, 16 bytes further into a page": partial(pread_further, distance=16),
    "`pread` into new pages of 4 KiB": partial(pread_pages, advice=mmap.MADV_NOHUGEPAGE),
    "`pread` into new pages, `MADV_HUGEPAGE`": partial(pread_pages, advice=mmap.MADV_HUGEPAGE),
    "`pread` into new pages, `MAP_POPULATE`": partial(pread_pages, advice=None, flags=mmap.MAP_POPULATE),
    "`pread` into new pages, `MADV_POPULATE_WRITE`": partial(pread_pages, advice=23),
    "`preadv` of header and pixels into used memory": preadv_with_heads,
    "`O_DIRECT` into used memory, from the disk": direct,
    "`mmap` and copy into used memory": partial(mapped, flags=0),
    "`mmap`, `MAP_POPULATE` and copy": partial(mapped, flags=mmap.MAP_POPULATE),
    "`io_uring` into used memory": partial(ring_reads, registered=False),
    "`io_uring` into registered memory": partial(ring_reads, registered=True),
    "`pread` by two threads, **two cores**": two_threads,
    "open, 4 KiB, close: by path": partial(open_all, by_folder=False),
    "open, 4 KiB, close: `openat`": partial(open_all, by_folder=True),
    "open, 4 KiB, close: compiled": open_compiled,
    "open, 4 KiB, close: `io_uring`": open_ring,
    "compiled `pread`, bits checked, to the slots": partial(volume, at_once=1),
    "compiled `pread`, bits checked, past the cache (kept)": partial(volume, at_once=None),
    "slices to 64 x 64, sums as float32": partial(resized, edge=64, whole=False),
    "slices to 64 x 64, sums as whole numbers (kept)": partial(resized, edge=64, whole=True),
    "slices to 224 x 224, sums as float32": partial(resized, edge=224, whole=False),
    "slices to 224 x 224, sums as whole numbers (kept)": partial(resized, edge=224, whole=True)}
_WHOLE_CALLS = {"**`read_series`**": read_series, "**`read_cube`**, 64": read_cube,
                "**`read_slices`**, 224": read_slices}
_CORES = os.sched_getaffinity(0)


def main(rounds: int = 31, clock: Clock = "wall", seed: int = 42) -> None:
    """Time ways to read and resize the pixels of a series as multiples of only reading the bytes.

    Args:
        rounds: How often each way reads each series.
        clock: cpu: processor time, for a machine that others use meanwhile.
        seed: For the synthetic series and the order within a round.
    """
    os.sched_setaffinity(0, {max(_CORES)})
    columns = {}
    with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
        for shape in SHAPES:
            files = Files(make_series(Path(room) / f"series-{shape[1]}", shape, seed), shape)
            columns[f"{shape[1]} x {shape[2]}, {shape[0]} slices"] = _measured(files, rounds, clock, seed)
    names = next(iter(columns.values()))
    print(table(["way", *columns], [[name, *(column[name] for column in columns.values())] for name in names]))


def _measured(files: Files, rounds: int, clock: Clock, seed: int) -> dict[str, str]:
    """By way its multiples of the bytes, or why it is not possible here."""
    ways, cells = {}, {}
    for name, experiment in EXPERIMENTS.items():
        cells[name] = ""
        try:
            ways[name] = experiment(files)
            ways[name]()
        except OSError as error:  # what the system forbids
            ways.pop(name, None)
            cells[name] = f"not possible here: {error}"
    ways |= {name: (lambda call=call: call(files.folder)) for name, call in _WHOLE_CALLS.items()}
    ways["bytes"] = lambda: read_bytes(files.folder)
    times = {name: [] for name in ways}
    order, shuffle = list(ways), random.Random(seed).shuffle
    for _ in range(rounds + 1):
        shuffle(order)
        for name in order:
            gc.collect()
            begin = now(clock)
            ways[name]()
            times[name].append(now(clock) - begin)
    return cells | {name: multiples(own[1:], times["bytes"][1:]) for name, own in times.items() if name != "bytes"}


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
