"""Which slices belong to one volume, and where that volume lies.

In: slice headers of a folder. Out: stacks, each with one slice a position, and for a stack the order and the affine.
Slices are put together by what they are (series, matrix, orientation, spacing); only where positions repeat does the
rest of the header decide, because echo or trigger times may well differ within one honest volume.
"""

import functools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from radiogen.core import types
from radiogen.core.types import FloatArray
from radiogen.imaging.dicom.headers import SliceHeader, Traits
from radiogen.imaging.dicom.pixels import read_pixels
from radiogen.imaging.dicom.vectors import Vector
from radiogen.imaging.findings import Finding, FindingCode, trait_name

SAME_PLACE_MM = 0.01
"""Slices nearer to each other than this lie at the same place."""

SAME_DIRECTION = 1e-3
"""Largest difference of direction cosines within a stack (0.06 degrees, a quarter of a millimetre across a head)."""

SAME_SPACING = 1e-3
"""Largest difference of pixel spacings within a stack, mm."""

_DIGITS = re.compile(r"([0-9]+)")
_WORDS = {"component": "{}", "image_type": "ImageType {}", "echo_ms": "echo {:g} ms", "echo_number": "echo {:g}",
          "inversion_ms": "inversion time {:g} ms", "flip_angle_degrees": "flip angle {:g} degrees",
          "b_value": "b-value {:g}", "time_point": "time point {:g}", "acquisition": "acquisition {:g}",
          "trigger_ms": "trigger time {:g} ms", "acquired": "acquired at {:013.6f}", "created": "created at {:013.6f}"}
_CONTRASTS = ("component", "image_type", "echo_ms", "echo_number", "inversion_ms", "flip_angle_degrees", "b_value",
              "gradient")
"""Traits whose values never meet in one volume: slices that differ in them at one place show different things."""
_CLOCKS = ("acquired", "created")
"""Traits that may change within a volume at any slice."""


@dataclass(frozen=True)
class Stack:
    """Slices of one volume, in no order; `label` ("phase, echo 4.6 ms") is "" where there is one volume."""

    slices: tuple[SliceHeader, ...]
    label: str = ""
    findings: tuple[Finding, ...] = ()

    @functools.cached_property
    def along_mm(self) -> FloatArray | None:
        """`distances_mm` of the slices."""
        return distances_mm(self.slices)

    @functools.cached_property
    def places(self) -> list[int]:
        """By slice, the number of its place along the normal: slices with one number lie at the same place.

        Raises ValueError where a position or orientation is unknown.
        """
        along = self.along_mm
        if along is None:
            raise ValueError("slices without a position have no place")
        order = np.argsort(along, kind="stable")
        numbers = np.empty(len(order), int)
        numbers[order] = np.concatenate([[0], np.cumsum(np.diff(along[order]) > SAME_PLACE_MM)])
        return numbers.tolist()

    @functools.cached_property
    def repeats(self) -> bool:
        """Whether two slices lie at the same place; False where it is not known where they lie."""
        return self.along_mm is not None and repeats(self.along_mm)


