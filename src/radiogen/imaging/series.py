"""A folder of DICOM files as a `Volume`: the public face of reading.

In: a folder of one series, or one file. Out: voxels in the order of the slices' places in the patient, the affine, and
findings. What is odd in a series meets one of three policies: it is used and a finding says so, a part of it is used
and a finding says which, or it is refused by name; `findings.FindingCode` lists every case. Nothing is guessed: an
affine that is not known is None.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from radiogen.core.memory import OutOfMemory
from radiogen.core.parallel import available_cores
from radiogen.imaging.dicom.geometry import NotAVolume, Placement, fill, keep, place, room_for
from radiogen.imaging.dicom.headers import NotAnImage, SliceHeader, read_headers
from radiogen.imaging.dicom.pixels import is_rescaled, read_pixels, real_values, stored_dtype
from radiogen.imaging.dicom.stacks import Stack, group_grids, names, split_repeats
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import SeriesError, blank_findings, is_nifti, list_folder
from radiogen.imaging.reader import Reader, Reason, Unsupported
from radiogen.imaging.volume import Volume

if TYPE_CHECKING:
    from radiogen.imaging.fast.files import ScannedFiles
    from radiogen.imaging.fast.uniform import UniformSeries

_LOG = logging.getLogger(__name__)

_Made = TypeVar("_Made")

Parse = Callable[[Path], tuple[list[SliceHeader], list[Finding]]]
"""From a file to the headers of its slices and what is odd in it; raises NotAnImage."""


def read_series(folder: Path | str, *, fast: bool = True, threads: int | None = None) -> Volume:
    """The one volume of a folder of DICOM files, of one multi-frame file, or of a NIfTI file (`read_nifti`).

    fast: compiled code (`imaging.fast`) reads what it can, file by file, and pydicom the rest; False: pydicom reads
    all. The volume is the same; its `reader` says which it was and why. threads: how many frames may be decompressed at
    once; None: as many as this process may use cores (`parallel.available_cores`).

    Voxels are (slice, row, column): the stored integers, or float32 where the series asks for a rescale. Slices are
    ordered by ImagePositionPatient along the normal of ImageOrientationPatient, ascending (DICOM PS3.3, C.7.6.2.1.1).
    Raises SeriesError where the series is refused (the codes of `findings.Policy.REFUSED`).

    Examples
    --------
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> volume.voxels.shape, volume.affine.shape, volume.reader.name
    ((8, 8, 8), (4, 4), 'fast')
    """
    return read_one(Path(folder), uniform_volume, fast=fast, threads=threads)


def read_one(folder: Path, read_uniform: "Callable[[Path, UniformSeries], _Made | None]", *, fast: bool = True,
             threads: int | None = None) -> "_Made | Volume":
    """What `read_uniform` makes of a uniform series; the volume, as `read_series` returns it, of any other.

    `read_uniform` may return None, or raise Unsupported, to leave the series to the general reader.
    """
    if is_nifti(folder):
        from radiogen.imaging.nifti.reading import read_nifti

        return read_nifti(folder)
    if not fast:
        return _chosen_volume(folder, read_headers, None, threads)
    from radiogen.imaging.compiled.compiling import announce_compiling
    from radiogen.imaging.fast.files import scanned_files
    from radiogen.imaging.fast.uniform import uniform_series

    with announce_compiling(), scanned_files(folder) as scanned:
        parse = _FastParse(scanned)
        series = uniform_series(folder, scanned, parse.parser)
        if series is not None:
            try:
                made = read_uniform(folder, series)
            except Unsupported as unsupported:
                _LOG.debug("%s: %s", folder, unsupported.reason)
                made = None
            if made is not None:
                return made
        return _chosen_volume(folder, parse, scanned, threads)


def chosen_stack(folder: Path, parse: Parse = read_headers) -> tuple[Stack, list[Finding]]:
    """The slices that `read_series` makes its volume of, and what was set aside.

    Raises SeriesError where the series is refused for its headers.
    """
    headers, findings = _read_folder(folder, parse)
    group, aside = _main_group(folder, group_grids(_without_localisers(headers, findings)))
    stacks = sorted(split_repeats(group), key=_preference)
    findings += aside
    if len(stacks) > 1:
        findings.append(Finding(FindingCode.VOLUMES, (), {"volumes": len(stacks), "label": stacks[0].label}))
    return stacks[0], findings


def header_stack(folder: Path) -> Stack:
    """What `chosen_stack` chooses, its headers parsed by compiled code where that can."""
    from radiogen.imaging.compiled.compiling import announce_compiling
    from radiogen.imaging.fast.files import scanned_files

    with announce_compiling(), scanned_files(folder) as scanned:
        return chosen_stack(folder, _FastParse(scanned))[0]


def read_volumes(folder: Path | str, *, fast: bool = True, threads: int | None = None) -> list[Volume]:
    """Every volume of a folder: time points, echoes, planes. The first finding of each says which it is.

    fast, threads: as in `read_series`. Raises SeriesError where there is none. A stack that would be refused by itself
    is named in the others' findings.

    Examples
    --------
    >>> [volume.voxels.shape for volume in read_volumes("input/phantom/train/00000/FLAIR")]
    [(8, 8, 8)]
    """
    folder = Path(folder)
    if not fast:
        return _all_volumes(folder, read_headers, None, threads)
    from radiogen.imaging.compiled.compiling import announce_compiling
    from radiogen.imaging.fast.files import scanned_files

    with announce_compiling(), scanned_files(folder) as scanned:
        return _all_volumes(folder, _FastParse(scanned), scanned, threads)


def uniform_findings(folder: Path, series: "UniformSeries", values: Sequence[float | None]) -> tuple[Finding, ...]:
    """All findings of a uniform series; values as in `blank_findings`. Raises SeriesError where it is blank."""
    names_in_order = [series.names[index] for index in series.placement.order]
    return (*series.placement.findings, *_factor_findings(series.factors),
            *blank_findings(folder, values, names_in_order))


def _factor_findings(factors: Sequence[tuple[float, float]]) -> list[Finding]:
    """What is odd about the slopes and intercepts of the slices."""
    return [Finding(FindingCode.RESCALE_DIFFERS)] if len(set(factors)) > 1 else []


def uniform_volume(folder: Path, series: "UniformSeries") -> Volume | None:
    """The volume of a uniform series; None where it does not fit into memory: the other way says so."""
    from radiogen.imaging.fast import uniform

    try:
        room, values, _ = uniform.read_voxels(series)
    except MemoryError:
        return None
    placement = series.placement
    findings = uniform_findings(folder, series, values)
    return Volume(fill(room, placement.at, len(values)), placement.affine, findings, Reader("fast"))


class _FastParse:
    """Parses a header by compiled code, and by pydicom where that cannot; remembers why, by path."""

    def __init__(self, scanned: "ScannedFiles"):
        from radiogen.imaging.fast.headers import HeaderParser

        self.parser = HeaderParser(scanned)
        self.reasons: dict[Path, Reason] = {}

    def __call__(self, path: Path) -> tuple[list[SliceHeader], list[Finding]]:
        try:
            return self.parser.parse(path)
        except Unsupported as unsupported:
            self.reasons[path] = unsupported.reason
        return read_headers(path)


def _chosen_volume(folder: Path, parse: Parse, scanned: "ScannedFiles | None", threads: int | None) -> Volume:
    stack, findings = chosen_stack(folder, parse)
    volume = _volume(folder, stack, parse, scanned, threads)
    return replace(volume, findings=(*findings, *volume.findings))


def _all_volumes(folder: Path, parse: Parse, scanned: "ScannedFiles | None", threads: int | None) -> list[Volume]:
    headers, findings = _read_folder(folder, parse)
    stacks = [stack for group in group_grids(headers) for stack in split_repeats(group)]
    volumes, problems = [], []
    for stack in stacks:
        try:
            volume = _volume(folder, stack, parse, scanned, threads)
        except SeriesError as problem:
            problems.append(problem)
            findings.append(replace(problem.finding, files=names(stack.slices)))
            continue
        named = (_volume_name(stack, len(volume.voxels)),) if len(stacks) > 1 else ()
        volumes.append(replace(volume, findings=(*named, *volume.findings)))
    if not volumes:
        raise problems[0]
    return [replace(volume, findings=(*volume.findings, *findings)) for volume in volumes]


def _volume_name(stack: Stack, slices: int) -> Finding:
    if stack.label:
        return Finding(FindingCode.VOLUME, (), {"label": stack.label})
    return Finding(FindingCode.VOLUME_UNNAMED, names(stack.slices), {"slices": slices})


def _reader(folder: Path, slices: Sequence[SliceHeader], parse: Parse, scanned: "ScannedFiles | None") -> Reader:
    """Which reader reads these slices; a fall-back is logged once a series."""
    if scanned is None or not isinstance(parse, _FastParse):
        return Reader("pydicom", Reason.SWITCHED_OFF)
    reason = next((parse.reasons[header.path] for header in slices if header.path in parse.reasons), None)
    if reason is not None:
        reader = Reader("pydicom", reason)
    elif any(header.storage.compressed for header in slices):
        reader = Reader("imagecodecs", Reason.COMPRESSED)
    else:
        return Reader("fast")
    _LOG.debug("%s: read by %s", folder, reader)
    return reader


def _read_folder(folder: Path, parse: Parse) -> tuple[list[SliceHeader], list[Finding]]:
    """Headers of all usable slices, and findings about files."""
    paths, not_read = list_folder(folder)
    headers: list[SliceHeader] = []
    unusable: dict[Finding, list[str]] = {}
    odd: dict[Finding, list[str]] = {}
    for path in paths:
        try:
            slices, notes = parse(path)
        except NotAnImage as problem:
            unusable.setdefault(problem.finding, []).append(path.name)
            continue
        headers += slices
        for note in notes:
            odd.setdefault(note, []).append(path.name)
    findings = [replace(problem, files=files) for problem, files in unusable.items()]
    if not headers:
        raise _no_usable_image(folder, findings, "put the series' DICOM files there")
    findings += not_read
    findings += [replace(note, files=files, values={**note.values, "everywhere": len(files) == len(paths)})
                 for note, files in odd.items()]
    if len(headers) > 2 and len({header.series for header in headers}) == len(headers):
        headers = [replace(header, series="") for header in headers]
        findings.append(Finding(FindingCode.SERIES_UID_IN_EVERY_FILE))
    return headers, findings


def _no_usable_image(folder: Path, causes: Sequence[Finding], remedy: str) -> SeriesError:
    return SeriesError(folder, Finding(FindingCode.NO_USABLE_IMAGE, (), {"causes": tuple(causes)}), remedy)


def _without_localisers(headers: list[SliceHeader], findings: list[Finding]) -> list[SliceHeader]:
    scouts = [header for header in headers if header.localiser]
    if not scouts or len(scouts) == len(headers):
        return headers
    findings.append(Finding(FindingCode.LOCALISER, names(scouts)))
    return [header for header in headers if not header.localiser]


def _main_group(folder: Path, groups: list[list[SliceHeader]]) -> tuple[list[SliceHeader], list[Finding]]:
    """The largest group and findings about the rest; SeriesError where it is not the clear majority."""
    main, others = groups[0], groups[1:]
    differences = [_difference(main[0], group) for group in others]
    if sum(map(len, others)) * 2 >= len(main):
        firsts = names(group[0] for group in groups)
        raise SeriesError(folder, Finding(FindingCode.SEVERAL_STACKS, (), {
            "parts": tuple(zip(map(len, groups), firsts, (None, *differences), strict=True))}),
            "keep the files of one of them in the folder")
    return main, differences


def _difference(main: SliceHeader, group: Sequence[SliceHeader]) -> Finding:
    """Why the slices of a group are not of the volume of `main`."""
    other, files = group[0], names(group)
    if other.series != main.series:
        return Finding(FindingCode.OTHER_SERIES, files)
    if (other.rows, other.columns) != (main.rows, main.columns):
        return Finding(FindingCode.OTHER_MATRIX, files, {"rows": other.rows, "columns": other.columns,
                                                         "main_rows": main.rows, "main_columns": main.columns})
    if other.position is None or other.orientation is None:
        return Finding(FindingCode.OTHER_PLACELESS, files)
    same_spacing = other.pixel_spacing == main.pixel_spacing
    return Finding(FindingCode.OTHER_ORIENTATION if same_spacing else FindingCode.OTHER_PIXEL_SPACING, files)


def _preference(stack: Stack) -> tuple:
    """Which of repeated volumes comes first; those alike stay in their order."""
    traits = stack.slices[0].traits
    return traits.component not in ("magnitude", None), -len(stack.slices), traits.echo_ms or 0.0


def _volume(folder: Path, stack: Stack, parse: Parse, scanned: "ScannedFiles | None", threads: int | None) -> Volume:
    """Read the pixels of a stack into their places."""
    reader = _reader(folder, stack.slices, parse, scanned)
    try:
        placement = place(stack.slices)
        ordered = [stack.slices[index] for index in placement.order]
        room, values, bad = _read_voxels(folder, ordered, placement, scanned, threads)
        findings = [*stack.findings, *_by_problem(ordered, bad)]
        if bad:
            kept = [index for index in range(len(ordered)) if index not in bad]
            if not kept:
                raise _no_usable_image(folder, findings, "fetch the series again")
            keep(room, len(ordered), kept)
            ordered, values = [ordered[index] for index in kept], [values[index] for index in kept]
            placement = place(ordered)
    except NotAVolume as problem:
        raise SeriesError(folder, problem.finding, "restore the missing files") from problem
    findings += _findings(folder, placement, ordered, values)
    return Volume(fill(room, placement.at, len(ordered)), placement.affine, tuple(findings), reader)


def _by_problem(ordered: Sequence[SliceHeader], bad: dict[int, NotAnImage]) -> list[Finding]:
    reasons: dict[Finding, list[SliceHeader]] = {}
    for index, problem in bad.items():
        reasons.setdefault(problem.finding, []).append(ordered[index])
    return [replace(reason, files=names(slices)) for reason, slices in reasons.items()]


def _read_voxels(folder: Path, ordered: Sequence[SliceHeader], placement: Placement, scanned: "ScannedFiles | None",
                 threads: int | None) -> tuple[np.ndarray, list[float | None], dict[int, NotAnImage]]:
    """Voxels of the slices in this order, at the end of an array as in `room_for`.

    Also by slice its one value where it is blank; by index why one was not read.
    """
    rescale = any(map(is_rescaled, ordered))
    dtype = np.dtype(np.float32) if rescale else np.result_type(*{stored_dtype(header.storage) for header in ordered})
    shape = (len(ordered), ordered[0].rows, ordered[0].columns)
    try:
        room = room_for(len(ordered), shape[1:], dtype, placement.at)
    except (MemoryError, ValueError) as error:
        storages = {header.path: header.storage for header in ordered}
        on_disk = sum(path.stat().st_size for path in storages)
        if any(each.compressed for each in storages.values()) or on_disk >= math.prod(shape) * dtype.itemsize / 2:
            raise OutOfMemory(folder) from None
        raise SeriesError(folder, Finding(FindingCode.SERIES_TOO_LARGE, (), dict(zip(
            ("slices", "rows", "columns"), shape, strict=True))), "leave the series out or use a larger machine"
            ) from error
    voxels = room[len(room) - len(ordered):]
    if scanned is not None:
        from radiogen.imaging.fast.pixels import is_native, read_native

        if is_native(ordered):
            return room, *read_native(ordered, voxels, rescale, scanned)
    bad, values = {}, []
    decoded = read_pixels(ordered, threads or available_cores())
    for index, (header, pixels) in enumerate(zip(ordered, decoded, strict=True)):
        if isinstance(pixels, NotAnImage):
            bad[index], voxels[index] = pixels, 0
        else:
            voxels[index] = real_values(pixels, header, rescale)
        values.append(voxels[index, 0, 0] if (voxels[index] == voxels[index, 0, 0]).all() else None)
    return room, values, bad


def _findings(folder: Path, placement: Placement, ordered: Sequence[SliceHeader], values: Sequence[float | None]
              ) -> list[Finding]:
    """What is odd in a stack, but for what was set aside."""
    blank = blank_findings(folder, values, [header.name for header in ordered])
    inverted = any(header.storage.inverted for header in ordered)
    return [*placement.findings, *([Finding(FindingCode.INVERTED)] if inverted else []),
            *_factor_findings([(header.slope, header.intercept) for header in ordered]), *blank]
