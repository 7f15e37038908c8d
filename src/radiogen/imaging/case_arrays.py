"""The series of one case become the arrays of one or more recipes, each file read once for all of them.

In: the folders of a case's series, and settings. Out: an array for each setting. What min-max scaling of whole slices
can do is done while the files are read (reduced.py); what needs the volume (percentiles, the patient's grid) gets it.
Memory holds one case.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from radiogen.errors import UserError
from radiogen.imaging.arrays import (
    Geometry,
    grown,
    longest_first,
    need_affine,
    padded,
    patient_grid,
    slice_target,
    slices_2d,
    stretch_cube,
    to_bytes,
)
from radiogen.imaging.intensity import Normalisation, normalise
from radiogen.imaging.reduced import Reduced, Target, read_reduced, reduce_volume
from radiogen.imaging.resampling import resample_to
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume

REVISION = 2
"""Counted up whenever the same settings make other arrays, so that old caches are not met any more."""


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """Everything that the arrays of a cache depend on.

    cubes: (sequence, slice, row, column) of edge `size`; a missing series of a test case is a cube of zeros.
    slices: (slice, row, column), the sequences one after the other; index.csv's `slices` tells how many of each.
    dtype: uint8 keeps 0..1 as 0..255; float16 keeps the values themselves, which z-scores need.
    """

    kind: Literal["cubes", "slices"]
    sequences: tuple[str, ...]
    size: int
    geometry: Geometry
    normalisation: Normalisation
    slices_per_series: int | None = None
    edge_mm: float | None = None
    dtype: Literal["uint8", "float16"] = "uint8"

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that change with any setting and with `REVISION`."""
        text = json.dumps([REVISION, dataclasses.asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclasses.dataclass(frozen=True)
class CaseSeries:
    """One series as far as the settings need it; `unusable` says why a test case goes on without it.

    volume: where a setting needs the voxels. reduced: its stacks are those of the settings in `streamed`.
    """

    volume: Volume | None = None
    reduced: Reduced | None = None
    streamed: tuple[CacheSettings, ...] = ()
    unusable: str = ""

    @property
    def findings(self) -> tuple[str, ...]:
        """What was odd in the series."""
        told = self.volume or self.reduced
        return told.findings if told else ()

    @property
    def placed(self) -> bool:
        """Whether the series tells where it lies."""
        told = self.volume or self.reduced
        return told is not None and told.affine is not None


class CaseArray(NamedTuple):
    """slices: how many of each sequence (`FLAIR:24 T1w:160`), "" for cubes. findings: what was odd in the series.

    changes: what the geometry did to them, where it is not harmless: grown, interpolated, padded, cropped.
    """

    array: np.ndarray
    slices: str
    findings: list[str]
    changes: list[str]


def read_case(folders: Mapping[str, Path], wanted: Sequence[CacheSettings], *, whole: bool, case: str,
              fast: bool = True) -> dict[str, CaseSeries]:
    """The series of a case, by sequence, as `case_array` needs them for the settings `wanted`.

    whole: a missing or refused series is the case's end (UserError); else it is told and left out.
    """
    series = {}
    for sequence in sorted({name for settings in wanted for name in settings.sequences}):
        folder = folders[sequence]
        try:
            if not folder.is_dir():
                raise UserError(folder, "is missing", f"restore it, or leave the case out with --leave-out {case}")
            series[sequence] = _read(folder, [each for each in wanted if sequence in each.sequences], fast)
        except UserError as error:
            if whole:
                raise
            series[sequence] = CaseSeries(unusable=error.problem)
    return series


def case_array(settings: CacheSettings, series: Mapping[str, CaseSeries], *, whole: bool) -> CaseArray | None:
    """The case's array; None where no series is left.

    Raises UserError where the geometry needs an affine, a series tells none, and the case shall be `whole`.
    """
    found = [f"{name}: {text}" for name in settings.sequences for text in series[name].findings]
    usable = {name: series[name] for name in settings.sequences if not series[name].unusable}
    unplaced = [name for name, one in usable.items() if settings.geometry == "isotropic" and not one.placed]
    if unplaced and whole:
        need_affine(None)
    usable = {name: one for name, one in usable.items() if name not in unplaced}
    reasons = {name: series[name].unusable or "its place is not told" for name in settings.sequences}
    found += [f"{name}: not used: {reason}" for name, reason in reasons.items() if name not in usable]
    if not usable:
        return None
    make = _cubes if settings.kind == "cubes" else _slices
    array, counts, changes = make(settings, usable)
    return CaseArray(array, counts, found, changes)


def _read(folder: Path, wanted: Sequence[CacheSettings], fast: bool) -> CaseSeries:
    streamed = tuple(each for each in wanted if _is_streamed(each))

    def plan(shape: tuple[int, int, int], affine: np.ndarray | None) -> list[Target]:
        return [_target(each, shape, affine) for each in streamed]

    if len(streamed) == len(wanted):
        return CaseSeries(None, read_reduced(folder, plan, fast=fast), streamed)
    volume = read_series(folder, fast=fast)
    return CaseSeries(volume, reduce_volume(volume, plan) if streamed else None, streamed)


def _is_streamed(settings: CacheSettings) -> bool:
    return settings.normalisation == "min-max" and (settings.kind == "slices" or settings.geometry == "stretch")


def _target(settings: CacheSettings, shape: tuple[int, int, int], affine: np.ndarray | None) -> Target:
    if settings.kind == "cubes":
        return Target(settings.size, settings.size)
    if affine is None and settings.geometry == "isotropic":
        return Target(1, 1)  # not used: these settings refuse the series when their turn comes, others go on
    target = slice_target(shape, affine, settings.size, settings.geometry, settings.slices_per_series)
    return target._replace(as_bytes=settings.dtype == "uint8")


def _cubes(settings: CacheSettings, series: Mapping[str, CaseSeries]) -> tuple[np.ndarray, str, list[str]]:
    from radiogen.imaging.kernels import resize_slice_axis

    size, changes = settings.size, []
    cubes = np.zeros((len(settings.sequences), size, size, size), settings.dtype)
    grid = None
    for place, name in enumerate(settings.sequences):
        if name not in series:
            continue
        volume, reduced = series[name].volume, series[name].reduced
        if settings in series[name].streamed:
            cube = resize_slice_axis(reduced.stacks[series[name].streamed.index(settings)], size)
            cubes[place] = longest_first(_stored(cube, settings, reduced.lowest, reduced.highest), reduced.shape)
        else:
            if settings.geometry == "isotropic" and grid is None:
                grid = patient_grid(volume, size, settings.edge_mm)
            volume = dataclasses.replace(volume, voxels=normalise(volume.voxels, settings.normalisation))
            if settings.geometry == "isotropic":
                air = volume.voxels.min()  # not 0 in z-scores, and what lies outside the series shall be air
                cube = resample_to(dataclasses.replace(volume, voxels=volume.voxels - air), grid, (size,) * 3)
                cubes[place] = _stored(cube.voxels + air, settings)
                changes += [f"{name}: {change}" for change in cube.findings[len(volume.findings):]]
            else:
                cubes[place] = _stored(stretch_cube(volume.voxels, size), settings)
        if settings.geometry == "stretch":
            growth = grown((volume.voxels if volume else reduced).shape, (size,) * 3)
            changes += [f"{name}: {growth}"] if growth else []
    return cubes, "", changes


def _slices(settings: CacheSettings, series: Mapping[str, CaseSeries]) -> tuple[np.ndarray, str, list[str]]:
    parts = {}
    for name, one in series.items():
        if settings in one.streamed:
            stack = one.reduced.stacks[one.streamed.index(settings)]
            if settings.dtype != "uint8":
                stack = _stored(stack, settings, one.reduced.lowest, one.reduced.highest)
            parts[name] = padded(stack, settings.size)
        else:
            volume = dataclasses.replace(one.volume, voxels=normalise(one.volume.voxels, settings.normalisation))
            parts[name] = _stored(slices_2d(volume, settings.size, settings.geometry, settings.slices_per_series),
                                  settings)
    return np.concatenate(list(parts.values())), " ".join(f"{name}:{len(part)}" for name, part in parts.items()), []


def _stored(values: np.ndarray, settings: CacheSettings, lowest: float = 0.0, highest: float = 1.0) -> np.ndarray:
    """Values as the cache keeps them: `lowest` to `highest` become 0 to 1, or 0 to 255 in uint8."""
    if settings.dtype == "uint8":
        return to_bytes(values, lowest, highest)
    scale = 1 / (highest - lowest) if highest > lowest else 0.0
    return ((values - np.float32(lowest)) * np.float32(scale)).astype(np.float16)