def group_grids(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Slices of one series, matrix, orientation and spacing together; the largest group first."""
    groups: list[list[SliceHeader]] = []
    known: defaultdict[tuple[str, int, int], list[list[SliceHeader]]] = defaultdict(list)
    group = None
    for header in headers:
        if group is not None and _shares_grid(group[-1], header):
            group.append(header)
            continue
        candidates = known[header.series, header.rows, header.columns]
        group = next((each for each in candidates if _same_grid(each[0], header)), None)
        if group is None:
            group = []
            groups.append(group)
            candidates.append(group)
        group.append(header)
    return sorted(groups, key=len, reverse=True)


def split_repeats(headers: list[SliceHeader]) -> list[Stack]:
    """The volumes of a group of slices that share one grid: each holds a position at most once.

    Separated by `Traits` where these differ from volume to volume, else by the order of the files. Copies (same
    place, same pixels) are dropped where the positions then come out even.
    """
    if len({(header.path, header.frame) for header in headers if header.tile is not None}) > 1:
        whole = _mosaics(headers)
        if whole:
            return whole
    stacks = [Stack(tuple(headers))]
    if not stacks[0].repeats:
        return _moved_time_points(stacks[0])
    taken = Counter(stacks[0].places)
    one_place = len(taken) == 1
    if sum(count > 1 for count in taken.values()) * 2 < len(taken):  # a few copies rather than repeated volumes
        stacks = [_without_copies(stacks[0])]
    for name in _CONTRASTS[:4] if one_place else Traits._fields:
        stacks = [part for stack in stacks for part in _split_by(stack, name)]
    stacks = [_without_copies(stack) for stack in stacks]
    if one_place:
        return [_without_places(stack) for stack in stacks]
    return [part for stack in stacks for part in _split_by_order(stack)]


def _mosaics(headers: Sequence[SliceHeader]) -> list[Stack]:
    """Each mosaic as the volume that it is, where places do not decide: unknown, or moved between mosaics (by a scanner
    that follows the head, Siemens PACE). Empty where all mosaics have the same places.
    """
    frames = defaultdict(list)
    for header in sorted(headers, key=file_order):
        frames[(header.path, header.frame) if header.tile is not None else None].append(header)
    first, *others = [distances_mm(slices) for slices in frames.values()]
    if first is not None and all(
            each is not None and len(each) == len(first) and np.allclose(each, first, atol=SAME_PLACE_MM, rtol=0)
            for each in others):
        return []
    name = next((name for name in Traits._fields if len({getattr(slices[0].traits, name) for slices in frames.values()})
                 == len(frames)), None)
    labels = [_describe(name, getattr(slices[0].traits, name), number) if name else slices[0].name
              for number, slices in enumerate(frames.values())]
    return [Stack(tuple(slices), label) for slices, label in zip(frames.values(), labels, strict=True)]


def distances_mm(slices: Sequence[SliceHeader]) -> FloatArray | None:
    """Each slice's position along the normal of the first, in mm; None where a position or orientation is unknown."""
    first = slices[0].orientation
    if first is None or any(header.position is None or header.orientation is None for header in slices):
        return None
    return np.array([header.position for header in slices]) @ normal(first)


def normal(orientation: Vector) -> types.Vector:
    """Unit vector at right angles to a slice of this orientation: direction of a row x direction of a column."""
    (a, b, c), (d, e, f) = orientation[:3], orientation[3:]
    cross = np.array([b * f - c * e, c * d - a * f, a * e - b * d])  # np.cross costs a hundred times more for one pair
    return cross / math.hypot(*cross)


def repeats(along: FloatArray) -> bool:
    """Whether two of the slices at these distances (mm) lie at the same place."""
    return bool((np.diff(np.sort(along)) <= SAME_PLACE_MM).any())


def natural_order(name: str) -> list[str | int]:
    """Sort key of a file's name in which Image-2 comes before Image-10."""
    return [int(part) if place % 2 else part for place, part in enumerate(_DIGITS.split(name))]


def close(a: Vector | None, b: Vector | None, tolerance: float) -> bool:
    """Whether two vectors differ by no more than `tolerance` in any number; None is close to None only."""
    if a is b or a is None or b is None:
        return a is b
    return len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b, strict=True)) <= tolerance


def _shares_grid(a: SliceHeader, b: SliceHeader) -> bool:
    """Whether two slices share the very objects, as frames and tiles of one file do; quick, and False decides nothing.
    """
    return (a.orientation is b.orientation and a.pixel_spacing is b.pixel_spacing and a.series is b.series
            and (a.rows, a.columns) == (b.rows, b.columns) and (a.position is None) == (b.position is None))


def _same_grid(a: SliceHeader, b: SliceHeader) -> bool:
    if (a.position is None) != (b.position is None):
        return False
    return close(a.orientation, b.orientation, SAME_DIRECTION) and close(
        a.pixel_spacing, b.pixel_spacing, SAME_SPACING)


