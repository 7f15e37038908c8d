"""The series of one case become the arrays of one or more recipes, each file read once for all of them.

In: the folders of a case's series, and settings. Out: an array for each setting, the geometry of every series read, and
a perceptual hash. What a geometry can make while files are read is made then (resized.py); a geometry that needs all
voxels, for percentiles, the patient's grid or windows, gets the volume. Memory holds one case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from radiogen.arrays.case_findings import CaseFinding, of_sequence
from radiogen.arrays.case_mask import CaseMasks, masks_of, read_case_mask, unusable_mask
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.geometries import geometry_of
from radiogen.arrays.perceptual_hash import hash_targets, perceptual_hash
from radiogen.arrays.settings import CacheSettings
from radiogen.core.memory import OutOfMemory, translate_memory_errors
from radiogen.core.types import Affine, Shape3D, Voxels
from radiogen.core.wording import parameter
from radiogen.dataset.source import MASK
from radiogen.imaging.cubes import need_affine
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.resized import Target, read_resized
from radiogen.imaging.window import read_windows


class CaseArray(NamedTuple):
    """slices: how many of each sequence (`FLAIR:24 T1w:160`), "" for cubes. findings: what was odd in the series.

    changes: what the geometry did to them, where it is not harmless: grown, interpolated, padded, cropped. grid: as in
    `Built`.
    """

    array: Voxels
    slices: str
    findings: list[CaseFinding]
    changes: list[CaseFinding]
    grid: Affine | None = None


def read_case(folders: Mapping[str, Path | None], wanted: Sequence[CacheSettings], *, whole: bool, case: str,
              fast: bool = True, mask_values: Mapping[str, Sequence[int]] = MappingProxyType({})
              ) -> dict[str, CaseSeries]:
    """The series of a case, by sequence, as `case_array` needs them for the settings `wanted`, and its `MASK`.

    folders: by sequence, and of `MASK`, where None is no mask. whole: a missing or refused series is an error of the
    case (UserError); else it is left out. mask_values: as in `read_mask`.
    """
    series = {}
    if any(settings.mask is not None for settings in wanted):
        series[MASK] = read_case_mask(folders[MASK], mask_values)
    for sequence in sorted({name for settings in wanted for name in settings.sequences}):
        folder = folders[sequence]
        assert folder is not None  # a series has a place, whether it is there or not
        try:
            if not folder.exists():
                raise SeriesError(folder, Finding(FindingCode.SERIES_MISSING),
                                  f"restore it, or leave the case out with {parameter('leave_out')} {case}")
            with translate_memory_errors(folder):
                series[sequence] = _read(folder, sequence, [each for each in wanted if sequence in each.sequences],
                                         fast)
        except OutOfMemory:  # is no property of the series: without it the test case would be another one
            raise
        except SeriesError as error:
            if whole:
                raise
            series[sequence] = CaseSeries(unusable=error.finding)
    return series


def case_array(settings: CacheSettings, series: Mapping[str, CaseSeries], *, whole: bool,
               case: str = "") -> CaseArray | None:
    """The case's array; None where no series is left. case: for messages.

    Raises UserError where the case shall be `whole` and the geometry needs an affine that is not known, or the settings
    a mask that is missing or does not fit.
    """
    geometry = geometry_of(settings)
    usable = {name: series[name] for name in settings.sequences if series[name].unusable is None}
    found = [each for name, one in usable.items() for each in of_sequence(name, (
        *one.header.findings, *(one.window_findings if settings.window else ())))]
    placed = {name: one for name, one in usable.items() if not geometry.needs_affine or one.affine is not None}
    if whole and len(placed) < len(usable):
        need_affine(None)
    found += [CaseFinding(name, series[name].unusable or Finding(FindingCode.PLACE_UNKNOWN))
              for name in settings.sequences if name not in placed]
    if not placed:
        return None
    masks = CaseMasks({}, []) if settings.mask is None else masks_of(series[MASK], placed)
    needed = settings.mask is not None and settings.mask.without == "refuse" and not settings.locator
    if whole and masks.refusal is not None and needed:
        raise unusable_mask(masks.refusal, case)
    built = geometry.build(placed, masks.by_sequence)
    return CaseArray(built.array, built.slices, [*found, *masks.findings], built.changes, built.grid)


def _read(folder: Path, sequence: str, wanted: Sequence[CacheSettings], fast: bool) -> CaseSeries:
    """One series for all settings that use it."""
    geometries = [geometry_of(settings) for settings in wanted]
    compared = any(settings.first_sequence == sequence for settings in wanted)

    def plan(shape: Shape3D, affine: Affine | None) -> list[Target | None]:
        targets = [geometry.plan(shape, affine) for geometry in geometries]
        return [*targets, *hash_targets(shape)] if compared else targets

    resized, volume = read_resized(folder, plan, fast=fast)
    series = CaseSeries(volume, resized, perceptual_hash=perceptual_hash(resized) if compared else "")
    if volume is None or not any(settings.window for settings in wanted):
        return series
    windows, odd = read_windows(folder, volume)
    return replace(series, windows=tuple(windows), window_findings=tuple(odd))
