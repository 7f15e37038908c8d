"""Slices made smaller while they are read: what the report's recipes need of a series, without its volume in memory.

In: a folder, and a plan that says to which sizes its slices shall be brought. Out: a `Reduced`: stacks of small slices,
the extremes of all voxels, the affine and findings. Averages and min-max scaling are linear, so scaling may wait until
all slices are seen. Plain series are reduced slice by slice as they come from the disk; all others are read as a
volume first and then go through the same kernels, with the same result.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radiogen.imaging.series import blank_findings, factor_findings, read_series
from radiogen.imaging.volume import Volume

Shape = tuple[int, int, int]


class Target(NamedTuple):
    """Rows and columns that slices shall have; slices: indices of those wanted, None for all.

    as_bytes: uint8, the series' smallest voxel as 0, its largest as 255; else the float32 values.
    """

    rows: int
    columns: int
    slices: np.ndarray | None = None
    as_bytes: bool = False


Plan = Callable[[Shape, np.ndarray | None], Sequence[Target]]
"""From the shape (slices, rows, columns) and the affine of a series to what is wanted of it."""


@dataclass(frozen=True)
class Reduced:
    """stacks: by target, (slices, rows, columns) float32 or uint8. lowest, highest: of all voxels.

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
        lowest, highest = (float(value) for value in kernels.extremes(voxels))
        stacks = tuple(_reduced(voxels, target, lowest, highest) for target in plan(voxels.shape, volume.affine))
    return Reduced(stacks, lowest, highest, voxels.shape, volume.affine, volume.findings)


def _reduced(voxels: np.ndarray, target: Target, lowest: float, highest: float) -> np.ndarray:
    from radiogen.imaging import kernels

    chosen = voxels if target.slices is None else voxels[target.slices]
    if target.as_bytes:
        return kernels.reduce_to_bytes(chosen, target[:2], lowest, highest)
    return kernels.reduce_slices(chosen, target[:2])


def _read_plain(folder: Path, plan: Plan) -> Reduced | None:
    """None where the series is not plain, or has holes that are to be filled with voxels of their own."""
    from radiogen.imaging import kernels
    from radiogen.imaging.plain import NotPlain, open_plain, plain_slices

    with kernels.announce_compiling(), open_plain(folder) as series:
        if series is None or series.placement.at is not None:
            return None
        shape = (len(series.files), series.first.rows, series.first.columns)
        targets = plan(shape, series.placement.affine)
        if _larger(targets, shape, series.dtype.itemsize):
            return None
        stacks = [np.empty((shape[0] if target.slices is None else len(target.slices), *target[:2]), np.float32)
                  for target in targets]
        try:
            each = _fill(stacks, targets, plain_slices(series), shape)
        except NotPlain:
            return None
    lowest, highest = float(min(low for low, _ in each)), float(max(high for _, high in each))
    stacks = [kernels.to_bytes(stack, lowest, highest) if target.as_bytes else stack
              for stack, target in zip(stacks, targets, strict=True)]
    told = [series.names[index] for index in series.placement.order]
    findings = (*series.placement.findings, *factor_findings(series.factors),
                *blank_findings(folder, [low if low == high else None for low, high in each], told))
    return Reduced(tuple(stacks), lowest, highest, shape, series.placement.affine, findings)


def _larger(targets: Sequence[Target], shape: Shape, itemsize: int) -> bool:
    """Whether the floats on the way to bytes would take more memory than the volume itself."""
    floats = sum(target.rows * target.columns * (shape[0] if target.slices is None else len(target.slices))
                 for target in targets if target.as_bytes)
    return floats * 4 > math.prod(shape) * itemsize


def _fill(stacks: Sequence[np.ndarray], targets: Sequence[Target], slices: Iterable[np.ndarray],
          shape: Shape) -> list[tuple[float, float]]:
    """Reduce each slice as it comes into the stacks that want it; returns its extremes."""
    from radiogen.imaging import kernels

    work = []
    for target, stack in zip(targets, stacks, strict=True):
        wanted = range(shape[0]) if target.slices is None else target.slices.tolist()
        work.append((kernels.slice_reducer(shape[1:], target[:2]), dict(zip(wanted, stack, strict=True))))
    each = []
    for index, pixels in enumerate(slices):
        seen = None
        for reduce, places in work:
            if index in places:
                seen = reduce(pixels, places[index])
        each.append(seen or kernels.extremes(pixels))
    return each