def _split_by(stack: Stack, name: str) -> list[Stack]:
    """Split where a trait differs between volumes; those of images come before those of what was derived from them."""
    values = [getattr(header.traits, name) for header in stack.slices]
    if len(set(values)) == 1 or not stack.repeats or not _splits_volumes(name, values, stack.places):
        return [stack]
    parts = defaultdict(list)
    for header, value in zip(stack.slices, values, strict=True):
        parts[value].append(header)
    if name == "image_type":
        ordered = sorted(parts, key=lambda value: (
            not (value or "").startswith("ORIGINAL"), min(map(file_order, parts[value]))))
    else:
        ordered = sorted(parts, key=lambda value: (value is None, value))
    return [replace(stack, slices=tuple(parts[value]), label=", ".join(filter(None, [
        stack.label, _describe(name, value, rank)]))) for rank, value in enumerate(ordered)]


def _splits_volumes(name: str, values: Sequence[object], places: Sequence[int]) -> bool:
    """Whether a trait is why places repeat: at most of those that do, its values differ, and they fill volumes.

    They do where they are no more than a place has slices, and most of them cover three quarters of the places: one
    acquisition may be aborted, but odd and even slices that were measured one after the other are no two volumes. Of a
    contrast it is enough that one value covers most places: other echoes may have fewer slices. A clock has to explain
    every repeat, because it also runs on within a volume.
    """
    counts, pairs = Counter(places), Counter(zip(values, places, strict=True))
    covered, seen = Counter(value for value, _ in pairs), Counter(place for _, place in pairs)
    repeated = [place for place, count in counts.items() if count > 1]
    if len(covered) < 2 or sum(seen[place] > 1 for place in repeated) * 4 < len(repeated) * 3:
        return False
    sizes, full = sorted(covered.values()), len(counts)
    if name in _CONTRASTS and sizes[-1] * 5 > full * 3:
        return True
    whole = len(covered) <= max(counts.values()) and sizes[len(sizes) // 2] * 4 >= full * 3
    return whole and (name not in _CLOCKS or max(pairs.values()) == 1)


def _moved_time_points(stack: Stack) -> list[Stack]:
    """Time points whose slices lie between each other's, since the scanner or the head moved; else the stack as it is.

    Each has to span most of the stack by itself: then they are no parts of one volume.
    """
    parts, along = defaultdict(list), stack.along_mm
    if along is None or len({header.traits.time_point for header in stack.slices}) == 1:
        return [stack]
    for header, distance in zip(stack.slices, along, strict=True):
        parts[header.traits.time_point].append((header, distance))
    spans = [np.ptp([distance for _, distance in part]) for part in parts.values()]
    known = sorted(value for value in parts if value is not None)
    if len(known) < len(parts) or min(map(len, parts.values())) < 3 or min(spans) < 0.75 * np.ptp(along):
        return [stack]
    return [Stack(tuple(header for header, _ in parts[value]), _describe("time_point", value, 0))
            for value in known]


def _describe(name: str, value: object, rank: int) -> str:
    if value is None:
        return f"no {trait_name(name)} reported"
    if name == "gradient":
        return f"gradient {rank + 1}"
    return _WORDS[name].format(value)


def _without_copies(stack: Stack) -> Stack:
    """Drop slices with the place and the pixels of another, unless these are the empty ends of repeated volumes."""
    if not stack.repeats:
        return stack
    by_place = defaultdict(list)
    for header, place in zip(stack.slices, stack.places, strict=True):
        by_place[place].append(header)
    marks = _marks([header for sisters in by_place.values() if len(sisters) > 1 for header in sisters])
    kept, dropped = [], []
    for sisters in by_place.values():
        new = _distinct(sorted(sisters, key=file_order), marks) if len(sisters) > 1 else sisters
        kept += [new]
        dropped += [header for header in sisters if header not in new]
    before = {len(sisters) for sisters in by_place.values()}
    after = {len(sisters) for sisters in kept}
    if not dropped or (len(before) == 1 and len(after) > 1):
        return stack
    return replace(stack, slices=tuple(header for sisters in kept for header in sisters),
                   findings=(*stack.findings, Finding(FindingCode.COPIES, names(dropped))))


def _marks(slices: list[SliceHeader]) -> dict[int, object]:
    """By identity of a header, what is the same for slices of the same pixels; each frame is read once.

    What cannot be read counts as different from all others. `hash` is SipHash: 64 bits, at five times the speed of a
    cryptographic one.
    """
    by_frame = sorted(slices, key=lambda header: (str(header.path), header.frame))
    return {id(header): (hash(pixels.tobytes()), pixels.dtype) if isinstance(pixels, np.ndarray) else id(header)
            for header, pixels in zip(by_frame, read_pixels(by_frame), strict=True)}


def _distinct(sisters: list[SliceHeader], marks: dict[int, object]) -> list[SliceHeader]:
    """Those whose pixels differ from all before them."""
    seen, kept = set(), []
    for header in sisters:
        if marks[id(header)] not in seen:
            seen.add(marks[id(header)])
            kept.append(header)
    return kept


def _without_places(stack: Stack) -> Stack:
    """A stack whose slices all claim one place: moments of a single slice, or positions lost by an anonymiser."""
    if len(stack.slices) == 1:
        return stack
    return replace(stack, slices=tuple(replace(header, position=None) for header in stack.slices),
                   findings=(*stack.findings, Finding(FindingCode.ONE_PLACE)))


def _split_by_order(stack: Stack) -> list[Stack]:
    """Volumes by the order of the files, where all else is exhausted; a mosaic is a volume, whatever others say."""
    if not stack.repeats:
        return [stack]
    ordered = sorted(stack.slices, key=file_order)
    if all(header.tile is not None for header in ordered):
        frames = list(dict.fromkeys((header.path, header.frame) for header in ordered))
        numbers, found = [frames.index((header.path, header.frame)) for header in ordered], []
    else:
        numbers, found = _volume_numbers(Stack(tuple(ordered)).places), [_unexplained(stack)]
    volumes = defaultdict(list)
    for header, number in zip(ordered, numbers, strict=True):
        volumes[number].append(header)
    return [replace(stack, slices=tuple(volume), findings=(*stack.findings, *found),
                    label=", ".join(filter(None, [stack.label, f"repeat {number + 1}"])))
            for number, volume in sorted(volumes.items())]


def _unexplained(stack: Stack) -> Finding:
    """The finding on slices at one place that no trait separates: what they differ in, if in anything."""
    by_place = defaultdict(list)
    for header, place in zip(stack.slices, stack.places, strict=True):
        by_place[place].append(header.traits)
    differ = tuple(name for name in Traits._fields if name not in _CLOCKS and any(
        len({getattr(traits, name) for traits in sisters}) > 1 for sisters in by_place.values()))
    return Finding(FindingCode.REPEATS_MIXED, (), {"traits": differ}) if differ else Finding(FindingCode.REPEATS_ALIKE)


def _volume_numbers(places: Sequence[int]) -> list[int]:
    """By slice, in the order of the files, the number of its volume.

    A place that is taken begins the next volume, so that a slice missing in one is not filled from another. Where that
    makes more volumes than a place has slices, or short ones, slices alternate: the first of each place is volume 0.
    """
    taken: set[int] = set()
    counts: Counter[int] = Counter()
    number, following, alternating = 0, [], []
    for place in places:
        if place in taken:
            number, taken = number + 1, set()
        taken.add(place)
        following.append(number)
        alternating.append(counts[place])
        counts[place] += 1
    sizes = sorted(Counter(following).values())
    whole = len(sizes) == max(counts.values()) and sizes[len(sizes) // 2] * 4 >= len(counts) * 3
    return following if whole else alternating


def file_order(header: SliceHeader) -> tuple:
    """Sort key where positions do not help: InstanceNumber, then the last number in the file's name, then the name."""
    digits = _DIGITS.findall(header.path.stem)
    number = int(digits[-1]) if digits else 0
    instance = header.instance if header.instance is not None else number
    return instance, header.frame, header.tile or (0, 0), number, header.path.name


def names(slices: Iterable[SliceHeader]) -> tuple[str, ...]:
    """The name of each slice, as a `Finding` has them."""
    return tuple(header.name for header in slices)
