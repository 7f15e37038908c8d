"""The fast path: a folder of plain files; compiled code walks their headers, their pixels go straight to their slots.

Plain is: one frame of grey values a file, Explicit VR little endian, not compressed, one series on one grid, every
slice at a place of its own. Whatever else a folder holds, `open_plain` gives None and pydicom reads it (headers.py).
Nothing is decided here that is not decided there: the same functions check the values, the same geometry makes order
and affine.
"""

import contextlib
import math
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiogen.imaging import kernels
from radiogen.imaging.compiling import announce_compiling
from radiogen.imaging.geometry import NotAVolume, Placement, place_positions
from radiogen.imaging.headers import (
    NotAnImage,
    SliceHeader,
    Values,
    slices_of,
    storage_of,
)
from radiogen.imaging.pixels import stored_dtype
from radiogen.imaging.slice_plans import reading_room, slice_plan
from radiogen.imaging.stacks import SAME_DIRECTION, SAME_SPACING, close, natural_order, normal, repeats
from radiogen.imaging.vectors import Vector, orientation_of, spacing_of
from radiogen.imaging.walk import KEYWORDS, OWN, SHARED, SHORTS, TOO_SHORT, decimals, walk_files

_WINDOWS = (1 << 12, 1 << 15, 1 << 18, 1 << 20)
"""Bytes of a file that are read to find its pixels: more where a header is longer."""

_MOST_BYTES = 1 << 28
"""Headers of a series that take more than this are left to pydicom."""

_NOW = getattr(os, "RWF_NOWAIT", 0)  # Linux only


class NotPlain(Exception):
    """A file that turned out to be odd while its pixels were read: the whole series is to be read by pydicom."""


@dataclass(frozen=True)
class PlainSeries:
    """Plain files whose headers are known. `names`, `offsets` and `factors` are in the order of `files`.

    first: the header of one of them, whose storage and shape all share. files: open descriptors, or paths where the
    system allows too few of them. offsets: bytes before the pixels. factors: rescale slope and intercept.
    """

    first: SliceHeader
    names: Sequence[str]
    files: Sequence[int | str]
    offsets: np.ndarray
    factors: Sequence[tuple[float, float]]
    placement: Placement

    @property
    def rescaled(self) -> bool:
        """Whether the voxels are real values (float32), not the stored integers."""
        return any(factors != (1.0, 0.0) for factors in set(self.factors))

    @property
    def straight(self) -> bool:
        """Whether the stored integers are the voxels, and the files are open."""
        return not self.rescaled and isinstance(self.files[0], int)

    @property
    def used_bits(self) -> tuple[int, int]:
        """`mask` and `sign` of `kernels.clear_unused`; a mask of 0 where a value fills its cell."""
        storage = self.first.storage
        if storage.bits_stored == storage.bits_allocated:
            return 0, 0
        return (1 << storage.bits_stored) - 1, 1 << storage.bits_stored - 1 if storage.signed else 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return len(self.files), self.first.rows, self.first.columns

    @property
    def dtype(self) -> np.dtype:
        """Of the voxels."""
        return np.dtype(np.float32) if self.rescaled else stored_dtype(self.first.storage)


@contextlib.contextmanager
def open_plain(folder: Path) -> Iterator[PlainSeries | None]:
    """The series in `folder` where it is plain, its files open within the context; else None."""
    descriptors: list[int] = []
    try:
        try:
            series = _open(folder, descriptors)
        except (OSError, NotAVolume, NotAnImage, ValueError):  # pydicom's path says what is wrong
            series = None
        yield series
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def plain_volume(series: PlainSeries, extremes: bool = False) -> tuple[np.ndarray, list[float | None], np.ndarray]:
    """The voxels (slice, row, column); by slice its one value where it is blank; with `extremes`, as `plain_reduced`.

    Raises NotPlain.
    """
    voxels = np.empty(series.shape, series.dtype)
    blank, each = np.zeros(len(voxels), np.bool_), np.empty((len(voxels) if extremes else 0, 2), series.dtype)
    if series.straight:
        if kernels.read_volume(*_in_order(series), voxels, blank, each, *series.used_bits) < len(voxels):
            raise NotPlain
    else:
        for place, pixels in enumerate(plain_slices(series, voxels)):
            blank[place] = kernels.is_blank(pixels)
            if extremes:
                each[place] = kernels.extremes(pixels)
    values = [voxels[place, 0, 0] if is_blank else None for place, is_blank in enumerate(blank.tolist())]
    return voxels, values, each


