"""The series of one case become the arrays of one or more recipes, each file read once for all of them.

In: the folders of a case's series, and settings. Out: an array for each setting, the geometry of every series read, and
a hash that tells whether two cases look alike. What min-max scaling of whole slices can do is done while the files are
read (reduced.py); what needs the volume (percentiles, the patient's grid, windows) gets it. Memory holds one case.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from radiogen.arrays.case_findings import CaseFinding, of_sequence
from radiogen.arrays.series_arrays import byte_cube, slices_2d
from radiogen.core.memory import OutOfMemory, translate_memory_errors
from radiogen.core.wording import parameter
from radiogen.dataset.geometry import SIZES
from radiogen.dataset.layout import SEQUENCES
from radiogen.imaging.cubes import (
    grown,
    interpolate,
    longest_first,
    middle_slices,
    need_affine,
    padded,
    patient_grid,
    slice_target,
    stretch_cube,
    to_bytes,
)
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.intensity import Normalisation, normalise, normalised_slices
from radiogen.imaging.resampling import resample_slices
from radiogen.imaging.resized import Reduced, Target, read_reduced, reduce_volume
from radiogen.imaging.series import read_series
from radiogen.imaging.slices import ComputedSlices
from radiogen.imaging.transforms import slab_slices
from radiogen.imaging.volume import Volume, plane, spacing_mm
from radiogen.imaging.window import apply_window, read_windows

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_KEPT_BYTES = 1 << 28
"""Windowed series of up to this size as floats are kept; larger ones are windowed as often as they are looked at."""

REVISION = 3
"""Counted up whenever the same settings make other arrays, so that old caches are not met any more."""


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """Everything that the arrays of a cache depend on.

    cubes: (sequence, slice, row, column) of edge `size`; a missing series of a test case is a cube of zeros.
    slabs: the same with `depth` slices, those around the one that shows most of the head (`central_slab`).
    slices: (slice, row, column), the sequences one after the other; index.csv's `slices` tells how many of each.
    window: the windows that the files name are applied first.
    dtype: uint8 keeps 0..1 as 0..255; float16 keeps the values themselves, which z-scores need.
    """

    kind: Literal["cubes", "slabs", "slices"]
    sequences: tuple[str, ...]
    size: int
    geometry: Literal["stretch", "isotropic", "slab"]
    normalisation: Normalisation
    slices_per_series: int | None = None
    edge_mm: float | None = None
    dtype: Literal["uint8", "float16"] = "uint8"
    depth: int | None = None
    window: bool = False

    @property
    def first_sequence(self) -> str:
        """The series that stands for the case where cases are compared: the first in `SEQUENCES`'s order."""
        return min(self.sequences, key=SEQUENCES.index)

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that change with any setting and with `REVISION`."""
        text = json.dumps([REVISION, dataclasses.asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclasses.dataclass(frozen=True)
class CaseSeries:
    """One series as far as the settings need it; `unusable` says why a test case goes on without it.

    volume: where a setting needs the voxels. reduced: its stacks are those of the settings in `streamed`.
    windows: one a slice of the volume, where a setting applies them. likeness: as in `likeness_hash`, or "".
    """

    volume: Volume | None = None
    reduced: Reduced | None = None
    streamed: tuple[CacheSettings, ...] = ()
    unusable: Finding | None = None
    windows: "tuple[Dataset | None, ...]" = ()
    window_findings: tuple[Finding, ...] = ()
    likeness: str = ""

    @property
    def told(self) -> Volume | None:
        """Shape, affine and findings of the series as a `Volume`, whose voxels may all be 0; None where unusable."""
        if self.volume is not None or self.reduced is None:
            return self.volume
        return Volume(np.broadcast_to(np.uint8(0), self.reduced.shape), self.reduced.affine, self.reduced.findings)

    @property
    def placed(self) -> bool:
        """Whether it is known where the series lies."""
        return self.told is not None and self.told.affine is not None

    @property
    def geometry(self) -> dict[str, str | int | float | None]:
        """Plane, matrix and spacing by the columns of a cache's `geometry.csv`; None where it is not known."""
        steps = spacing_mm(self.told) or (None,) * 3
        sizes = (*self.told.voxels.shape, *(step and round(step, 4) for step in steps))
        return {"plane": plane(self.told), **dict(zip(SIZES, sizes, strict=True))}


class CaseArray(NamedTuple):
    """slices: how many of each sequence (`FLAIR:24 T1w:160`), "" for cubes. findings: what was odd in the series.

    changes: what the geometry did to them, where it is not harmless: grown, interpolated, padded, cropped.
    """

    array: np.ndarray
    slices: str
    findings: list[CaseFinding]
    changes: list[CaseFinding]


