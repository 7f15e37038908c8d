"""Time reading of whole series, real or synthetic, by pydicom and by this package; prints one Markdown table.

In: folders that are searched for series (--folder), else a synthetic series of each kind. Out: a row a series: what it
is, which path read it, and how many times as long pydicom takes, as this package does and without its compiled path.
All in this one process, on one core; every round runs the three in a new random order. Medians and quartiles.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401
    import one_thread  # noqa: F401

import gc
import os
import random
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from benchmarks.speed.imaging import Clock, machine, multiples, now, table
from radiogen.core.errors import UserError, run_command

HEAD = ("series", "transfer syntax", "files", "frames", "read by", "pydicom / radiogen", "pydicom / fast=False")
READERS = ("pydicom", "radiogen", "fast=False")


@dataclass(frozen=True)
class Row:
    """One series as measured.

    syntaxes: transfer syntaxes of its images. one_volume: not several at the same places. seconds: of each round, by
    reader; None where one of them could not read the series, which `reader` then names.
    """

    name: str
    syntaxes: tuple[str, ...]
    files: int
    frames: int
    reader: str
    compressed: bool
    one_volume: bool
    affine: bool
    seconds: dict[str, list[float]] | None

    @property
    def eligible(self) -> bool:
        """Whether the compiled path is meant for it: uncompressed, one volume, with an affine."""
        return not self.compressed and self.one_volume and self.affine

    @property
    def ratio(self) -> float:
        """Median of pydicom's seconds over this package's, by round."""
        return float(np.median(np.divide(self.seconds["pydicom"], self.seconds["radiogen"])))


def main(folder: tuple[Path, ...] = (), rounds: int = 5, clock: Clock = "wall", start_up: bool = False, seed: int = 42,
         output: Path | None = None) -> None:
    """Time reading of whole series by pydicom and by this package; prints one Markdown table.

    Args:
        folder: Folders that are searched for real series, every folder with files in it being one.
        rounds: How often each reader reads each series.
        clock: wall, or cpu: processor time, for a machine that others use meanwhile.
        start_up: Also: processor time of the first read of a process, kernels kept.
        seed: For the made series and the order within a round.
        output: Markdown file to write the table to as well.
    """
    from radiogen.core import files
    from radiogen.core.progress import progress

    if rounds < 1:
        raise UserError(f"--rounds {rounds}", "is too small", "give at least 1")
    warnings.simplefilter("ignore")  # pydicom's, of every value that bends a rule
    with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
        found = find_series(folder) if folder else _made(Path(room) / "made", seed)
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(cores)})
        rows = [measure(name, place, rounds, seed, clock)
                for name, place in progress(list(found.items()), "series", unit="series")]
        parts = [render(rows, rounds, clock)]
        if start_up:
            parts.append(_start_part(found, rows, Path(room)))
        os.sched_setaffinity(0, cores)
    text = "\n\n".join([*parts, machine(cores)])
    print(text)
    if output:
        files.write_text(output, text + "\n")


def find_series(folders: Sequence[Path]) -> dict[str, Path]:
    """Every folder at or below `folders` that holds files, by its path from there. Raises UserError where none does."""
    found = {}
    for top in folders:
        if not top.is_dir():
            raise UserError(top, "is not a folder", "give folders that hold series")
        for place in sorted([top, *(path for path in top.rglob("*") if path.is_dir())]):
            if _has_series(place):
                name = place.name if place == top else str(place.relative_to(top))
                found[name if name not in found else str(place)] = place
    if not found:
        raise UserError(", ".join(map(str, folders)), "holds no DICOM file", "give folders that hold series")
    return found


def read_by_pydicom(folder: Path) -> list[np.ndarray]:
    """Every frame (row, column) as pydicom decodes it, each file once; by position along the normal of the first.

    What is no DICOM, or has no pixels, is left out; frames without a position come last.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    placed = []
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        try:
            dataset = pydicom.dcmread(path)
        except InvalidDicomError:
            continue
        if not any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
            continue
        pixels = dataset.pixel_array
        placed += zip(_places(dataset), pixels if dataset.get("NumberOfFrames", 1) > 1 else [pixels], strict=False)
    axis = next((np.cross(place[1][:3], place[1][3:]) for place, _ in placed if place), None)
    placed.sort(key=lambda frame: float(np.dot(axis, frame[0][0])) if frame[0] else np.inf)
    return [pixels for _, pixels in placed]


def measure(name: str, folder: Path, rounds: int, seed: int, clock: Clock = "wall") -> Row:
    """One row. A first read by each is not counted: it imports, compiles and brings the files into memory."""
    from radiogen.imaging import read_series

    reads: dict[str, Callable[[Path], Any]] = dict(zip(READERS, (
        read_by_pydicom, read_series, lambda path: read_series(path, fast=False)), strict=True))
    row = _looked_at(name, folder)
    if not row.frames or row.reader == "refused":
        return row
    reads["fast=False"](folder)
    seconds: dict[str, list[float]] = {one: [] for one in READERS}
    shuffle, order = random.Random(seed).shuffle, list(READERS)
    for _ in range(rounds):
        shuffle(order)
        for one in order:
            gc.collect()
            begin = now(clock)
            reads[one](folder)
            seconds[one].append(now(clock) - begin)
    return replace(row, seconds=seconds)


