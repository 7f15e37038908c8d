"""Time readers of DICOM series as multiples of only reading the bytes; prints Markdown tables that the README quotes.

In: two synthetic series as the competition's are (or real ones: --folder). Out: a row a contender. All run in this one
process, on one core, on warm files; every round runs each contender once, in a new random order, and divides its time
by the read of the bytes in the same round. Medians and quartiles of the rounds.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401
    import one_thread  # noqa: F401

import gc
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from radiogen.core.errors import UserError, run_command

if TYPE_CHECKING:
    from benchmarks.speed.imaging_peers import Contender

Clock = Literal["wall", "cpu"]
Times = dict[str, list[float]]
"""Seconds of each round, by contender."""

SHAPES = (40, 512, 512), (180, 256, 256)


def main(rounds: int = 15, only: tuple[str, ...] = (), folder: tuple[Path, ...] = (), workers: int = 0,
         cold: bool = False, start_up: bool = False, clock: Clock = "wall", seed: int = 42,
         output: Path | None = None) -> None:
    """Time readers of DICOM series as multiples of only reading the bytes; prints Markdown tables.

    Args:
        rounds: How often each contender reads each series.
        only: Parts of the names of the contenders to run, such as radiogen (default: all that are installed).
        folder: Folders of real series to read instead of the two synthetic ones.
        workers: Also: cases side by side, this many processes against one.
        cold: Also: files that are not in memory.
        start_up: Also: a fresh process, its kernels compiled and kept.
        clock: Of the first table; cpu: processor time, for a machine that others use meanwhile.
        seed: For the synthetic series and the order within a round.
        output: Markdown file to write the tables to as well.
    """
    _check(rounds, workers, folder)
    from radiogen.core import files

    parts = []
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
        series = _series(folder, Path(room), seed)
        os.sched_setaffinity(0, {max(cores)})
        parts.append(_warm_part(series, only, rounds, seed, clock))
        if cold:
            parts.append(_cold_part(series, rounds, seed))
        os.sched_setaffinity(0, cores)
        if workers:
            parts.append(_workers_part(series, Path(room), workers))
        if start_up:
            parts.append(_start_part(series, Path(room)))
    text = "\n\n".join([*parts, machine(cores)])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def measure(folder: Path, chosen: Sequence["Contender"], rounds: int, seed: int,
            clock: Clock = "wall") -> tuple[Times, dict[str, str]]:
    """Seconds by contender and round; and notes: by contender `same`, `other` (voxels), or why it failed.

    A first round is not counted: it imports, compiles and brings the files into memory. Who fails there is left out.
    """
    import random

    from benchmarks.speed.imaging_peers import same_voxels
    from radiogen.core.progress import progress
    from radiogen.imaging import read_series

    ours = read_series(folder).voxels
    times, notes, able = {}, {}, []
    for contender in progress(chosen, "first look", unit="reader"):
        try:
            made = contender.read(folder)
        except Exception as error:  # a peer may fail in any way; the others continue
            notes[contender.name] = f"failed: {type(error).__name__}: {' '.join(str(error).split())[:150]}"
            continue
        able.append(contender)
        times[contender.name] = []
        if contender.result == "volume" and made is not None:
            notes[contender.name] = "same" if same_voxels(made, ours) else "other"
    del ours
    gc.collect()
    gc.freeze()  # what the peers' packages hold must not be searched for garbage in everyone's time
    shuffle = random.Random(seed).shuffle
    for _ in progress(range(rounds), folder.name, unit="round"):
        shuffle(able)
        for contender in able:
            gc.collect()
            begin = now(clock)
            contender.read(folder)
            times[contender.name].append(now(clock) - begin)
    return times, notes


def multiples(times: Sequence[float], bytes_times: Sequence[float]) -> str:
    """Median (quartiles) of the rounds' ratios, as the table shows them."""
    import numpy as np

    return ratios_text(np.divide(times, bytes_times).tolist())


def ratios_text(ratios: Sequence[float]) -> str:
    """Median (quartiles) of ratios."""
    import numpy as np

    low, middle, high = np.percentile(ratios, [25, 50, 75])
    digits = 2 if middle < 9.95 else 1 if middle < 99.5 else 0
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def now(clock: Clock) -> float:
    """Seconds by the clock on the wall, or of this process and its finished children on a processor."""
    if clock == "wall":
        return time.perf_counter()
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def _check(rounds: int, workers: int, folders: Sequence[Path]) -> None:
    if rounds < 1:
        raise UserError(f"--rounds {rounds}", "is too small", "give at least 1")
    if workers and not 2 <= workers <= len(os.sched_getaffinity(0)):
        raise UserError(f"--workers {workers}", f"cannot be compared with 1 on {len(os.sched_getaffinity(0))} cores",
                        "give a number from 2 to the cores that this process may use")
    for folder in folders:
        if not folder.is_dir():
            raise UserError(folder, "is not a folder", "give folders that each hold the files of one series")


def _series(folders: Sequence[Path], room: Path, seed: int) -> dict[str, Path]:
    """The series to read, by the title of their column."""
    from benchmarks.speed.imaging_conditions import make_series
    from radiogen.core.progress import progress
    from radiogen.imaging import read_series

    if not folders:
        return {_title(shape): make_series(room / f"series-{shape[1]}", shape, seed)
                for shape in progress(SHAPES, "make series", unit="series")}
    named = {}
    for folder in folders:
        title = f"{folder.name}: {_title(read_series(folder).voxels.shape)}"
        named[title if title not in named else f"{title} ({len(named) + 1})"] = folder
    return named


def _title(shape: Sequence[int]) -> str:
    return f"{shape[1]} x {shape[2]}, {shape[0]} slices"


