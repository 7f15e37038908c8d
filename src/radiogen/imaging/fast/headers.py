"""Slice headers of scanned files: the same as `headers.read_headers` returns by pydicom, in a fraction of its time.

In: `ScannedFiles`. Out: `SliceHeader`s and notes of a file, or `Unsupported` where pydicom has to read it. The values
go through the same checks as pydicom's (`headers.storage_of`, `headers.slices_of`). Files, and frames, that differ from
an earlier one in nothing but their place are copies of its header with another place.
"""

import functools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from radiogen.imaging.dicom.elements import Lookup, Values, texts
from radiogen.imaging.dicom.frozen import copy_with
from radiogen.imaging.dicom.headers import NotAnImage, SliceHeader, no_pixels, slice_of, slices_of, storage_of
from radiogen.imaging.dicom.parsed_values import UNREADABLE
from radiogen.imaging.dicom.vectors import Vector, number_of, numbers_of
from radiogen.imaging.fast import groups as group_scan
from radiogen.imaging.fast import scan
from radiogen.imaging.fast.alike import alike_files, alike_frames
from radiogen.imaging.fast.decimals import decimals, frame_decimals
from radiogen.imaging.fast.elements import (
    ANY,
    COLUMN,
    GROUP_PATHS,
    GROUP_REPRESENTATION,
    KEYWORDS,
    OWNED,
    REPRESENTATION,
    SEVERAL,
    SQ,
)
from radiogen.imaging.fast.files import ScannedFiles
from radiogen.imaging.fast.values import value_of
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.reader import Reason, Unsupported

_REASONS = {scan.CUT: Reason.CUT, scan.ODD_ELEMENT: Reason.ODD_ELEMENT,
            scan.OTHER_SYNTAX: Reason.OTHER_SYNTAX, scan.REPEATED: Reason.REPEATED, scan.BEHIND: Reason.BEHIND,
            scan.UNREADABLE: Reason.UNREADABLE}
_NOT_IMAGES = {scan.EMPTY: FindingCode.FILE_EMPTY, scan.NOT_DICOM: FindingCode.FILE_NOT_DICOM}
_OWN = [COLUMN[keyword] for keyword in (
    "ImagePositionPatient", "InstanceNumber", "AcquisitionTime", "ContentTime", "TriggerTime")]
"""Columns in which the slices of a series differ, and that decide nothing but the fields that `_at_place` sets."""
_POSITION_COLUMN, _INSTANCE, _ACQUIRED, _CREATED, _TRIGGER = _OWN
_SHARED, _PER_FRAME = COLUMN["SharedFunctionalGroupsSequence"], COLUMN["PerFrameFunctionalGroupsSequence"]
_GROUPS = [_SHARED, _PER_FRAME]
_IS_OWN = np.isin(np.arange(len(KEYWORDS)), _OWN)
_LARGEST_INTEGER = 1e10
"""Digits that an integer of a header may have: what values.py reads."""
_DEFAULT_SYNTAX = {scan.IMPLICIT: "1.2.840.10008.1.2", scan.EXPLICIT: "1.2.840.10008.1.2.1"}
"""Of a file without a meta header."""
_MOSAICS = ("MOSAIC", "VFRAME")
_POSITION = GROUP_PATHS.index(("PlanePositionSequence", "ImagePositionPatient"))
_PLANE = GROUP_PATHS.index(("PlanePositionSequence",))
_KNOWN = {*KEYWORDS, UNREADABLE, *(path[-1] for path in GROUP_PATHS)}
_MOST_GROUPS = 1 << 28
"""Bytes of functional groups; more are left to pydicom."""


class _Syntax(NamedTuple):
    """A transfer syntax, with the attributes of `pydicom.uid.UID` that count here."""

    uid: str
    is_implicit_VR: bool  # noqa: N815 - pydicom's name
    is_compressed: bool
    is_little_endian: bool = True
    is_deflated: bool = False

    def __str__(self) -> str:
        return self.uid


class Elements(dict):
    """Values by keyword, as pydicom returns them; one that elements.py does not list is a mistake of this package."""

    def get(self, key: str | int, default: Any = None) -> Any:
        """The value of an element, `default` where the file has none."""
        if key not in _KNOWN:
            raise KeyError(f"{key} is not among the elements that the compiled reader looks for")
        return super().get(key, default)


