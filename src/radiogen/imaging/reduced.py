"""Slices made smaller while they are read: what the report's recipes need of a series, without its volume in memory.

In: a folder, and a plan that says to which sizes its slices shall be brought. Out: a `Reduced`: stacks of small slices,
the extremes of all voxels, the affine and findings. Averages and min-max scaling are linear, so scaling may wait until
all slices are seen. Plain series are reduced slice by slice as they come from the disk; all others are read as a
volume first and then go through the same kernels, with the same result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radiogen.imaging.series import blank_findings, factor_findings, read_series
from radiogen.imaging.volume import Volume

Shape = tuple[int, int, int]


class Target(NamedTuple):
    """Rows and columns that slices shall have; slices: indices of those wanted, None for all."""

    rows: int
    columns: int
    slices: np.ndarray | None = None


Plan = Callable[[Shape, np.ndarray | None], Sequence[Target]]
"""From the shape (slices, rows, columns) and the affine of a series to what is wanted of it."""


@dataclass(frozen=True)
class Reduced:
    """stacks: by target, (slices, rows, columns) float32. lowest, highest: of all voxels.

    shape, affine, findings: of the whole series, as in `Volume`.
    """

    stacks: tuple[np.ndarray, ...]
    lowest: float
    highest: float
    shape: Shape
    affine: np.ndarray | None
    findings: tuple[str, ...]


def read_reduced(folder: Path | str, plan: Plan, *, fast: bool = True) -> Reduced:
    """The slices of a series in their order, brought to the sizes that `plan` asks for; each file is read once.

    fast: as in `read_series`. Raises SeriesError where the series is refused.
    """
    folder = Path(folder)
    reduced = _read_plain(folder, plan) if fast else None
    return reduce_volume(read_series(folder, fast=fast), plan) if reduced is None else reduced


def reduce_volume(volume: Volume, plan: Plan) -> Reduced:
    """The same from a volume in memory. Voxels that are not finite count as 0."""
    from radiogen.imaging import kernels

    with kernels.announce_compiling():
        voxels = kernels.kernel_ready(volume.voxels)
        stacks = tuple(kernels.reduce_slices(voxels if target.slices is None else voxels[target.slices], target[:2])
                       for target in plan(voxels.shape, volume.affine))
        lowest, highest = kernels.extremes(voxels)
    return Reduced(stacks, float(lowest), float(highest), voxels.shape, volume.affine, volume.findings)


def _read_plain(folder: Path, plan: Plan) -> Reduced | None:
    """None where the series is not plain, or has holes that are to be filled with voxels of their own."""
    from radiogen.imaging import kernels
    from radiogen.imaging.plain import NotPlain, open_plain, plain_slices

    with kernels.announce_compiling(), open_plain(folder) as series:
        if series is None or series.placement.at is not None:
            return None
        shape = (len(series.files), series.first.rows, series.first.columns)
        placement = series.placement
        targets = plan(shape, placement.affine)
        stacks = tuple(np.empty((shape[0] if target.slices is None else len(target.slices), *target[:2]), np.float32)
                       for target in targets)
        work = [_work(target, stack, shape) for target, stack in zip(targets, stacks, strict=True)]
        each = []
        try:
            for index, pixels in enumerate(plain_slices(series)):
                each.append(kernels.extremes(pixels))
                for reduce, places in work:
                    if index in places:
                        reduce(pixels, places[index])
        except NotPlain:
            return None
    told = [series.names[index] for index in placement.order]
    findings = (*placement.findings, *factor_findings(series.factors),
                *blank_findings(folder, [low if low == high else None for low, high in each], told))
    return Reduced(stacks, float(min(low for low, _ in each)), float(max(high for _, high in each)), shape,
                   placement.affine, findings)


def _work(target: Target, stack: np.ndarray, shape: Shape) -> tuple[Callable, dict[int, np.ndarray]]:
    """The function that reduces a slice, and by slice where to."""
    from radiogen.imaging.kernels import slice_reducer

    wanted = range(shape[0]) if target.slices is None else target.slices.tolist()
    return slice_reducer(shape[1:], target[:2]), dict(zip(wanted, stack, strict=True))