def plain_reduced(series: PlainSeries, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Every slice resized to `size`, (slices, rows, columns) float32; smallest and largest voxel by slice, (slices, 2).

    Raises NotPlain.
    """
    stack, each = np.empty((series.shape[0], *size), np.float32), np.empty((series.shape[0], 2), series.dtype)
    plan = slice_plan(series.shape[1:], size)
    if series.straight:
        room = reading_room(plan, series.shape[1:], series.dtype)
        read = kernels.read_reduced(*_in_order(series), series.shape[1], room, plan, stack, each, *series.used_bits)
        if read < len(stack):
            raise NotPlain
    else:
        for place, pixels in enumerate(plain_slices(series)):
            each[place] = kernels.reduce_slice(pixels, plan, stack[place])
    return stack, each


def plain_slices(series: PlainSeries, into: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The slices (row, column) in their order, each read into its place in `into`, else into one array again and again.

    Raises NotPlain where a file is shorter than its header told, or changed meanwhile.
    """
    shape, storage = (series.first.rows, series.first.columns), series.first.storage
    offsets = series.offsets.tolist()
    rescaled, (mask, sign) = series.rescaled, series.used_bits
    stored = np.empty(shape, stored_dtype(storage))
    out = np.empty(shape, series.dtype) if rescaled else stored
    for place, index in enumerate(series.placement.order):
        if into is not None:
            out = into[place]
        target = stored if rescaled else out
        _read_pixels(series.files[index], target, offsets[index])
        if mask:
            kernels.clear_unused(target, mask, sign)
        if rescaled:
            kernels.rescale(target, *series.factors[index], out)
        yield out


def warm_up() -> None:
    """Compile, or load, the kernels for the usual pixels (uint16), so that worker processes find them kept."""
    with announce_compiling():
        _, spans, _, _ = walk_files(np.zeros((2, 8), np.uint8), np.zeros(2, np.int64))
        decimals(np.zeros((2, 8), np.uint8), spans[:, 0], 3)
        kernels.file_sizes(np.zeros(0, np.int32))
        for dtype in (np.uint16, np.float32):
            kernels.extremes(np.zeros((2, 2), dtype))
            kernels.is_blank(np.zeros((2, 2), dtype))
            kernels.reduce_slices(np.zeros((1, 2, 2), dtype), (1, 1))
            kernels.reduce_to_bytes(np.zeros((1, 2, 2), dtype), (1, 1), 0, 1)
        kernels.resize_slice_axis(np.zeros((2, 1, 1), np.float32), 1)
        kernels.slice_axis_to_bytes(np.zeros((2, 1, 1), np.float32), 1, 0.0, 1.0)
        none, pixels = np.zeros(0, np.int64), np.zeros((1, 2, 2), np.uint16)
        kernels.read_volume(none.astype(np.int32), none, pixels, np.zeros(1, np.bool_),
                            np.zeros((0, 2), np.uint16), 0, 0)
        kernels.read_reduced(none.astype(np.int32), none, 2, pixels[0], slice_plan((2, 2), (1, 1)),
                             np.zeros((1, 1, 1), np.float32), np.zeros((1, 2), np.uint16), 0, 0)
        kernels.rescale(np.zeros((1, 1), np.uint16), 1.0, 0.0, np.zeros((1, 1), np.float32))
        kernels.to_bytes(np.zeros((1, 1, 1), np.float32), 0.0, 1.0)


def _open(folder: Path, descriptors: list[int]) -> PlainSeries | None:
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    found = [(entry.name, entry.path) for entry in shown if entry.is_file()]
    if len(found) < 2 or len(found) < len(shown):  # pydicom's path tells of folders and of links that lead nowhere
        return None
    names, files = zip(*found, strict=True)
    path = Path(files[0])
    if len(files) < resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2:
        for file in files:
            descriptors.append(os.open(file, os.O_RDONLY))
        files = tuple(descriptors)
    for window in _WINDOWS:
        contents, lengths = _read_starts(files, window)
        states, spans, pixels, same = walk_files(contents, lengths)
        if not (states == TOO_SHORT).any():
            break
        if lengths.min() < window or 8 * window * len(files) > _MOST_BYTES:
            return None
    if states.any() or not same[:, SHARED].all():
        return None
    first = _first_header(path, contents[0], spans[0], pixels[0])
    size = 0 if first is None else first.storage.frame_bits // 8
    if first is None or pixels[:, 1].min() < size or pixels[:, 1].max() > size + 1 or _more_behind(files, pixels):
        return None
    own = [_numbers(contents, spans, same, keyword) for keyword in OWN]
    return _series(first, names, files, pixels[:, 0], _positions(contents, spans), own)


def _more_behind(files: Sequence[int | str], pixels: np.ndarray) -> bool:
    """Whether anything stands behind the pixels of a file; pydicom tells what."""
    if isinstance(files[0], int):
        sizes = kernels.file_sizes(np.array(files, np.int32))
    else:
        sizes = np.array([Path(file).stat().st_size for file in files])
    return bool((sizes > pixels[:, 0] + pixels[:, 1]).any())


def _in_order(series: PlainSeries) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors and offsets in the order of the slices."""
    order = list(series.placement.order)
    return np.array(series.files, np.int32)[order], np.asarray(series.offsets, np.int64)[order]


def _read_starts(files: Sequence[int | str], window: int) -> tuple[np.ndarray, np.ndarray]:
    """The first bytes of all files, and how many there were. Files that are not in memory are all called for first."""
    contents = np.empty((len(files), window), np.uint8)
    lengths, cold = [], []
    for number, (file, content) in enumerate(zip(files, contents, strict=True)):
        try:
            length = _read_at(file, content, 0, _NOW)
        except OSError:  # it would have to wait for the disk, or the file system cannot tell
            length = 0
        if length < window:
            cold.append(number)
        lengths.append(length)
    for number in cold:
        if isinstance(files[number], int) and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(files[number], 0, 0, os.POSIX_FADV_WILLNEED)
    for number in cold:
        lengths[number] = _read_at(files[number], contents[number], 0)
    return contents, np.array(lengths)


def _read_at(file: int | str, target: np.ndarray, offset: int, flags: int = 0) -> int:
    if isinstance(file, int):
        return os.preadv(file, [target], offset, flags)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return os.preadv(descriptor, [target], offset, flags)
    finally:
        os.close(descriptor)


def _read_pixels(file: int | str, target: np.ndarray, offset: int) -> None:
    try:
        read = _read_at(file, target, offset)
    except OSError as error:
        raise NotPlain from error
    if read != target.nbytes:
        raise NotPlain


def _first_header(path: Path, content: np.ndarray, spans: np.ndarray, pixels: np.ndarray) -> SliceHeader | None:
    """The header of one file, made and checked as pydicom's values are; None where it is not a plain image."""
    from pydicom.uid import ExplicitVRLittleEndian

    values: Values = {}
    start_of_file = content.tobytes()
    for keyword, (start, size) in zip(KEYWORDS, spans.tolist(), strict=True):
        if size > 0:
            raw = start_of_file[start:start + size]
            values[keyword] = _short(raw) if keyword in SHORTS else _text(raw)
    values = {keyword: value for keyword, value in values.items() if value not in ("", None)}
    if values.get("TransferSyntaxUID") != ExplicitVRLittleEndian:
        return None
    offset, size = pixels.tolist()
    element = start_of_file[offset - 12:offset]
    storage = storage_of(path, values, ExplicitVRLittleEndian, element, offset - 12, offset + size)
    headers, notes = slices_of(values, storage)
    plain = (storage.bits_allocated in (8, 16) and storage.high_bit == storage.bits_stored - 1
             and not (storage.compressed or storage.floating or storage.inverted or storage.overlay))
    if len(headers) != 1 or headers[0].localiser or notes or not plain:
        return None
    return headers[0]


def _short(raw: bytes) -> int:
    if len(raw) != 2:
        raise ValueError("more than one value")
    return int.from_bytes(raw, "little")


def _text(raw: bytes) -> str | list[str]:
    parts = [part.strip(" \0") for part in raw.decode("ascii").split("\\")]
    return parts if len(parts) > 1 else parts[0]


def _positions(contents: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """(files, 3) float64; ValueError where one is missing or odd."""
    element = KEYWORDS.index("ImagePositionPatient")
    positions = decimals(contents, spans[:, element], 3)
    for number in np.flatnonzero(np.isnan(positions).any(axis=1)):
        positions[number] = _parsed(contents[number], *spans[number, element])
    return positions


def _numbers(contents: np.ndarray, spans: np.ndarray, same: np.ndarray, keyword: str) -> list[Vector | None]:
    """The numbers of an element by file, None where it is absent or empty; a single entry where all tell the same.

    Raises ValueError where a text is no number.
    """
    element = KEYWORDS.index(keyword)
    if same[:, element].all():
        return [_parsed(contents[0], *spans[0, element])]
    return [_parsed(content, *span) for content, span in zip(contents, spans[:, element], strict=True)]


def _parsed(content: np.ndarray, start: int, size: int) -> Vector | None:
    return tuple(map(float, content[start:start + size].tobytes().rstrip(b" \0").split(b"\\"))) if size > 0 else None


def _series(first: SliceHeader, names: Sequence[str], files: Sequence[int | str], offsets: np.ndarray,
            positions: np.ndarray, own: Sequence[list[Vector | None]]) -> PlainSeries | None:
    """Check that the slices share a grid and no place, and put them in order; None where pydicom has to decide."""
    directions, spacings, intercepts, slopes = own
    if not np.isfinite(positions).all():
        return None
    reference = 0
    if len(directions) > 1:
        reference = min(range(len(names)), key=lambda number: natural_order(names[number]))
    orientations = _by_value(directions, lambda told: orientation_of(told if told and len(told) == 6 else None))
    if None in orientations or not _alike(orientations, reference, SAME_DIRECTION) or not _alike(
            spacings, reference, SAME_SPACING) or any(
            told and (len(told) != 2 or spacing_of(told) is None) for told in set(spacings)):
        return None
    factors = _factors(slopes, intercepts)
    if factors is None or repeats(positions @ normal(orientations[reference])):
        return None
    placement = place_positions(positions, _for_all(orientations, names), _for_all(spacings, names), names, reference)
    return PlainSeries(first, names, files, offsets, _for_all(factors, names), placement)


def _factors(slopes: Sequence[Vector | None], intercepts: Sequence[Vector | None]) -> list[tuple[float, float]] | None:
    """Rescale slope and intercept by file, or of all; None where they are odd."""
    if any(each is not None and (len(each) > 1 or not math.isfinite(each[0])) for each in {*slopes, *intercepts}):
        return None
    count = max(len(slopes), len(intercepts))
    factors = [(slope[0] if slope else 1.0, intercept[0] if intercept else 0.0) for slope, intercept in zip(
        _for_all(slopes, range(count)), _for_all(intercepts, range(count)), strict=True)]
    return None if any(slope == 0 for slope, _ in set(factors)) else factors


def _for_all(values: Sequence, files: Sequence) -> Sequence:
    return values if len(values) == len(files) else [values[0]] * len(files)


def _by_value(values: Sequence, function: Callable) -> list:
    known = {value: function(value) for value in set(values)}
    return [known[value] for value in values]


def _alike(values: Sequence[Vector | None], reference: int, tolerance: float) -> bool:
    return len(values) == 1 or all(close(values[reference], value, tolerance) for value in set(values))