def read_case(folders: Mapping[str, Path], wanted: Sequence[CacheSettings], *, whole: bool, case: str,
              fast: bool = True) -> dict[str, CaseSeries]:
    """The series of a case, by sequence, as `case_array` needs them for the settings `wanted`.

    whole: a missing or refused series is the case's end (UserError); else it is left out.
    """
    series = {}
    for sequence in sorted({name for settings in wanted for name in settings.sequences}):
        folder = folders[sequence]
        try:
            if not folder.is_dir():
                raise SeriesError(folder, Finding(FindingCode.SERIES_MISSING),
                                  f"restore it, or leave the case out with {parameter('leave_out')} {case}")
            with translate_memory_errors(folder):
                series[sequence] = _read(folder, sequence, [each for each in wanted if sequence in each.sequences],
                                         fast)
        except OutOfMemory:  # says nothing of the series: a test case that goes on without it would be another one
            raise
        except SeriesError as error:
            if whole:
                raise
            series[sequence] = CaseSeries(unusable=error.finding)
    return series


def case_array(settings: CacheSettings, series: Mapping[str, CaseSeries], *, whole: bool) -> CaseArray | None:
    """The case's array; None where no series is left.

    Raises UserError where the geometry needs an affine, that of a series is not known, and the case shall be `whole`.
    """
    usable = {name: series[name] for name in settings.sequences if not series[name].unusable}
    found = [each for name, one in usable.items() for each in of_sequence(name, (
        *one.told.findings, *(one.window_findings if settings.window else ())))]
    unplaced = [name for name, one in usable.items() if settings.geometry == "isotropic" and not one.placed]
    if unplaced and whole:
        need_affine(None)
    usable = {name: one for name, one in usable.items() if name not in unplaced}
    found += [CaseFinding(name, series[name].unusable or Finding(FindingCode.PLACE_UNKNOWN))
              for name in settings.sequences if name not in usable]
    if not usable:
        return None
    make = _slices if settings.kind == "slices" else _cubes
    array, counts, changes = make(settings, usable)
    return CaseArray(array, counts, found, changes)


def likeness_hash(stack: np.ndarray) -> str:
    """64 hexadecimal digits of a series' slices averaged to 8 x 9 pixels each: where it gets brighter along a row.

    256 bits: four layers of eight rows of nine averages, and a bit for each two neighbours, set where the second is
    brighter by a thousandth of the range: noise in the air tells nothing. The same pixels give the same digits. Of 24
    real FLAIR series no two differ in fewer than 14 bits; with another gamma (0.8, in bytes) or 1 % of noise each
    differs from itself in 9 at most.
    """
    from radiogen.imaging.compiled.kernels import resize_slice_axis

    layers = resize_slice_axis(stack, 4)
    bits = np.diff(layers, axis=2) > 0.001 * np.ptp(layers)
    return np.packbits(bits).tobytes().hex()


def _read(folder: Path, sequence: str, wanted: Sequence[CacheSettings], fast: bool) -> CaseSeries:
    streamed = tuple(each for each in wanted if _is_streamed(each))
    compared = any(each.first_sequence == sequence for each in wanted)

    def plan(shape: tuple[int, int, int], affine: np.ndarray | None) -> list[Target]:
        targets = [_target(each, shape, affine) for each in streamed]
        return [*targets, Target(8, 9, middle_slices(shape[0], 32))] if compared else targets

    volume = None if len(streamed) == len(wanted) else read_series(folder, fast=fast)
    if volume is None:
        reduced = read_reduced(folder, plan, fast=fast)
    else:
        reduced = reduce_volume(volume, plan) if streamed or compared else None
    windows, odd = read_windows(folder, volume) if any(each.window for each in wanted) else ((), ())
    return CaseSeries(volume, reduced, streamed, None, tuple(windows), tuple(odd),
                      likeness_hash(reduced.stacks[-1]) if compared else "")


def _is_streamed(settings: CacheSettings) -> bool:
    return (settings.normalisation == "min-max" and not settings.window
            and (settings.kind == "slices" or settings.geometry == "stretch"))


def _target(settings: CacheSettings, shape: tuple[int, int, int], affine: np.ndarray | None) -> Target:
    if settings.kind == "cubes":
        return Target(settings.size, settings.size)
    if affine is None and settings.geometry == "isotropic":
        return Target(1, 1)  # not used: these settings refuse the series when their turn comes, others go on
    target = slice_target(shape, affine, settings.size, settings.geometry, settings.slices_per_series)
    return target._replace(as_bytes=settings.dtype == "uint8")


