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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from radiogen.imaging.compiled.slice_plans import slice_plan
from radiogen.imaging.dicom.pixels import stored_dtype
from radiogen.imaging.findings import Finding
from radiogen.imaging.series import read_one, uniform_findings
from radiogen.imaging.volume import Volume

if TYPE_CHECKING:
    from radiogen.imaging.fast.uniform import UniformSeries

LARGE_BYTES = 1 << 27
"""From this size of their stored voxels on, bytes are made in memory that is there; new memory is a fifth faster."""

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
    findings: tuple[Finding, ...]


def read_reduced(folder: Path | str, plan: Plan, *, fast: bool = True) -> Reduced:
    """The slices of a series in their order, brought to the sizes that `plan` asks for; each file is read once.

    fast: as in `read_series`. Raises SeriesError where the series is refused.
    """
    made = read_one(Path(folder), lambda path, series: _reduce_uniform(path, series, plan), fast=fast)
    return made if isinstance(made, Reduced) else reduce_volume(made, plan)


def reduce_volume(volume: Volume, plan: Plan) -> Reduced:
    """The same from a volume in memory. Voxels that are not finite count as 0."""
    from radiogen.imaging.compiled import kernels
    from radiogen.imaging.compiled.compiling import announce_compiling

    with announce_compiling():
        voxels = kernels.kernel_ready(volume.voxels)
        lowest, highest = (float(value) for value in kernels.extremes(voxels))
        stacks = tuple(_reduced(voxels, target, lowest, highest) for target in plan(voxels.shape, volume.affine))
    return Reduced(stacks, lowest, highest, voxels.shape, volume.affine, volume.findings)


def _reduced(voxels: np.ndarray, target: Target, lowest: float, highest: float) -> np.ndarray:
    from radiogen.imaging.compiled import kernels

    if not target.as_bytes:
        return kernels.reduce_slices(voxels, target[:2], target.slices)
    chosen = voxels if target.slices is None else voxels[target.slices]
    return kernels.reduce_to_bytes(chosen, target[:2], lowest, highest)


def _reduce_uniform(folder: Path, series: "UniformSeries", plan: Plan) -> Reduced | None:
    """None where the series has holes that are to be filled with voxels of their own. Raises Unsupported."""
    from radiogen.imaging.compiled import kernels
    from radiogen.imaging.fast import uniform

    if series.placement.at is not None:
        return None
    targets = plan(series.shape, series.placement.affine)
    itemsize = stored_dtype(series.first.storage).itemsize
    thrifty = math.prod(series.shape) * itemsize >= LARGE_BYTES
    if thrifty and _larger(targets, series.shape, itemsize):
        stacks, each = _reduce_stored(series, targets)
    elif _larger(targets, series.shape, series.dtype.itemsize):
        voxels, _, each = uniform.read_voxels(series, extremes=True)
        lowest, highest = float(each.min()), float(each.max())
        stacks = [_reduced(voxels, target, lowest, highest) for target in targets]
    elif len(targets) == 1 and targets[0].slices is None:
        stack, each = uniform.read_resized(series, targets[0][:2])
        stacks = [stack]
    else:
        stacks, each = _reduced_together(targets, series.shape, uniform.read_slices(series))
    lowest, highest = float(each.min()), float(each.max())
    to_bytes = kernels.become_bytes if thrifty else kernels.to_bytes
    stacks = [to_bytes(stack, lowest, highest) if target.as_bytes and stack.dtype != np.uint8 else stack
              for stack, target in zip(stacks, targets, strict=True)]
    findings = uniform_findings(folder, series, [low if low == high else None for low, high in each.tolist()])
    return Reduced(tuple(stacks), lowest, highest, series.shape, series.placement.affine, findings)


def _larger(targets: Sequence[Target], shape: Shape, itemsize: int) -> bool:
    """Whether the floats on the way to bytes would take more memory than voxels of this size."""
    floats = sum(target.rows * target.columns * (shape[0] if target.slices is None else len(target.slices))
                 for target in targets if target.as_bytes)
    return floats * 4 > math.prod(shape) * itemsize


def _reduce_stored(series: "UniformSeries", targets: Sequence[Target]) -> tuple[list[np.ndarray], np.ndarray]:
    """The stacks of all targets, by way of the stored voxels, and the slices' extremes.

    The largest stack of bytes takes the place of what was stored, slice by slice, so that nothing is beside it.
    """
    from radiogen.imaging.compiled import kernels
    from radiogen.imaging.fast import uniform

    stored, each = uniform.read_stored(series)
    lowest, highest = float(each.min()), float(each.max())
    factors = uniform.ordered_factors(series) if series.rescaled else None
    fitting = [number for number, target in enumerate(targets) if target.as_bytes and target.slices is None
               and target.rows * target.columns <= stored[0].nbytes]
    last = max(fitting, key=lambda number: targets[number].rows * targets[number].columns, default=None)
    stacks = [None if number == last else _from_stored(stored, factors, target, lowest, highest)
              for number, target in enumerate(targets)]
    if last is not None:
        shape = (len(stored), *targets[last][:2])
        into = stored.view(np.uint8).reshape(-1)[:math.prod(shape)].reshape(shape)
        _from_stored(stored, factors, targets[last], lowest, highest, into)
        stacks[last] = kernels.shrunk(stored, shape)
    return stacks, each


def _from_stored(stored: np.ndarray, factors: Sequence[tuple[float, float]] | None, target: Target, lowest: float,
                 highest: float, out: np.ndarray | None = None) -> np.ndarray:
    """One target's stack of stored voxels, rescaled by `factors`; out: where bytes go, as in `kernels`."""
    from radiogen.imaging.compiled import kernels

    if factors is None:
        if out is None:
            return _reduced(stored, target, lowest, highest)
        return kernels.reduce_to_bytes(stored, target[:2], lowest, highest, out)
    numbers = range(len(stored)) if target.slices is None else target.slices.tolist()
    if out is None:
        out = np.empty((len(numbers), *target[:2]), np.uint8 if target.as_bytes else np.float32)
    real, small = np.empty(stored.shape[1:], np.float32), np.empty(target[:2], np.float32)
    plan = slice_plan(stored.shape[1:], target[:2])
    for place, number in enumerate(numbers):
        kernels.rescale(stored[number], *factors[number], real)
        kernels.reduce_slice(real, plan, small)
        out[place] = kernels.to_bytes(small, lowest, highest) if target.as_bytes else small
    return out


def _reduced_together(targets: Sequence[Target], shape: Shape, slices: Iterable[np.ndarray]
                      ) -> tuple[list[np.ndarray], np.ndarray]:
    """Reduce each slice, as it comes, into the stacks that want it; the stacks, and the slices' extremes."""
    from radiogen.imaging.compiled import kernels

    work, stacks, each = [], [], []
    for target in targets:
        wanted = list(range(shape[0]) if target.slices is None else target.slices.tolist())
        stacks.append(np.empty((len(wanted), *target[:2]), np.float32))
        work.append((slice_plan(shape[1:], target[:2]), dict(zip(wanted, stacks[-1], strict=True))))
    for index, pixels in enumerate(slices):
        seen = None
        for plan, places in work:
            if index in places:
                seen = kernels.reduce_slice(pixels, plan, places[index])
        each.append(seen or kernels.extremes(pixels))
    return stacks, np.array(each)
