"""The proof of a series' geometry, in words: what was taken, from which attribute of which file, what contradicts it.

In: a series, or a case of a data set. Out: lines to print, for a radiographer to check against the scanner's own list.
Attributes that the reader never uses (SliceThickness, SpacingBetweenSlices, SliceLocation) are read here only, to say
where they contradict.
"""

import contextlib
import textwrap
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.types import Vector
from radiogen.core.wording import parameter
from radiogen.dataset.known_cases import known_bad
from radiogen.imaging.dicom.geometry import OrderedBy
from radiogen.imaging.dicom.guarded import read_tags
from radiogen.imaging.dicom.stacks import normal
from radiogen.imaging.findings import Policy
from radiogen.imaging.folder import is_nifti
from radiogen.imaging.inspect.evidence import Evidence, file_name_order, gather, instance_order, oblique_degrees, side
from radiogen.imaging.inspect.nifti import explain_nifti
from radiogen.imaging.inspect.quality import list_series

_WAYS = {"R": "right", "L": "left", "A": "front", "P": "back", "F": "feet", "H": "head"}
_NOT_USED = ("SpacingBetweenSlices", "SliceThickness", "SliceLocation")
_WIDTH, _INDENT = 110, 18

INCONSISTENT, CONSISTENT, NEITHER = "inconsistent", "consistent", "no evidence"
"""What a check says of the geometry that was taken."""

Check = tuple[str, str]
"""One of these three, and a sentence."""


def explain_case(data: Path, case: str) -> list[str]:
    """The proof of every series of a case. Raises UserError where the data set has no such case."""
    series = list_series(data)
    chosen = [each for each in series if each.case == case]
    if not chosen:
        names = sorted({each.case for each in series})
        raise UserError(parameter("case", case), f"{data} has no such case", f"choose one of {names[0]} to {names[-1]}")
    known = known_bad(data)
    lines: list[str] = []
    for each in chosen:
        lines += ["", f"{each.name}  ({each.folder})"]
        if each.split == "train" and case in known:
            lines += _entry("known bad case", f"{known[case]}; left out where training reads that")
        lines += explain_series(each.folder) if each.folder.exists() else ["  missing: there is no such folder"]
    return [*lines, "", "Positions are in mm: x to the patient's left, y to the back, z to the head."]


def explain_series(folder: Path) -> list[str]:
    """The proof of one series, or why it was refused."""
    try:
        if is_nifti(folder):
            return [line for heading, text in explain_nifti(folder).items() for line in _entry(heading, text)]
        evidence = gather(folder)
    except UserError as error:
        return [*_entry("refused", error.problem), *_entry("remedy", error.remedy)]
    lines = [*_files(evidence), *_order(evidence), *_plane(evidence), *_spacing(evidence), *_handedness(evidence)]
    checks = [*_orders(evidence), *_attributes(evidence), *_mixed(evidence), *_second_reading(evidence)]
    for head in (INCONSISTENT, CONSISTENT, NEITHER):
        said = [text for verdict, text in checks if verdict == head]
        lines += _entry(head, *(said or (["nothing was found"] if head == INCONSISTENT else [])))
    others = [str(finding) for finding in evidence.volume.findings if finding.code.policy is not Policy.PART_USED]
    return [*lines, *_entry("findings", *(others or ["none"]))]


def _entry(head: str, *texts: str) -> list[str]:
    """Lines with `head` in the first column and each text, wrapped, in the second."""
    lines: list[str] = []
    for text in texts:
        start = f"  {head if not lines else '':{_INDENT - 2}}"
        lines += textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * (_INDENT + 2),
                               break_on_hyphens=False, break_long_words=False)
    return lines


def _files(evidence: Evidence) -> list[str]:
    used = len({header.path for header in evidence.slices})
    held = f"{used} of {len(evidence.paths)} files used, {len(evidence.slices)} slices in them"
    if len(evidence.volume.voxels) != len(evidence.slices):
        held += f"; {len(evidence.volume.voxels)} in the volume, the rest interpolated"
    aside = [str(finding) for finding in evidence.volume.findings if finding.code.policy is Policy.PART_USED]
    reader = evidence.volume.reader
    by = "the compiled reader" if reader is None or reader.reason is None else str(reader)
    return [*_entry("files", held, *aside), *_entry("read by", by)]


def _order(evidence: Evidence) -> list[str]:
    along, slices = evidence.along_mm, evidence.slices
    if along is None:
        return _entry("order", f"by {evidence.ordered_by}, because there are no positions to go by",
                      f"first slice: {slices[0].name}; last slice: {slices[-1].name}")
    source = ("each file" if slices[0].storage.frames == 1 else "each frame") if slices[0].tile is None else (
        "the mosaic, with its CSA header for the tiles")
    lines = _entry("order", f"by ImagePositionPatient of {source}, projected on the normal of ImageOrientationPatient")
    ends = ((slices[0], along[0]),) if len(slices) == 1 else ((slices[0], along[0]), (slices[-1], along[-1]))
    for head, (header, place) in zip(("first slice", "last slice"), ends, strict=False):
        at = "" if header.position is None else f" at {_vector(header.position, 2)}"
        lines += _entry(head, f"{header.name}{at}: {place:.2f} mm along the normal")
    return lines