def _cubes(settings: CacheSettings, series: Mapping[str, CaseSeries]) -> tuple[np.ndarray, str, list[CaseFinding]]:
    shape, changes, grid = (settings.depth or settings.size, settings.size, settings.size), [], None
    cubes = np.zeros((len(settings.sequences), *shape), settings.dtype)
    for place, name in enumerate(settings.sequences):
        if name not in series:
            continue
        one = series[name]
        if settings in one.streamed:
            cubes[place], changed = _streamed_cube(settings, one.reduced, one.streamed.index(settings))
        elif settings.geometry == "slab":
            cubes[place], changed = _slab(settings, one)
        elif settings.geometry == "isotropic":
            grid = patient_grid(one.volume, settings.size, settings.edge_mm) if grid is None else grid
            cubes[place], changed = _isotropic_cube(settings, one, grid)
        else:
            cubes[place] = _stored(stretch_cube(_normalised(settings, one)[0], settings.size), settings)
            changed = [grown(one.volume.voxels.shape, shape)]
        changes += of_sequence(name, changed)
    return cubes, "", changes


def _streamed_cube(settings: CacheSettings, reduced: Reduced, number: int) -> tuple[np.ndarray, list[Finding | None]]:
    from radiogen.imaging.compiled.kernels import resize_slice_axis

    if settings.dtype == "uint8":
        cube = byte_cube(reduced, number, settings.size)
    else:
        floats = resize_slice_axis(reduced.stacks[number], settings.size)
        cube = longest_first(_stored(floats, settings, reduced.lowest, reduced.highest), reduced.shape)
    return cube, [grown(reduced.shape, (settings.size,) * 3)]


def _isotropic_cube(settings: CacheSettings, one: CaseSeries, grid: np.ndarray
                    ) -> tuple[np.ndarray, list[Finding]]:
    slices, air = _normalised(settings, one)  # air: not 0 in z-scores, and what lies outside the series shall be air
    raised = ComputedSlices(slices.shape, lambda number: slices[number] - air)
    cube, findings = resample_slices(raised, one.volume.affine, grid, (settings.size,) * 3)
    return _stored(cube + air, settings), findings


def _slab(settings: CacheSettings, one: CaseSeries) -> tuple[np.ndarray, list[Finding | None]]:
    """The winner's order: slices chosen by the pixels as they are, then windowed, resized, and normalised last."""
    voxels, shape = one.volume.voxels, (settings.depth or settings.size, settings.size, settings.size)
    first, end, middle = slab_slices(voxels, shape[0])
    windows = one.windows[first:end] if settings.window else [None] * (end - first)
    slices = [interpolate(apply_window(pixels, window), shape[1:])
              for pixels, window in zip(voxels[first:end], windows, strict=True)]
    values = normalise(np.stack(slices), settings.normalisation)
    slab = np.full(shape, values.min(), np.float32)  # not 0 in z-scores
    slab[:len(values)] = values
    missing = shape[0] - len(values)
    part = Finding(FindingCode.SLAB_OF_SLICES, (), {
        "first": first + 1, "last": end, "total": len(voxels), "middle": middle + 1})
    return _stored(slab, settings), [
        part if end - first < len(voxels) else None,
        Finding(FindingCode.SLICES_PADDED_AIR, (), {"slices": missing}) if missing else None,
        grown(voxels.shape, (0, *shape[1:]))]


def _slices(settings: CacheSettings, series: Mapping[str, CaseSeries]) -> tuple[np.ndarray, str, list[CaseFinding]]:
    parts = {}
    for name, one in series.items():
        if settings in one.streamed:
            stack = one.reduced.stacks[one.streamed.index(settings)]
            if settings.dtype != "uint8":
                stack = _stored(stack, settings, one.reduced.lowest, one.reduced.highest)
            parts[name] = padded(stack, settings.size)
        else:
            volume = dataclasses.replace(one.volume, voxels=_normalised(settings, one)[0])
            parts[name] = _stored(slices_2d(volume, settings.size, settings.geometry, settings.slices_per_series),
                                  settings)
    return np.concatenate(list(parts.values())), " ".join(f"{name}:{len(part)}" for name, part in parts.items()), []


def _normalised(settings: CacheSettings, one: CaseSeries) -> tuple[ComputedSlices, np.float32]:
    """The series' slices, windowed and normalised when they are looked at, and the smallest value of all."""
    slices = voxels = one.volume.voxels
    if settings.window:
        slices = ComputedSlices(voxels.shape, lambda number: apply_window(voxels[number], one.windows[number]))
        if voxels.size * 4 <= _KEPT_BYTES:
            slices = slices.kept()
    return normalised_slices(slices, settings.normalisation)


def _stored(values: np.ndarray, settings: CacheSettings, lowest: float = 0.0, highest: float = 1.0) -> np.ndarray:
    """Values as the cache keeps them: `lowest` to `highest` become 0 to 1, or 0 to 255 in uint8."""
    if settings.dtype == "uint8":
        return to_bytes(values, lowest, highest)
    scale = 1 / (highest - lowest) if highest > lowest else 0.0
    return ((values - np.float32(lowest)) * np.float32(scale)).astype(np.float16)