@dataclass
class HeaderParser:
    """Parses the headers of scanned files; remembers what files have in common."""

    scanned: ScannedFiles
    _templates: dict[int, SliceHeader] = field(default_factory=dict)
    _parsed: dict[int, tuple[list[SliceHeader], list[Finding]]] = field(default_factory=dict)

    def parse(self, path: Path) -> tuple[list[SliceHeader], list[Finding]]:
        """The slices of one file, and what is odd in it, as `headers.read_headers` returns them.

        Raises NotAnImage with the same code where that is certain, and Unsupported where pydicom has to read the file.
        """
        number, marks = self._usable(path)
        kind = self._kinds[number]
        template = self._templates.get(kind)
        if template is not None:
            return [self._at_place(template, path, number, marks)], []
        slices, notes = self._alone(path, number, marks)
        if len(slices) == 1 and slices[0].tile is None and not notes and not (
                self.scanned.spans[number, _GROUPS, 1] >= 0).any():
            self._templates[kind] = slices[0]
        return slices, notes

    def parse_alone(self, path: Path) -> tuple[list[SliceHeader], list[Finding]]:
        """As `parse`, without a look at the other files, which would be wasted where none of them is parsed."""
        return self._alone(path, *self._usable(path))

    def _alone(self, path: Path, number: int, marks: list[int]) -> tuple[list[SliceHeader], list[Finding]]:
        if number not in self._parsed:
            self._parsed[number] = self._first_of_its_kind(path, number, marks)
        return self._parsed[number]

    def _usable(self, path: Path) -> tuple[int, list[int]]:
        """The row of a file, and its marks; raises NotAnImage or Unsupported where it cannot be parsed here."""
        number = self.scanned.number_of(path)
        if number is None:
            raise Unsupported(Reason.UNREADABLE)
        marks = self.scanned.marks[number].tolist()
        if marks[scan.STATE] in _NOT_IMAGES:
            raise NotAnImage(_NOT_IMAGES[marks[scan.STATE]])
        if marks[scan.STATE] in _REASONS:
            raise Unsupported(_REASONS[marks[scan.STATE]])
        return number, marks

    @functools.cached_property
    def _kinds(self) -> list[int]:
        """By file, the first whose header differs from its own in the columns of `_OWN` alone."""
        scanned = self.scanned
        return alike_files(scanned.store, scanned.spans, scanned.marks, _IS_OWN).tolist()

    @functools.cached_property
    def _positions(self) -> list[Vector]:
        """Each file's position; all NaN where compiled code is not sure of one of its numbers."""
        found = decimals(self.scanned.store, self.scanned.spans[:, _POSITION_COLUMN, :2], 3)
        found[np.isnan(found).any(axis=1)] = np.nan
        return list(map(tuple, found.tolist()))

    @functools.cached_property
    def _own_numbers(self) -> dict[int, list[float]]:
        """By column of `_OWN` but the position: each file's number, NaN where compiled code is not sure of it."""
        return {column: decimals(self.scanned.store, self.scanned.spans[:, column, :2], 1)[:, 0].tolist()
                for column in _OWN if column != _POSITION_COLUMN}

    def _at_place(self, template: SliceHeader, path: Path, number: int, marks: list[int]) -> SliceHeader:
        """The header of a file that differs from that of `template` in its path and the columns of `_OWN` alone."""
        position: Vector | None = self._positions[number]
        if position is not None and position[0] != position[0]:
            position = _vector(self._raw(number, _POSITION_COLUMN))
        traits = template.traits._replace(
            acquired=self._own_number(number, _ACQUIRED), created=self._own_number(number, _CREATED),
            trigger_ms=self._own_number(number, _TRIGGER))
        instance = self._own_number(number, _INSTANCE)
        storage = copy_with(template.storage, path=path, offset=marks[scan.PIXELS] + marks[scan.HEAD])
        return copy_with(template, path=path, storage=storage, position=position, traits=traits,
                         instance=None if instance is None else int(instance))

    def _own_number(self, number: int, column: int) -> float | None:
        value = self._own_numbers[column][number]
        if value == value and (column != _INSTANCE or (value.is_integer() and abs(value) < _LARGEST_INTEGER)):
            return value
        raw = self._raw(number, column)
        return None if raw is None else number_of(value_of(REPRESENTATION[column], _short(raw)))

    def _raw(self, number: int, column: int) -> "bytes | _Long | None":
        """The bytes of an element of a file; None where it is absent."""
        start, size = self.scanned.spans[number, column, :2].tolist()
        if size < 0:
            return None
        return self.scanned.store[number, start:start + size].tobytes() if start >= 0 else _Long(-1 - start, size)

    def _first_of_its_kind(self, path: Path, number: int, marks: list[int]) -> tuple[list[SliceHeader], list[Finding]]:
        values = self._values(path, number, marks)
        if marks[scan.STATE] == scan.NO_PIXELS:
            raise NotAnImage(no_pixels(values))
        uid = values.get("TransferSyntaxUID") or _DEFAULT_SYNTAX[marks[scan.ENCODING]]
        syntax = _Syntax(uid, marks[scan.ENCODING] == scan.IMPLICIT, marks[scan.ENCODING] == scan.ENCAPSULATED)
        try:
            storage = storage_of(path, values, syntax, _head_of_pixels(marks), marks[scan.PIXELS],
                                 marks[scan.FILE_SIZE])
            return slices_of(values, storage, _FrameMaker().slice_of)
        except NotAnImage:  # pydicom's path finds the same, and says it
            raise Unsupported(Reason.ODD_VALUE) from None

    def _values(self, path: Path, number: int, marks: list[int]) -> Elements:
        values, row = Elements(), self.scanned.store[number].tobytes()
        for column, (start, size, _) in enumerate(self.scanned.spans[number].tolist()):
            if size < 0:
                continue
            content = row[start:start + size] if start >= 0 else _Long(-1 - start, size)
            representation, keyword = REPRESENTATION[column], KEYWORDS[column]
            if column in (_SHARED, _PER_FRAME):
                frames = int(number_of(values.get("NumberOfFrames")) or 1)
                rows = self._groups(path, content, marks, frames if column == _PER_FRAME else None)
                values[keyword] = rows if column == _PER_FRAME else [_groups_of(row) for row in rows]
            elif representation == ANY and isinstance(keyword, int):
                self._add_private(values, path, keyword, content, int(self.scanned.spans[number, column, 2]))
            elif representation == SQ:
                if content.size:
                    raise Unsupported(Reason.ODD_VALUE)
            else:
                values[keyword] = _value(keyword, representation, _short(content))
        if "SOPClassUID" not in values and "MediaStorageSOPClassUID" in values:
            values["SOPClassUID"] = values["MediaStorageSOPClassUID"]
        return values

    def _add_private(self, values: Elements, path: Path, tag: int, content: "bytes | _Long", representation: int
                     ) -> None:
        """Add a vendor's element where its owner has the block; long ones are needed of mosaics alone."""
        owners = OWNED[tag]
        owner = values.get(next(iter(owners.values())))
        if not isinstance(owner, str) or owner.strip() not in owners:
            return
        if isinstance(content, _Long) and not any(kind in texts(values.get("ImageType")) for kind in _MOSAICS):
            return
        if representation == SQ:
            raise Unsupported(Reason.PRIVATE_SEQUENCE)
        values[tag] = value_of(representation, self._content(path, content))

    def _groups(self, path: Path, content: "_Long", marks: list[int], frames: int | None) -> list["_Frame"]:
        """The functional groups of each of `frames` frames; None: those that all share, one entry."""
        if not content.size:
            return []
        if content.size > _MOST_GROUPS:
            raise Unsupported(Reason.ODD_VALUE)
        raw = self._content(path, content)
        padded = np.frombuffer(raw + bytes(16), np.uint8)
        rows = 1 if frames is None else max(0, min(frames, raw.count(b"\xfe\xff\x00\xe0")))  # the heads of items
        spans = np.full((rows, len(GROUP_PATHS), 2), -1, np.int64)
        implicit = marks[scan.ENCODING] == scan.IMPLICIT
        state = group_scan.scan_groups(padded, len(raw), implicit, frames is not None, spans)
        if state != scan.READ_WELL:
            raise Unsupported(_REASONS[state])
        return _frames(padded, raw, spans)

    def _content(self, path: Path, content: "bytes | _Long") -> bytes:
        if not isinstance(content, _Long):
            return content
        descriptor = self.scanned.descriptor_of(path)
        try:
            if descriptor is not None:
                read = os.pread(descriptor, content.size, content.offset)
            else:
                with path.open("rb") as file:
                    file.seek(content.offset)
                    read = file.read(content.size)
        except OSError:
            raise Unsupported(Reason.UNREADABLE) from None
        if len(read) < content.size:
            raise Unsupported(Reason.CUT)
        return read