def _plane(evidence: Evidence) -> list[str]:
    direction, six = evidence.normal, evidence.slices[0].orientation
    if direction is None or six is None:
        return _entry("plane", "not known: no ImageOrientationPatient that can be used")
    first, off = evidence.slices[0], oblique_degrees(direction)
    row, column = np.array(six[:3]), np.array(six[3:])
    oblique = f"oblique by {off:.1f} degrees" if off >= 0.05 else "not oblique"
    return [*_entry("plane", f"{evidence.plane}, {oblique} (ImageOrientationPatient of {first.name})"),
            *_entry("row", f"runs {_way(row)}, {_vector(row, 4)}"),
            *_entry("column", f"runs {_way(column)}, {_vector(column, 4)}"),
            *_entry("normal", f"row x column, points {_way(direction)}, {_vector(direction, 4)}"),
            *_entry("picture", f"has {side(-row)} at its left edge and {side(-column)} at its upper edge")]


def _spacing(evidence: Evidence) -> list[str]:
    pixel, affine, along = evidence.slices[0].pixel_spacing, evidence.volume.affine, evidence.along_mm
    lines = []
    first, last = evidence.slices[0].position, evidence.slices[-1].position
    if affine is None or along is None or first is None or last is None:
        lines += _entry("slice spacing", "not known: no affine (see findings)")
    else:
        length, count = float(np.linalg.norm(np.subtract(last, first))), len(evidence.volume.voxels)
        gaps = np.diff(along)
        lines += _entry("slice spacing", f"{length / (count - 1):.3f} mm = {length:.2f} mm from the first to the last "
                                         f"position / {count - 1} steps",
                        f"gaps between the slices that are there, along the normal: {_span(gaps.tolist())} mm")
    text = "not reported" if pixel is None else (
        f"{pixel[0]:.4g} mm from row to row, {pixel[1]:.4g} mm from column to column "
        f"(PixelSpacing of {evidence.slices[0].name})")
    return [*lines, *_entry("pixel spacing", text)]


def _handedness(evidence: Evidence) -> list[str]:
    affine = evidence.volume.affine
    if affine is None:
        return _entry("handedness", "not known: no affine")
    step, down, right = affine[:3, :3].T
    size = float(np.linalg.det(np.column_stack([right, down, step])))
    kind = "right-handed, nothing is mirrored" if size > 0 else "LEFT-HANDED, the volume is mirrored"
    return _entry("handedness", f"{kind} (determinant of the steps column, row, slice: {size:+.3f} mm3)",
                  f"slices run {_way(step)}")


def _orders(evidence: Evidence) -> list[Check]:
    """What the other orders say."""
    slices, found = evidence.slices, []
    if len(slices) < 2:
        return []
    if slices[0].storage.frames > 1 or slices[0].tile is not None:
        return [(NEITHER, "InstanceNumber and file name: a file holds several slices")]
    back = "" if evidence.normal is None else f", to the {_WAYS[side(-evidence.normal)]}"
    for name, order, source in (("InstanceNumber", instance_order(slices), OrderedBy.INSTANCE_NUMBER),
                                ("file name", file_name_order(slices), OrderedBy.FILE_NAME)):
        lacking = "is missing" if any(header.instance is None for header in slices) else "is the same"
        if source is evidence.ordered_by:
            found.append((NEITHER, f"{name}: the order was taken from it, and nothing confirms it"))
        else:
            found.append({"same": (CONSISTENT, f"{name} runs the same way"),
                          "reversed": (INCONSISTENT, f"{name} runs the other way{back}; not used"),
                          "mixed": (INCONSISTENT, f"{name} runs to and fro: it would shuffle the slices; not used"),
                          "": (INCONSISTENT, f"{name} {lacking} in some files; not used")}[order])
    return found


def _attributes(evidence: Evidence) -> list[Check]:
    """What the attributes say that are not used."""
    values = _unused_values(evidence)
    affine = evidence.volume.affine
    step = None if affine is None else float(np.linalg.norm(affine[:3, 0]))
    checks = []
    between, thickness = values["SpacingBetweenSlices"], values["SliceThickness"]
    if between and step is not None:
        off = max(abs(value - step) for value in between) > max(0.01 * step, 0.02)
        checks.append((INCONSISTENT if off else CONSISTENT,
                       f"SpacingBetweenSlices says {_span(between)} mm, the positions say {step:.3f} mm"
                       + ("; not used" if off else "")))
    elif between:
        checks.append((NEITHER, f"SpacingBetweenSlices says {_span(between)} mm; not used"))
    if thickness:
        gap = None if step is None else step - max(thickness)
        meaning = "how thick a slice is, not how far the next one is"
        if step is not None and gap is not None and abs(gap) > max(0.01 * step, 0.02):
            meaning += f": {gap:.2f} mm between slices" if gap > 0 else f": slices overlap by {-gap:.2f} mm"
        checks.append((NEITHER, f"SliceThickness says {_span(thickness)} mm ({meaning}); not used"))
    absent = [name for name in ("SpacingBetweenSlices", "SliceThickness") if not values[name]]
    checks += [(NEITHER, f"{' and '.join(absent)}: not reported")] if absent else []
    return [*checks, *_location(evidence, values["SliceLocation"])]