def _warm_part(series: dict[str, Path], only: Sequence[str], rounds: int, seed: int, clock: Clock) -> str:
    from benchmarks.speed.imaging_peers import contenders

    everyone = contenders()
    reference = everyone[0]
    wanted = [one for one in everyone if not only or one is reference or any(part in one.name for part in only)]
    chosen = [one for one in wanted if not one.missing]
    measured = {title: measure(folder, chosen, rounds, seed, clock) for title, folder in series.items()}
    rows = []
    for one in chosen:
        cells = []
        for times, _ in measured.values():
            if one is reference:
                cells.append("1")
            else:
                cells.append(multiples(times[one.name], times[reference.name]) if one.name in times else "failed")
        found = {notes[one.name] for _, notes in measured.values() if notes.get(one.name) in ("same", "other")}
        rows.append([one.name, *cells, "no" if "other" in found else "yes" if found else ""])
    by = {"wall": "", "cpu": " by processor time"}[clock]
    lines = [f"Multiples of only reading the bytes{by}; warm files, one core, one thread; medians of {rounds} rounds "
             "(quartiles).", "", table(["reader", *measured, "voxels as ours"], rows), "",
             *(f"- {title}: the bytes take {1000 * _median(times[reference.name]):.2f} ms "
               f"({_megabytes(series[title]):.1f} MB)" for title, (times, _) in measured.items()),
             *(f"- {one.name}: left out, not installed: {', '.join(one.missing)}" for one in wanted if one.missing),
             *(f"- {title}: {name} {note}" for title, (_, notes) in measured.items()
               for name, note in notes.items() if note.startswith("failed"))]
    return "\n".join(lines)


def _cold_part(series: dict[str, Path], rounds: int, seed: int) -> str:
    from benchmarks.speed.imaging_conditions import cold_times, read_ahead_bytes
    from benchmarks.speed.imaging_peers import contenders

    readers = [one for one in contenders() if not one.missing and (
        one.name.startswith(("only", "radiogen,", "pydicom: dcmread")))]
    names = [readers[0].name, "the same, all files called for first", *(one.name for one in readers[1:])]
    reads = [readers[0].read, read_ahead_bytes, *(one.read for one in readers[1:])]
    columns, notes = {}, []
    for title, folder in series.items():
        times = cold_times(folder, reads, rounds, seed)
        if times is None:
            notes.append(f"- {title}: not measured: this system keeps the files in memory, asked to let go of them")
        else:
            columns[title] = [f"{multiples(own, times[1]) if own is not times[1] else '1'}; "
                              f"{_megabytes(folder) / _median(own):.0f} MB/s" for own in times]
    lines = [f"Cold files: multiples of reading the bytes with all files called for first, medians of {rounds} rounds "
             "(quartiles), and MB/s.", ""]
    if columns:
        lines += [table(["reader", *columns], [[name, *cells] for name, *cells in zip(
            names, *columns.values(), strict=True)]), "",
            "- mincore saw no page of the files in memory before a read; names and inodes, and what lies behind a "
            "virtual disk, stay warm"]
    return "\n".join(lines + notes)


def _workers_part(series: dict[str, Path], room: Path, workers: int) -> str:
    from benchmarks.speed.imaging_conditions import side_by_side

    cases, repeats = 32 * workers, 3
    runs = [[side_by_side(list(series.values()), room, cases, count) for count in (1, workers)]
            for _ in range(repeats)]
    rows = [[f"{count}", f"{_median([run[at][0] for run in runs]):.1f}", f"{_median([run[at][1] for run in runs]):.1f}"]
            for at, count in enumerate((1, workers))]
    ratio = multiples([run[1][0] for run in runs], [run[0][0] for run in runs])
    size = 2 * sum(_megabytes(folder) for folder in series.values())
    return "\n".join([
        f"Cases side by side ({cases} cases of {2 * len(series)} series, {size:.0f} MB each, to 64-cubes; medians of "
        f"{repeats} runs).", "",
        table(["processes", "cases/s, all at work", "seconds for all, start included"], rows), "",
        f"- {workers} processes at work read {ratio} times as many cases a second as 1"])


def _start_part(series: dict[str, Path], room: Path) -> str:
    from benchmarks.speed.imaging_conditions import start_up

    empty, kept = start_up(next(iter(series.values())), room / "kernels", 5)
    rows = [[name, *(f"{times[part]:.2f}" for part in ("import", "first", "second", "whole")),
             "yes" if times["lines"] else "no"]
            for name, times in (("first on a machine: kernels are compiled", empty), ("kernels kept", kept))]
    return "\n".join([
        "Start of a process, seconds; read_cube of the first series (kernels kept: medians of 5 processes).", "",
        table(["", "import radiogen.imaging", "first read_cube", "second", "whole process", "says so"], rows)])


def machine(cores: set[int]) -> str:
    """Processor, versions, date and load, for the last line of what is printed."""
    import datetime
    import importlib.metadata
    import platform

    versions = []
    for name in ("numpy", "numba", "pydicom", "opencv-python-headless", "SimpleITK", "dcm2niix", "monai", "torch",
                 "itk", "dicom2nifti"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return (f"{_processor()}, {len(cores)} cores, {platform.system()} {platform.release()}; Python "
            f"{platform.python_version()}, {', '.join(versions)}; {datetime.datetime.now(datetime.UTC):%Y-%m-%d}; "
            f"load at the end {os.getloadavg()[0]:.1f}.")


def _processor() -> str:
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _median(values: Sequence[float]) -> float:
    import statistics

    return statistics.median(values)


def _megabytes(folder: Path) -> float:
    from benchmarks.speed.imaging_peers import files_of

    return sum(Path(path).stat().st_size for path in files_of(folder)) / 1e6


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