class _Long(NamedTuple):
    """A value that was not copied: where it is in the file."""

    offset: int
    size: int


class _Frame:
    """The functional groups of one frame.

    kind: the number of the first frame that differs from it in its position alone. position: None where its own groups
    do not state it, or it has to be parsed.
    """

    __slots__ = ("content", "kind", "position", "spans")

    def __init__(self, content: bytes, spans: np.ndarray, kind: int, position: Vector | None):
        self.content, self.spans, self.kind, self.position = content, spans, kind, position

    def raw(self, column: int) -> bytes | None:
        """The bytes of a column of `GROUP_PATHS`; None where it is absent."""
        start, size = self.spans[column].tolist()
        return self.content[start:start + size] if size >= 0 else None


def _frames(padded: np.ndarray, content: bytes, spans: np.ndarray) -> list[_Frame]:
    """spans: (frames, columns, 2), as `group_scan.scan_groups` fills them."""
    kinds = alike_frames(padded, spans, _POSITION).tolist()
    positions = frame_decimals(padded, spans[:, _POSITION], 3)
    sure: list[bool] = np.logical_not(np.isnan(positions).any(axis=1)).tolist()
    return [_Frame(content, row, kind, tuple(position) if known else None)
            for row, kind, position, known in zip(spans, kinds, positions.tolist(), sure, strict=True)]


