"""Slices that are resized while they are read: what many recipes need of a series, without its volume in memory.

In: a folder, and a plan: to which sizes its slices are resized. Out: `ResizedSlices`: a stack of small slices for each
target, the extremes of all voxels, the affine and findings. Averages and min-max scaling are linear, so scaling may
wait until all slices were seen. Uniform series are resized slice by slice as they come from the disk; all others are
read as a volume first and then go through the same kernels, with the same result.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from radiogen.core.types import Affine, ByteVoxels, FloatVoxels, Shape3D, Slice2D, Voxels
from radiogen.imaging.compiled.slice_plans import slice_plan
from radiogen.imaging.dicom.pixels import stored_dtype
from radiogen.imaging.findings import Finding
from radiogen.imaging.series import read_one, uniform_findings, uniform_volume
from radiogen.imaging.volume import Volume

if TYPE_CHECKING:
    from radiogen.imaging.fast.uniform import UniformSeries

LARGE_BYTES = 1 << 27
"""From this size of their stored voxels on, bytes are made in memory that is there; new memory is a fifth faster."""


class Target(NamedTuple):
    """What slices are resized to: `rows` x `columns`; slices: indices of those wanted, None for all.

    as_bytes: uint8, the series' smallest voxel as 0, its largest as 255; else the float32 values.
    """

    rows: int
    columns: int
    slices: tuple[int, ...] | None = None
    as_bytes: bool = False


Plan = Callable[[Shape3D, Affine | None], Iterable[Target | None]]
"""From the shape and the affine of a series to what is wanted of it; None among the targets: its voxels, too."""

_Stacks = dict[Target, Voxels]


@dataclass(frozen=True)
class ResizedSlices:
    """What was made of a series while it was read.

    Attributes
    ----------
    stacks: by target, (slices, rows, columns) float32 or uint8.
    lowest, highest: of all voxels of the series; 0 where there is no target.
    shape, affine, findings: of the whole series, as in `Volume`.
    """

    stacks: Mapping[Target, Voxels]
    lowest: float
    highest: float
    shape: Shape3D
    affine: Affine | None
    findings: tuple[Finding, ...]

    def floats(self, target: Target) -> FloatVoxels:
        """The stack of a target that is not `as_bytes`."""
        return np.asarray(self.stacks[target], np.float32)

    def bytes(self, target: Target) -> ByteVoxels:
        """The stack of a target that is `as_bytes`."""
        return np.asarray(self.stacks[target], np.uint8)


def read_resized(folder: Path | str, plan: Plan, *, fast: bool = True) -> tuple[ResizedSlices, Volume | None]:
    """The slices of a series in their order, resized to the targets of `plan`; each file is read once.

    Also returns the volume where `plan` asks for the voxels, else None: a volume that had to be read is not kept.
    fast: as in `read_series`. Raises SeriesError where the series is refused.
    """
    def read_uniform(path: Path, series: "UniformSeries") -> ResizedSlices | Volume | None:
        return _resize_uniform(path, series, plan)

    made: ResizedSlices | Volume = read_one(Path(folder), read_uniform, fast=fast)
    if isinstance(made, ResizedSlices):
        return made, None
    wanted = dict.fromkeys(plan(made.voxels.shape, made.affine))
    resized = resize_volume(made, [target for target in wanted if target is not None])
    return resized, made if None in wanted else None


def resize_volume(volume: Volume, targets: Iterable[Target]) -> ResizedSlices:
    """The same from a volume in memory. Voxels that are not finite count as 0."""
    from radiogen.imaging.compiled import kernels
    from radiogen.imaging.compiled.compiling import announce_compiling

    stacks: _Stacks = {}
    lowest = highest = 0.0
    with announce_compiling():
        if wanted := tuple(targets):
            voxels = kernels.kernel_ready(volume.voxels)
            lowest, highest = (float(value) for value in kernels.extremes(voxels))
            stacks = {target: _resized(voxels, target, lowest, highest) for target in wanted}
    return ResizedSlices(stacks, lowest, highest, volume.voxels.shape, volume.affine, volume.findings)


def _resized(voxels: Voxels, target: Target, lowest: float, highest: float) -> FloatVoxels | ByteVoxels:
    from radiogen.imaging.compiled import kernels

    if not target.as_bytes:
        return kernels.resize_slices(voxels, target[:2], target.slices)
    chosen = voxels if target.slices is None else voxels[list(target.slices)]
    return kernels.resize_to_bytes(chosen, target[:2], lowest, highest)


def _resize_uniform(folder: Path, series: "UniformSeries", plan: Plan) -> ResizedSlices | Volume | None:
    """The volume where `plan` asks for the voxels; None where the series has holes that are filled with voxels of
    their own. Raises Unsupported.
    """
    from radiogen.imaging.compiled import kernels
    from radiogen.imaging.fast import uniform

    wanted = dict.fromkeys(plan(series.shape, series.placement.affine))
    targets = [target for target in wanted if target is not None]
    if len(targets) < len(wanted):
        return uniform_volume(folder, series)
    if series.placement.at is not None:
        return None
    itemsize = stored_dtype(series.first.storage).itemsize
    thrifty = math.prod(series.shape) * itemsize >= LARGE_BYTES
    if thrifty and _larger(targets, series.shape, itemsize):
        stacks, each = _resize_stored(series, targets)
    elif _larger(targets, series.shape, series.dtype.itemsize):
        voxels, _, each = uniform.read_voxels(series, extremes=True)
        lowest, highest = float(each.min()), float(each.max())
        stacks = {target: _resized(voxels, target, lowest, highest) for target in targets}
    elif len(targets) == 1 and targets[0].slices is None:
        stack, each = uniform.read_resized(series, targets[0][:2])
        stacks = {targets[0]: stack}
    else:
        stacks, each = _resized_together(targets, series.shape, uniform.read_slices(series))
    lowest, highest = float(each.min()), float(each.max())
    to_bytes = kernels.to_bytes_in_place if thrifty else kernels.to_bytes
    for target, stack in stacks.items():
        if target.as_bytes and stack.dtype != np.uint8:
            stacks[target] = to_bytes(np.asarray(stack, np.float32), lowest, highest)
    findings = uniform_findings(folder, series, [low if low == high else None for low, high in each.tolist()])
    return ResizedSlices(stacks, lowest, highest, series.shape, series.placement.affine, findings)


def _larger(targets: Sequence[Target], shape: Shape3D, itemsize: int) -> bool:
    """Whether the floats on the way to bytes would take more memory than voxels of this size."""
    floats = sum(target.rows * target.columns * (shape[0] if target.slices is None else len(target.slices))
                 for target in targets if target.as_bytes)
    return floats * 4 > math.prod(shape) * itemsize


def _resize_stored(series: "UniformSeries", targets: Sequence[Target]) -> tuple[_Stacks, Voxels]:
    """The stacks of all targets, by way of the stored voxels, and the slices' extremes.

    The largest stack of bytes takes the place of what was stored, slice by slice, so that nothing is beside it.
    """
    from radiogen.imaging.compiled import kernels
    from radiogen.imaging.fast import uniform

    stored, each = uniform.read_stored(series)
    lowest, highest = float(each.min()), float(each.max())
    factors = uniform.ordered_factors(series) if series.rescaled else None
    fitting = [target for target in targets if target.as_bytes and target.slices is None
               and target.rows * target.columns <= stored[0].nbytes]
    last = max(fitting, key=lambda target: target.rows * target.columns, default=None)
    stacks = {target: _from_stored(stored, factors, target, lowest, highest) for target in targets if target != last}
    if last is not None:
        shape = (len(stored), *last[:2])
        into = stored.view(np.uint8).reshape(-1)[:math.prod(shape)].reshape(shape)
        _from_stored(stored, factors, last, lowest, highest, into)
        stacks[last] = kernels.shrunk(stored, shape)
    return stacks, each


def _from_stored(stored: np.ndarray, factors: Sequence[tuple[float, float]] | None, target: Target, lowest: float,
                 highest: float, out: np.ndarray | None = None) -> np.ndarray:
    """One target's stack of stored voxels, rescaled by `factors`; out: where bytes go, as in `kernels`."""
    from radiogen.imaging.compiled import kernels

    if factors is None:
        if out is None:
            return _resized(stored, target, lowest, highest)
        return kernels.resize_to_bytes(stored, target[:2], lowest, highest, out)
    numbers = range(len(stored)) if target.slices is None else target.slices
    if out is None:
        out = np.empty((len(numbers), *target[:2]), np.uint8 if target.as_bytes else np.float32)
    real, small = np.empty(stored.shape[1:], np.float32), np.empty(target[:2], np.float32)
    plan = slice_plan(stored.shape[1:], target[:2])
    for place, number in enumerate(numbers):
        kernels.rescale(stored[number], *factors[number], real)
        kernels.resize_slice(real, plan, small)
        out[place] = kernels.to_bytes(small, lowest, highest) if target.as_bytes else small
    return out


def _resized_together(targets: Sequence[Target], shape: Shape3D, slices: Iterable[Slice2D]) -> tuple[_Stacks, Voxels]:
    """Resize each slice, as it comes, into the stacks that want it; the stacks, and the slices' extremes."""
    from radiogen.imaging.compiled import kernels

    stacks: _Stacks = {}
    work, each = [], []
    for target in targets:
        wanted = range(shape[0]) if target.slices is None else target.slices
        stacks[target] = stack = np.empty((len(wanted), *target[:2]), np.float32)
        work.append((slice_plan(shape[1:], target[:2]), dict(zip(wanted, stack, strict=True))))
    for index, pixels in enumerate(slices):
        seen = None
        for plan, places in work:
            if index in places:
                seen = kernels.resize_slice(pixels, plan, places[index])
        each.append(seen or kernels.extremes(pixels))
    return stacks, np.array(each)
