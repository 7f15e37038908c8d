"""Where a stack of slices lies: their order, the affine, and what is odd about them.

In: slice headers of one stack, each place at most once. Out: a `Placement`. The step between slices is
(last - first) / (n - 1) of the real positions, never SliceThickness or SpacingBetweenSlices: scanners round positions,
and single gaps are off by as much. As a vector the step carries a gantry tilt as the shear that it is.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from radiogen.imaging.dicom.headers import SliceHeader
from radiogen.imaging.dicom.stacks import file_order, normal
from radiogen.imaging.dicom.vectors import Vector, is_step
from radiogen.imaging.findings import Finding, FindingCode

LARGEST_MISSING_SHARE = 0.25
"""A stack that lacks more of its slices than this is no volume any more."""


MOST_STEPS = 1_000_000
"""A stack that would have more slices than this if its gaps were filled has a position that cannot be."""


class NotAVolume(Exception):
    """Slices that cannot be one volume; finding: why."""

    def __init__(self, finding: Finding):
        self.finding = finding
        super().__init__(str(finding))


class OrderedBy(StrEnum):
    """What the order of slices was taken from."""

    POSITION = "position"
    INSTANCE_NUMBER = "InstanceNumber"
    FILE_NAME = "the number in the file name"
    PLACE_IN_FILE = "their place in the file"


@dataclass(frozen=True)
class Placement:
    """order: indices of the slices, first to last along the normal. affine: as in `Volume`.

    at: for every slice of the volume its place among the ordered slices, as a fraction where it lies between two of
    them and has to be interpolated; None where the volume is just these slices. ordered_by: where `order` is from.
    """

    order: tuple[int, ...]
    affine: np.ndarray | None
    at: np.ndarray | None = None
    findings: tuple[Finding, ...] = ()
    ordered_by: OrderedBy = OrderedBy.POSITION


def place(slices: Sequence[SliceHeader]) -> Placement:
    """Order the slices by position along their normal and derive the affine.

    By InstanceNumber, else by the number in the file's name, and without an affine, where positions or orientation
    are not reported. Raises NotAVolume where more than a quarter of the slices is missing.
    """
    if any(header.position is None or header.orientation is None for header in slices):
        return _by_number(slices)
    orientations = [each.orientation for each in slices if each.orientation is not None]
    return place_positions(np.array([header.position for header in slices]), orientations,
                           [each.pixel_spacing for each in slices], [each.name for each in slices])


def place_positions(positions: np.ndarray, orientations: Sequence[Vector], spacings: Sequence[Vector | None],
                    names: Sequence[str], reference: int = 0) -> Placement:
    """As `place`, from what the slices report: positions (slices, 3) in mm; the normal is that of slice `reference`."""
    along = positions @ normal(orientations[reference])
    order = np.argsort(along, kind="stable")
    along, first = along[order], order[0]
    named = [names[index] for index in order]
    at, found = _even_places(along, named) if len(order) > 2 else (None, ())
    affine, more = _affine(positions[order], along, orientations[first], spacings[first],
                           len(order) if at is None else len(at))
    return Placement(tuple(order.tolist()), affine, at, (*found, *more))


def room_for(count: int, shape: tuple[int, int], dtype: np.dtype, at: np.ndarray | None) -> np.ndarray:
    """Room whose last `count` slices are to be read, and in which `fill` finds place for those at `at`."""
    return np.empty((max(count, 0 if at is None else len(at)), *shape), dtype)


def fill(room: np.ndarray, at: np.ndarray | None, count: int | None = None) -> np.ndarray:
    """The last `count` slices of `room` (None: all) at the fractional places `at`, linear between neighbours.

    Those at whole numbers are untouched. Where no slice is overwritten before it was used, as where gaps are filled,
    this is done within `room`, which is of no use any more: a volume needs no second one beside it.
    """
    begin = 0 if count is None else len(room) - count
    voxels = room[begin:] if begin else room
    if at is None:
        return voxels
    first = np.floor(at).astype(int)
    within = len(at) <= len(room) and (begin + first >= np.arange(len(at))).all()
    filled = room[:len(at)] if within else np.empty((len(at), *room.shape[1:]), room.dtype)
    for place, (index, weight) in enumerate(zip(first.tolist(), (at % 1).tolist(), strict=True)):
        if weight:
            between = (1 - weight) * voxels[index].astype(np.float64) + weight * voxels[index + 1]
            filled[place] = np.rint(between) if voxels.dtype.kind in "iu" else between
        elif not within or place != begin + index:
            filled[place] = voxels[index]
    return filled


def keep(room: np.ndarray, count: int, kept: Sequence[int]) -> None:
    """Of the last `count` slices of `room` move those to its end whose numbers, ascending, are `kept`."""
    begin = len(room) - count
    for place, index in zip(range(len(room) - 1, -1, -1), reversed(kept), strict=False):
        if place != begin + index:
            room[place] = room[begin + index]


def _by_number(slices: Sequence[SliceHeader]) -> Placement:
    code = (FindingCode.POSITION_MISSING if any(header.position is None for header in slices)
            else FindingCode.ORIENTATION_MISSING)
    instances = [header.instance for header in slices if header.storage.frames == 1 and header.tile is None]
    unique = None not in instances and len(set(instances)) == len(instances)
    by = OrderedBy.PLACE_IN_FILE
    if instances:
        by = OrderedBy.INSTANCE_NUMBER if unique else OrderedBy.FILE_NAME
    order = sorted(range(len(slices)), key=lambda index: file_order(slices[index]))
    return Placement(tuple(order), None, None, (Finding(code, (), {"ordered_by": by}),), by)


def _even_places(along: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray | None, tuple[Finding, ...]]:
    """What to interpolate so that slices lie evenly; `along` ascends, in mm."""
    off, step = _deviation(along, np.arange(len(along))), float(along[-1] - along[0]) / (len(along) - 1)
    if off < min(0.1, 0.05 * step):  # what is below would find nothing: no gap is far from the usual one
        return None, ()
    gaps = np.diff(along)
    usual = statistics.median(gaps.tolist())
    steps = np.maximum(np.rint(gaps / usual), 1)
    if not np.isfinite(steps).all() or steps.sum() > MOST_STEPS:
        far = int(gaps.argmax())
        raise NotAVolume(Finding(FindingCode.POSITION_FAR_OFF, (), {
            "gap_mm": float(gaps[far]), "between": tuple(names[far:far + 2]), "usual_mm": usual}))
    multiples = steps.astype(int)
    missing, total = int(multiples.sum() - len(gaps)), int(multiples.sum())
    lacking = {"missing": missing, "total": total + 1, "holes": _holes(multiples, names)}
    if missing > LARGEST_MISSING_SHARE * (total + 1):
        raise NotAVolume(Finding(FindingCode.SLICES_LACKING, (), lacking))
    off_with_holes = _deviation(along, np.concatenate([[0], np.cumsum(multiples)]))
    if missing and off_with_holes <= 0.2 * usual:
        at = np.concatenate([np.arange(count) / count + index for index, count in enumerate(multiples)] + [[len(gaps)]])
        return at, (Finding(FindingCode.SLICES_MISSING, (), {**lacking, "off_mm": _notable(off_with_holes, usual)}),)
    if _notable(off, usual) is None:
        return None, ()
    uneven = {"low_mm": float(gaps.min()), "high_mm": float(gaps.max())}
    if off <= 0.5 * usual:
        return None, (Finding(FindingCode.SLICES_UNEVEN, (), {**uneven, "off_mm": off}),)
    even = np.linspace(along[0], along[-1], total + 1)
    at = np.interp(even, along, np.arange(len(along)))
    return at, (Finding(FindingCode.SLICES_UNEVEN_INTERPOLATED, (), {
        **uneven, "slices": len(at), "spacing_mm": float(even[1] - even[0])}),)


def _notable(off_mm: float, usual_mm: float) -> float | None:
    """How far an even grid puts slices from their place; None where it is no more than the rounding of positions."""
    return None if off_mm <= min(0.1, 0.1 * usual_mm) else off_mm


def _deviation(along: np.ndarray, number: np.ndarray) -> float:
    """Largest distance in mm from an even grid through the first and the last slice."""
    even = along[0] + number * (along[-1] - along[0]) / number[-1]
    return float(np.abs(along - even).max())


def _holes(multiples: np.ndarray, names: Sequence[str]) -> tuple[tuple[int, str, str], ...]:
    """Of each hole: how many slices it lacks, and the files before and after it."""
    return tuple((int(multiples[hole]) - 1, names[hole], names[hole + 1])
                 for hole in np.flatnonzero(multiples > 1).tolist())


def _affine(positions: np.ndarray, along: np.ndarray, orientation: Vector, pixel_spacing: Vector | None,
            count: int) -> tuple[np.ndarray | None, tuple[Finding, ...]]:
    """Affine of `count` slices from the first to the last position; None, and why, where it cannot be known."""
    if pixel_spacing is None:
        return None, (Finding(FindingCode.PIXEL_SPACING_MISSING),)
    if len(positions) == 1:
        return None, (Finding(FindingCode.SINGLE_SLICE),)
    way = positions[-1] - positions[0]
    aside = positions - positions[0] - np.outer((along - along[0]) / (along[-1] - along[0]), way)
    sideways = math.sqrt((aside * aside).sum(axis=1).max())
    findings = []
    if sideways > max(pixel_spacing):
        return None, (Finding(FindingCode.SLICES_SHIFTED_FAR, (), {"shift_mm": sideways}),)
    if sideways > 0.1:
        findings.append(Finding(FindingCode.SLICES_SHIFTED, (), {"shift_mm": sideways}))
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    length = math.hypot(*way)
    if not is_step(length / (count - 1)):
        return None, (Finding(FindingCode.SPACING_IMPOSSIBLE, (), {"spacing_mm": length / (count - 1)}),)
    tilt = math.degrees(math.acos(min(1.0, (along[-1] - along[0]) / length)))
    if tilt > 0.5:
        findings.append(Finding(FindingCode.GANTRY_TILT, (), {"degrees": tilt}))
    affine = np.eye(4)
    affine[:3, :3] = np.array([way / (count - 1), column * pixel_spacing[0], row * pixel_spacing[1]]).T
    affine[:3, 3] = positions[0]
    return affine, tuple(findings)
