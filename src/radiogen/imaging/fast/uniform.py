"""The series that most people have: files that differ in nothing but the place of their slice.

In: `ScannedFiles`. Out: a `UniformSeries`, whose pixels compiled code reads, or resizes while it reads, in one call for
the whole series. One frame of grey values a file, uncompressed, on one grid, every slice at a place of its own, nothing
else in the folder; everything else is for headers.py. Nothing is decided here that is not decided there: the same
functions check the values, the same geometry makes order and affine.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiogen.imaging.compiled import kernels, whole_blocks
from radiogen.imaging.compiled.slice_plans import reading_room, slice_plan
from radiogen.imaging.dicom.geometry import NotAVolume, Placement, place_positions, room_for
from radiogen.imaging.dicom.headers import SliceHeader
from radiogen.imaging.dicom.pixels import stored_dtype
from radiogen.imaging.dicom.stacks import SAME_DIRECTION, SAME_SPACING, close, natural_order, normal, repeats
from radiogen.imaging.dicom.vectors import Vector, orientation_of, spacing_of
from radiogen.imaging.fast import scan
from radiogen.imaging.fast.alike import same_values
from radiogen.imaging.fast.decimals import decimals
from radiogen.imaging.fast.elements import COLUMN, FD, KEYWORDS, REPRESENTATION
from radiogen.imaging.fast.files import ScannedFiles
from radiogen.imaging.fast.headers import HeaderParser
from radiogen.imaging.fast.pixels import read_frame, used_bits
from radiogen.imaging.reader import Reason, Unsupported

_OWN = ("ImageOrientationPatient", "PixelSpacing", "RescaleIntercept", "RescaleSlope")
"""Elements, beside the position, that may differ from file to file."""
_FREE = (*_OWN, "ImagePositionPatient", "InstanceNumber", "EchoTime", "InversionTime",
         "TriggerTime", "FlipAngle", "DiffusionBValue", "DiffusionGradientOrientation", "AcquisitionNumber",
         "AcquisitionTime", "ContentTime", "EchoNumbers", "ComplexImageComponent")
"""Elements whose values need not be the same; the later ones count only where positions repeat."""
_SHARED = np.array([keyword not in _FREE and isinstance(keyword, str) for keyword in KEYWORDS])
_DOUBLES = [COLUMN[keyword] for keyword in _FREE if REPRESENTATION[COLUMN[keyword]] == FD]
"""Of `_FREE`, those of which pydicom says that they cannot be parsed: a double has eight bytes."""
_ABSENT = [COLUMN[keyword] for keyword in (
    "ModalityLUTSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")]


@dataclass(frozen=True)
class UniformSeries:
    """Files whose headers are known. `names`, `offsets` and `factors` are in the order of `files`.

    first: the header of one of them, whose storage and shape all share. files: open descriptors. offsets: bytes before
    the pixels. factors: rescale slope and intercept.
    """

    first: SliceHeader
    names: Sequence[str]
    files: Sequence[int]
    offsets: np.ndarray
    factors: Sequence[tuple[float, float]]
    placement: Placement

    @property
    def rescaled(self) -> bool:
        """Whether the voxels are real values (float32), not the stored integers."""
        return any(factors != (1.0, 0.0) for factors in set(self.factors))

    @property
    def used_bits(self) -> tuple[int, int]:
        """`mask` and `sign` of `kernels.clear_unused`; a mask of 0 where a value fills its cell."""
        bits = used_bits(self.first.storage)
        if bits is None:  # `_first_header` lets none through
            raise Unsupported(Reason.ODD_VALUE)
        return bits

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        return len(self.files), self.first.rows, self.first.columns

    @property
    def dtype(self) -> np.dtype:
        """Of the voxels."""
        return np.dtype(np.float32) if self.rescaled else stored_dtype(self.first.storage)


def uniform_series(folder: Path, scanned: ScannedFiles, parser: HeaderParser | None = None) -> UniformSeries | None:
    """The series in `folder` where it is uniform, else None. parser: of these files, so that none is parsed twice."""
    marks, count = scanned.marks, len(scanned.names)
    if count < 2 or not scanned.complete or not scanned.descriptors or marks[:, scan.STATE].any() or (
            scanned.spans[:, _ABSENT, 1] >= 0).any() or (np.maximum(scanned.spans[:, _DOUBLES, 1], 0) % 8).any():
        return None
    same = same_values(scanned.store, scanned.spans)
    if not same[:, _SHARED].all() or (marks[:, scan.ENCODING] != marks[0, scan.ENCODING]).any():
        return None
    first = _first_header(folder, parser or HeaderParser(scanned))
    if first is None:
        return None
    size, lengths = first.storage.frame_bits // 8, marks[:, scan.PIXEL_LENGTH]
    offsets = marks[:, scan.PIXELS] + marks[:, scan.HEAD]
    if lengths.min() < size or lengths.max() > size + 1 or (offsets + size > marks[:, scan.FILE_SIZE]).any():
        return None
    try:
        own = [_numbers(scanned, same, keyword) for keyword in _OWN]
        return _series(first, scanned, offsets, _positions(scanned), own)
    except (NotAVolume, _NoNumber):  # the general way says what is wrong
        return None


def read_voxels(series: UniformSeries, extremes: bool = False) -> tuple[np.ndarray, list[float | None], np.ndarray]:
    """The voxels (slice, row, column); by slice its one value where it is blank; with `extremes`, as `read_resized`.

    The voxels are the last slices of an array as in `geometry.room_for`. Raises Unsupported.
    """
    room = room_for(len(series.files), series.shape[1:], series.dtype, series.placement.at)
    voxels = room[len(room) - len(series.files):]
    blank, each = np.zeros(len(voxels), np.bool_), np.empty((len(voxels) if extremes else 0, 2), series.dtype)
    if not series.rescaled:
        if kernels.read_volume(_in_order(series), voxels, blank, each, series.used_bits) < len(voxels):
            raise Unsupported(Reason.CHANGED)
    else:
        for place, pixels in enumerate(read_slices(series, voxels)):
            blank[place] = kernels.is_blank(pixels)
            if extremes:
                each[place] = kernels.extremes(pixels)
    values = [voxels[place, 0, 0] if is_blank else None for place, is_blank in enumerate(blank.tolist())]
    return room, values, each


def read_stored(series: UniformSeries) -> tuple[np.ndarray, np.ndarray]:
    """The stored integers (slice, row, column), not rescaled; smallest and largest voxel by slice as they are rescaled.

    Raises Unsupported.
    """
    dtype = stored_dtype(series.first.storage)
    stored, blank = np.empty(series.shape, dtype), np.zeros(len(series.files), np.bool_)
    each = np.empty((len(stored), 2), dtype)
    if kernels.read_volume(_in_order(series), stored, blank, each, series.used_bits) < len(stored):
        raise Unsupported(Reason.CHANGED)
    if not series.rescaled:
        return stored, each
    real = np.empty(each.shape, np.float32)  # rescaling keeps the order, or turns it round
    for place, (slope, intercept) in enumerate(ordered_factors(series)):
        kernels.rescale(each[place:place + 1], slope, intercept, real[place:place + 1])
    return stored, np.sort(real, axis=1)


def ordered_factors(series: UniformSeries) -> list[tuple[float, float]]:
    """Rescale slope and intercept in the order of the slices."""
    return [series.factors[index] for index in series.placement.order]


def read_resized(series: UniformSeries, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Every slice resized to `size`, (slices, rows, columns) float32; smallest and largest voxel by slice, (slices, 2).

    Raises Unsupported.
    """
    stack, each = np.empty((series.shape[0], *size), np.float32), np.empty((series.shape[0], 2), series.dtype)
    plan = slice_plan(series.shape[1:], size)
    if not series.rescaled:
        opened = _in_order(series)
        read = whole_blocks.read_means(opened, series.shape[1:], stack, each, series.used_bits)
        if read is None:
            room = reading_room(plan, series.shape[1:], series.dtype)
            read = kernels.read_resized(opened, series.shape[1], room, plan, stack, each, series.used_bits)
        if read < len(stack):
            raise Unsupported(Reason.CHANGED)
    else:
        for place, pixels in enumerate(read_slices(series)):
            each[place] = kernels.resize_slice(pixels, plan, stack[place])
    return stack, each