def _looked_at(name: str, folder: Path) -> Row:
    """A row without times; no frames where pydicom fails, `refused` where this package does not read the series."""
    from radiogen.imaging import read_series

    syntaxes, compressed = _syntaxes(folder)
    row = Row(name, syntaxes, sum(path.is_file() for path in folder.iterdir()), 0, "", compressed, False, False, None)
    failed = ""
    try:
        row = replace(row, frames=len(read_by_pydicom(folder)))
    except Exception as error:  # noqa: BLE001  (of damaged files pydicom raises nearly anything)
        failed = f"; pydicom fails: {type(error).__name__}"
    try:
        volume = read_series(folder)
    except UserError:
        return replace(row, reader="refused")
    return replace(row, reader=_reader(volume) + failed, one_volume=_is_one(folder), affine=volume.affine is not None)


def render(rows: Sequence[Row], rounds: int, clock: Clock = "wall") -> str:
    """The table and its summary."""
    by = {"wall": "", "cpu": " of processor time"}[clock]
    cells = [[row.name, ", ".join(row.syntaxes), str(row.files), str(row.frames), row.reader, *(
        [multiples(row.seconds["pydicom"], row.seconds[other]) for other in READERS[1:]] if row.seconds else ["", ""])]
        for row in rows]
    return "\n".join([
        f"Seconds{by} of pydicom (dcmread, pixel_array, sorted by position) as multiples of radiogen's; warm files, "
        f"one core, one thread; medians of {rounds} rounds (quartiles).", "", table(HEAD, cells), "", summary(rows)])


def summary(rows: Sequence[Row]) -> str:
    """How many series for which it is meant the compiled path read; and the smallest ratios."""
    meant = [row for row in rows if row.eligible]
    others = [row for row in rows if not row.eligible and row.seconds]
    fast = sum(row.reader.startswith("fast") for row in meant)
    text = f"Of {len(meant)} uncompressed series that are one volume with an affine, {fast} took the compiled path"
    timed = [row for row in meant if row.seconds]
    text += f"; the smallest ratio of pydicom to radiogen is {_smallest(timed)}" if timed else ""
    return f"{text}. Of {len(others)} others the smallest ratio is {_smallest(others)}." if others else f"{text}."


def _smallest(rows: Sequence[Row]) -> str:
    least = min(rows, key=lambda row: row.ratio)
    return f"{least.ratio:.2f} ({least.name})"


def _has_series(folder: Path) -> bool:
    """Whether a folder holds a file that begins as DICOM does (PS3.10, 7.1)."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                if file.read(132)[128:] == b"DICM":
                    return True
    return False


def _places(dataset: Any) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Position and orientation of each frame, from its own functional groups, the shared ones or the top level."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or [None]
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    places = []
    for own in groups:
        values = [_value(dataset, own, shared, sequence, keyword) for sequence, keyword in (
            ("PlanePositionSequence", "ImagePositionPatient"), ("PlaneOrientationSequence", "ImageOrientationPatient"))]
        places.append(None if None in values else (np.array(values[0], float), np.array(values[1], float)))
    missing = int(dataset.get("NumberOfFrames") or 1) - len(places)
    return places + [None] * missing


def _value(dataset: Any, own: Any, shared: Any, sequence: str, keyword: str) -> Any:
    for groups in (own, shared):
        item = None if groups is None else groups.get(sequence)
        if item and item[0].get(keyword):
            return list(item[0].get(keyword))
    value = dataset.get(keyword)
    return list(value) if value else None


def _syntaxes(folder: Path) -> tuple[tuple[str, ...], bool]:
    """Names of the transfer syntaxes of a folder's images, and whether one of them is compressed."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    found = {}
    for path in folder.iterdir():
        try:
            header = pydicom.dcmread(path, specific_tags=["Rows"], stop_before_pixels=True)
        except (InvalidDicomError, IsADirectoryError):
            continue
        syntax = header.file_meta.get("TransferSyntaxUID")
        if "Rows" in header and syntax:
            found[syntax.name.partition(",")[0]] = syntax.is_compressed and not syntax.is_deflated
    return tuple(sorted(found)), any(found.values())


def _is_one(folder: Path) -> bool:
    from radiogen.imaging.series import chosen_stack

    return not chosen_stack(folder)[0].label


def _reader(volume: Any) -> str:
    """`fast`, or `pydicom: why`."""
    reader = getattr(volume, "reader", None)
    if reader is None:
        return "not stated"
    return f"{reader.name}: {reader.reason}" if reader.reason else reader.name


def _made(room: Path, seed: int) -> dict[str, Path]:
    from benchmarks.speed.series_kinds import make_kinds

    return make_kinds(room, seed)


def _start_part(found: dict[str, Path], rows: Sequence[Row], room: Path) -> str:
    from benchmarks.speed.imaging_conditions import start_up_processor

    chosen = next((row.name for row in rows if row.seconds), None)
    if chosen is None:
        return "Start of a process: not measured, no series could be read."
    times = start_up_processor(found[chosen], room / "kernels", 5)
    return "\n".join([
        f"Processor seconds (user and system) of a fresh process that reads {chosen} once, kernels kept; medians of 5.",
        "", table(["", "seconds"], [[name, f"{seconds:.2f}"] for name, seconds in times.items()])])


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