def _value(keyword: str | int, representation: int, raw: bytes) -> Any:
    """The value of a standard element; Unsupported where it has several and should have one."""
    value = value_of(representation, raw)
    if isinstance(value, list) and keyword not in SEVERAL:
        raise Unsupported(Reason.ODD_VALUE)
    return value


def _groups_of(frame: _Frame) -> dict[str, list[dict]]:
    """Functional groups as a dataset has them: macros by name, each a list of one item of values."""
    groups: dict[str, list[dict]] = {}
    for column, (path, representation) in enumerate(zip(GROUP_PATHS, GROUP_REPRESENTATION, strict=True)):
        raw = frame.raw(column)
        if raw is None:
            continue
        parent = groups if len(path) == 1 else groups[path[0]][0]
        if representation == SQ:
            parent[path[-1]] = [{}]
        elif len(path) == 3:
            parent[path[1]][0][path[2]] = _value(path[2], representation, raw)
        else:
            parent[path[1]] = _value(path[1], representation, raw)
    return groups


class _FrameMaker:
    """Makes the headers of a file's frames; those that differ in their position alone are copies of one."""

    def __init__(self) -> None:
        self._known: dict[int, SliceHeader] = {}

    def slice_of(self, values: Values, storage: Any, frame: int, groups: "_Frame | None", shared: Lookup | None,
                 notes: list[Finding]) -> SliceHeader:
        """As `headers.slice_of`."""
        if groups is None:
            return slice_of(values, storage, frame, None, shared, notes)
        known = self._known.get(groups.kind)
        if known is None:
            known = slice_of(values, storage, frame, _groups_of(groups), shared, notes)
            self._known[groups.kind] = known
            return known
        position = groups.position
        if position is None:
            position = known.position if groups.raw(_PLANE) is None else _vector(groups.raw(_POSITION))
        return copy_with(known, frame=frame, position=position)


def _short(content: bytes | _Long) -> bytes:
    """A standard value; one that was not copied is longer than any should be, and no part of a template's key."""
    if isinstance(content, _Long):
        raise Unsupported(Reason.ODD_VALUE)
    return content


def _vector(raw: bytes | _Long | None) -> Vector | None:
    """Three numbers of a decimal text, or None."""
    return None if raw is None else numbers_of(value_of(REPRESENTATION[_POSITION_COLUMN], _short(raw)), 3)


def _head_of_pixels(marks: list[int]) -> bytes:
    """The head of the pixels' element, as it is in the file."""
    group = (0x7FE0).to_bytes(2, "little") + marks[scan.ELEMENT].to_bytes(2, "little")
    length = marks[scan.PIXEL_LENGTH].to_bytes(4, "little")
    if marks[scan.ENCODING] == scan.IMPLICIT:
        return group + length + bytes(4)
    return group + marks[scan.PIXEL_VR].to_bytes(2, "little") + bytes(2) + length