def read_slices(series: UniformSeries, into: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The slices (row, column) in their order, each read into its place in `into`, else into one array again and again.

    Raises Unsupported where a file is shorter than its header says, or changed meanwhile.
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
        if read_frame(series.files[index], offsets[index], target) is not None:
            raise Unsupported(Reason.CHANGED)
        if mask:
            kernels.clear_unused(target, mask, sign)
        if rescaled:
            kernels.rescale(target, *series.factors[index], out)
        yield out


class _NoNumber(Exception):
    """A value that is not the numbers that it should be."""


def _in_order(series: UniformSeries) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors and offsets in the order of the slices."""
    order = list(series.placement.order)
    return np.array(series.files, np.int32)[order], np.asarray(series.offsets, np.int64)[order]


def _first_header(folder: Path, parser: HeaderParser) -> SliceHeader | None:
    """The header of one file; None where it is not one image of grey values whose stored integers can be read."""
    try:
        slices, notes = parser.parse_alone(folder / parser.scanned.names[0])
    except Unsupported:
        return None
    storage = slices[0].storage
    usual = (storage.bits_allocated in (8, 16) and used_bits(storage) is not None
             and not (storage.compressed or storage.floating or storage.inverted))
    return slices[0] if len(slices) == 1 and not (slices[0].localiser or notes) and usual else None


def _positions(scanned: ScannedFiles) -> np.ndarray:
    """(files, 3) float64 in mm; raises _NoNumber where one is missing or odd."""
    spans = scanned.spans[:, COLUMN["ImagePositionPatient"], :2]
    if (spans[:, 0] < 0).any():
        raise _NoNumber
    positions = decimals(scanned.store, spans, 3)
    for number in np.flatnonzero(np.isnan(positions).any(axis=1)):
        parsed = _parsed(scanned.store[number], *spans[number])
        if parsed is None or len(parsed) != 3:
            raise _NoNumber
        positions[number] = parsed
    return positions


def _numbers(scanned: ScannedFiles, same: np.ndarray, keyword: str) -> list[Vector | None]:
    """The numbers of an element by file, None where it is absent or empty; a single entry where all are the same.

    Raises _NoNumber where a text is no number.
    """
    column = COLUMN[keyword]
    spans = scanned.spans[:, column, :2]
    if ((spans[:, 0] < 0) & (spans[:, 1] > 0)).any():
        raise _NoNumber
    if same[:, column].all():
        return [_parsed(scanned.store[0], *spans[0])]
    return [_parsed(content, *span) for content, span in zip(scanned.store, spans, strict=True)]


def _parsed(content: np.ndarray, start: int, size: int) -> Vector | None:
    if size <= 0:
        return None
    try:
        return tuple(map(float, content[start:start + size].tobytes().rstrip(b" \0").split(b"\\")))
    except ValueError:
        raise _NoNumber from None


def _series(first: SliceHeader, scanned: ScannedFiles, offsets: np.ndarray, positions: np.ndarray,
            own: Sequence[list[Vector | None]]) -> UniformSeries | None:
    """Check that the slices share a grid and no place, and put them in order; None where the general way decides."""
    names, (directions, spacings, intercepts, slopes) = scanned.names, own
    if not np.isfinite(positions).all():
        return None
    reference = 0
    if len(directions) > 1:
        reference = min(range(len(names)), key=lambda number: natural_order(names[number]))
    orientations = _by_value(directions, lambda six: orientation_of(six if six and len(six) == 6 else None))
    if None in orientations or not _alike(orientations, reference, SAME_DIRECTION) or not _alike(
            spacings, reference, SAME_SPACING) or any(
            two and (len(two) != 2 or spacing_of(two) is None) for two in set(spacings)):
        return None
    factors = _factors(slopes, intercepts)
    if factors is None or repeats(positions @ normal(orientations[reference])):
        return None
    placement = place_positions(positions, _for_all(orientations, names), _for_all(spacings, names), names, reference)
    return UniformSeries(first, names, scanned.descriptors, offsets, _for_all(factors, names), placement)


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