def _location(evidence: Evidence, values: Sequence[float]) -> list[Check]:
    """SliceLocation runs either way by the maker's taste; only its steps can contradict."""
    if evidence.along_mm is None or len(values) != len(evidence.slices) or len(values) < 2:
        return []
    steps = np.abs(np.diff(values))
    way = np.linalg.norm(np.diff([header.position for header in evidence.slices], axis=0), axis=1)
    off = np.abs(steps - way)
    if (off > np.maximum(0.1, 0.03 * way)).any():
        return [(INCONSISTENT, f"SliceLocation steps by {_span(steps.tolist())} mm, up to {off.max():.2f} mm off those "
                               "of the positions; not used")]
    return [(CONSISTENT, "SliceLocation steps as the positions do")]


def _mixed(evidence: Evidence) -> list[Check]:
    """Differences within the slices that the reader takes for one volume."""
    slices, checks = evidence.slices, []
    spacings = {header.pixel_spacing for header in slices}
    if len(spacings) > 1:
        checks.append((INCONSISTENT, f"PixelSpacing has {len(spacings)} values in these files: that of "
                                     f"{slices[0].name} is taken"))
    if evidence.normal is not None:
        normals = np.array([normal(header.orientation) for header in slices if header.orientation is not None])
        angle = float(np.degrees(np.arcsin(min(1.0, np.linalg.norm(np.cross(normals, normals[0]), axis=1).max()))))
        if angle > 1e-3:
            checks.append((INCONSISTENT, f"ImageOrientationPatient differs by up to {angle:.3f} degrees: that of "
                                         f"{slices[0].name} is taken"))
    return checks


def _second_reading(evidence: Evidence) -> list[Check]:
    """Whether the affine from pydicom's headers is that of the volume as everyone gets it."""
    first, second = evidence.volume.affine, evidence.placement.affine
    if first is None and second is None:
        return []
    same = first is not None and second is not None and np.allclose(first, second, atol=1e-6)
    gives = "the same affine" if same else "ANOTHER AFFINE: please report this series"
    return [(CONSISTENT if same else INCONSISTENT, f"a second reading of every header, by pydicom, gives {gives}")]


def _unused_values(evidence: Evidence) -> dict[str, list[float]]:
    """The numbers in the attributes that are not used: one a slice where every file has one, else those found."""
    values: dict[str, list[float]] = {name: [] for name in _NOT_USED}
    for path in dict.fromkeys(header.path for header in evidence.slices):
        for name, number in _unused_of_file(path).items():
            values[name].append(number)
    return values


def _unused_of_file(path: Path) -> dict[str, float]:
    wanted = [*_NOT_USED, "SharedFunctionalGroupsSequence"]
    with contextlib.suppress(Exception):  # the file was read before: what cannot be parsed now is left out
        dataset = read_tags(path, wanted, force=True)
        shared = _item(_item(dataset, "SharedFunctionalGroupsSequence"), "PixelMeasuresSequence")
        inner = {name: number for name in _NOT_USED if (number := _number(shared, name)) is not None}
        found = {name: number for name in _NOT_USED if (number := _number(dataset, name)) is not None}
        return {**inner, **found}
    return {}


def _item(dataset: Any, sequence: str) -> Any:
    items = None if dataset is None else dataset.get(sequence)
    return items[0] if items else None


def _number(dataset: Any, name: str) -> float | None:
    with contextlib.suppress(Exception):
        return float(dataset.get(name))
    return None


def _way(direction: Vector) -> str:
    """`to the head`, `to the back (8 degrees off)`."""
    unit = direction / np.linalg.norm(direction)
    off = round(oblique_degrees(unit))
    return f"to the {_WAYS[side(unit)]}" + (f" ({off} degree{'s' * (off > 1)} off)" if off else "")


def _vector(values: Iterable[float], digits: int) -> str:
    return "(" + ", ".join(f"{round(value, digits) + 0.0:g}" for value in values) + ")"


def _span(values: Collection[float]) -> str:
    """`4.8`, or `4.79 to 4.81` where they differ."""
    low, high = f"{min(values):.3f}".rstrip("0").rstrip("."), f"{max(values):.3f}".rstrip("0").rstrip(".")
    return low if low == high else f"{low} to {high}"
