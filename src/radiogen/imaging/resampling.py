"""A series onto another grid of the same patient: equal steps, another series' grid, any grid.

In: a `Volume` with an affine. Out: a `Volume` of float32 on the new grid, 0 outside the series; every point
of the patient keeps its mm. A new voxel averages what it covers where it is the larger one and interpolates linearly
where it is the smaller one: a box as wide as the larger of the two does both. Where the grids' axes run along each
other this is exact, axis by axis; else the series is averaged along its own axes and then interpolated.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.types import Affine, FloatArray, FloatVoxels, Mask, Shape3D, Slice2D, Voxels
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.intensity import finite_voxels, head_mask
from radiogen.imaging.slices import Slices, subsampled
from radiogen.imaging.volume import Volume, slice_normal, spacing_mm

if TYPE_CHECKING:
    from scipy import sparse

_AXES = ("slices", "rows", "columns")
_SMALLEST_SHARE = 0.005
"""Of a grid or of a head, that makes a finding."""


def resample_isotropic(volume: Volume, spacing_mm: float = 1.0) -> Volume:
    """The same block of the patient in voxels of `spacing_mm` in every direction; rows and columns run as before.

    The slices of a gantry tilt are set upright. The block's edge is off by up to half a voxel, its middle is not.
    Raises UserError where it is not known where the series lies.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> resample_isotropic(volume, 2.0).voxels.shape
    (12, 3, 2)
    """
    affine, shape = _upright_grid(volume, spacing_mm)
    return resample_to(volume, affine, shape)


def resample_like(volume: Volume, reference: Volume) -> Volume:
    """The series on the grid of `reference`: voxel (slice, row, column) of both is the same place in the patient.

    Raises UserError where it is not known where either series lies.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> contrast = read_series("input/phantom/train/00000/T1wCE")
    >>> resample_like(contrast, volume).voxels.shape == volume.voxels.shape
    True
    """
    return resample_to(volume, need_place(reference, "resample_like"), reference.voxels.shape)


def resample_to(volume: Volume, affine: Affine, shape: Shape3D) -> Volume:
    """The series on the grid of `affine` (4, 4; voxel index to LPS mm) and `shape`; float32, 0 outside the series.

    Findings say what was interpolated, what of the grid is empty and what of the head is cut off. Raises UserError
    where it is not known where the series lies.
    """
    voxels, found = resample_slices(volume.voxels, need_place(volume, "resampling"), affine, shape)
    return Volume(voxels, np.array(affine, float), (*volume.findings, *found))


def resample_slices(slices: Slices, old: Affine, affine: Affine, shape: Shape3D) -> tuple[FloatVoxels, list[Finding]]:
    """As `resample_to`, from slices that lie where the affine `old` says; each is read once, but for a sample.

    Returns the voxels and the findings.
    """
    slices_new, rows, columns = (int(count) for count in shape)
    shape = slices_new, rows, columns
    index = np.linalg.inv(old) @ affine
    axes = _matching_axes(index, shape)
    if axes is not None:
        voxels, inside = _axis_by_axis(slices, index, axes, shape)
    else:
        voxels, inside = _interpolated(slices, index, shape)
    return voxels, [*_growth(old, index), *_beyond(inside, _head_cut_off(slices, index, shape))]


def stack_channels(volumes: Sequence[Volume]) -> Voxels:
    """(channel, slice, row, column): volumes of one grid as channels of one image.

    Raises ValueError where their grids differ by more than a hundredth of a millimetre: `resample_like` them first.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> stack_channels([volume, volume]).shape
    (2, 8, 8, 8)
    """
    first = volumes[0]
    grid = need_place(first, "stack_channels")
    for volume in volumes:
        affine = need_place(volume, "stack_channels")
        if volume.voxels.shape != first.voxels.shape:
            raise ValueError(f"grids of {first.voxels.shape} and {volume.voxels.shape} voxels: use resample_like")
        reach = np.abs(affine - grid)[:3] @ [*first.voxels.shape, 1]
        if reach.max() > 0.01:
            raise ValueError(f"grids lie up to {reach.max():.2f} mm apart: use resample_like")
    return np.stack([volume.voxels for volume in volumes])


def need_place(volume: Volume, what: str) -> Affine:
    """The affine. Raises UserError where `what` needs one and the series has none."""
    if volume.affine is None:
        raise UserError(what, "needs a series that reports position, orientation and spacing",
                        "leave the series out, or stretch it")
    return volume.affine


def _upright_grid(volume: Volume, step: float) -> tuple[Affine, Shape3D]:
    """Affine and shape of a grid of equal steps along slices, rows and columns that covers the series.

    Along the normal where the stack leans by more than half a degree: less is the rounding of positions.
    """
    old = need_place(volume, "resample_isotropic")
    frame, normal = old[:3, :3] / np.array(spacing_mm(volume)), slice_normal(volume)
    if normal is not None and frame[:, 0] @ normal < np.cos(np.radians(0.5)):
        frame[:, 0] = normal
    corners = np.array(np.meshgrid(*[(-0.5, count - 0.5) for count in volume.voxels.shape])).reshape(3, -1)
    along = np.linalg.solve(frame, old[:3, :3] @ corners + old[:3, 3:])
    lowest, highest = along.min(axis=1), along.max(axis=1)
    shape = np.maximum(np.rint((highest - lowest) / step), 1).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = frame * step
    affine[:3, 3] = frame @ ((lowest + highest) / 2 - step * (shape - 1) / 2)
    slices, rows, columns = shape.tolist()
    return affine, (slices, rows, columns)


def _matching_axes(index: Affine, shape: Shape3D) -> list[int] | None:
    """For each new axis the old one that it runs along, to a hundredth of a voxel over its length; None: oblique."""
    steps = np.abs(index[:3, :3])
    axes = [int(np.argmax(steps[:, new])) for new in range(3)]
    steps[axes, range(3)] = 0
    drifts = (steps * (np.array(shape) - 1)).max()
    return axes if sorted(axes) == [0, 1, 2] and drifts < 0.01 else None


def _axis_by_axis(slices: Slices, index: Affine, axes: list[int], shape: Shape3D) -> tuple[FloatVoxels, float]:
    """Voxels on a grid along the old axes, and which share of it lies inside the series."""
    inside, weights = 1.0, []
    for new, old in enumerate(axes):
        places = index[old, 3] + index[old, new] * np.arange(shape[new])
        inside *= _within(places, slices.shape[old]).mean()
        weights.append(_box_weights(slices.shape[old], places, abs(index[old, new])))
    return _sums(slices, axes, weights), inside


def _interpolated(slices: Slices, index: Affine, shape: Shape3D) -> tuple[FloatVoxels, float]:
    """As `_axis_by_axis`, for any grid.

    A new voxel is a box; along an old axis it is as wide as a box of the same variance, which is the length of its row
    of `index`. The old axis is averaged to that width at steps of half of it, so that linear interpolation between them
    blurs little more.
    """
    from scipy import ndimage

    at, weights = index.copy(), []
    for axis, (old, width) in enumerate(zip(slices.shape, np.linalg.norm(index[:3, :3], axis=1), strict=True)):
        step = max(1.0, width / 2)
        count = int(np.ceil(old / step - 1e-3))  # not one more for what float32 leaves of a step
        start = (old - 1) / 2 - step * (count - 1) / 2
        weights.append(_box_weights(old, start + step * np.arange(count), width))
        at[axis] = (index[axis] - [0, 0, 0, start]) / step
    sums = _sums(slices, [0, 1, 2], weights)
    new = ndimage.affine_transform(sums, at[:3, :3], at[:3, 3], shape, order=1, mode="nearest")
    inside = np.ones(shape, bool)
    levels, rows, columns = np.ogrid[tuple(slice(count) for count in shape)]
    for (a, b, c, start), old in zip(index[:3], slices.shape, strict=True):
        inside &= _within((a * levels + start) + b * rows + c * columns, old)
    new[~inside] = 0
    return new, inside.mean()


def _box_weights(count: int, places: FloatArray, width: float) -> "sparse.csr_array":
    """(places, count) float32: the share of each of `count` cells in a box around each place; rows outside are 0.

    A box of one cell's width is linear interpolation. What of a box hangs over the end does not count.
    """
    from scipy import sparse

    half, cells, places = max(width, 1.0) / 2, np.arange(count), np.round(places, 6)[:, None]
    covered = np.minimum(places + half, cells + 0.5) - np.maximum(places - half, cells - 0.5)
    covered = np.clip(covered, 0, None) * _within(places, count)
    return sparse.csr_array((covered / np.maximum(covered.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32))


def _sums(slices: Slices, axes: Sequence[int], weights: Sequence["sparse.csr_array"]) -> FloatVoxels:
    """Weighted sums along the old `axes`, in the order second, third, first, as float32 (new slice, row, column).

    Each slice is added to what it is part of while it is in the processor's cache. In which order a new voxel's parts
    are added does not depend on `axes`, nor do its last bits.
    """
    first, second, third = weights
    if axes[0] == 0:
        return _gathered(first, (_pixels_along(_pixels_along(_turned(pixels, axes), second), third, 1)
                                 for pixels in slices))
    if axes[1] == 0:  # (new row, old slice or column of the new grid, the other)
        done = _gathered(second, (_turned(pixels, axes) for pixels in slices))
        stack = np.stack([_pixels_along(plane, third, 1) for plane in done])  # (row, old slice, column)
        del done
        return np.stack([_pixels_along(plane, first) for plane in stack], 1)
    done = _gathered(third, (_pixels_along(_turned(pixels, axes), second, 1) for pixels in slices))
    return np.ascontiguousarray(np.stack([_pixels_along(plane, first) for plane in done]).transpose(1, 2, 0))


def _turned(pixels: Slice2D, axes: Sequence[int]) -> FloatVoxels:
    """A slice's voxels as finite float32, its two axes in the order of the new grid's."""
    floats = finite_voxels(pixels).astype(np.float32, copy=False)
    remaining = [axis for axis in axes if axis != 0]
    return floats if remaining == [1, 2] else np.ascontiguousarray(floats.T)


def _pixels_along(pixels: FloatVoxels, weights: "sparse.csr_array", axis: int = 0) -> FloatVoxels:
    """Weighted sums along one axis of a plane."""
    return weights @ pixels if axis == 0 else (weights @ pixels.T).T


def _gathered(weights: "sparse.csr_array", planes: Iterable[FloatVoxels]) -> FloatVoxels:
    """`weights` @ planes, with no more than one of the planes in memory."""
    out, by_plane = np.zeros((0, 0, 0), np.float32), weights.tocsc()
    for number, plane in enumerate(planes):
        if not number:
            out = np.zeros((weights.shape[0], *plane.shape), np.float32)
        span = slice(by_plane.indptr[number], by_plane.indptr[number + 1])
        for new, weight in zip(by_plane.indices[span], by_plane.data[span], strict=True):
            out[new] += weight * plane
    return out


def _within(places: FloatArray, count: int) -> Mask:
    """Which places, as fractional indices, lie in one of `count` cells."""
    return (places > -0.5 - 1e-6) & (places < count - 0.5 + 1e-6)


def _growth(old: Affine, index: Affine) -> list[Finding]:
    """Which axes lie farther apart than the new voxels, so that there is less in them than it seems."""
    widths = np.linalg.norm(index[:3, :3], axis=1)
    steps = np.linalg.norm(old[:3, :3], axis=0).tolist()
    axes = tuple((name, step, float(step * width))
                 for name, step, width in zip(_AXES, steps, widths, strict=True) if width < 0.99)
    return [Finding(FindingCode.INTERPOLATED, (), {"axes": axes})] if axes else []


def _beyond(inside: float, head_cut_off: float) -> list[Finding]:
    found = []
    if 1 - inside >= _SMALLEST_SHARE:
        found.append(Finding(FindingCode.PADDED, (), {"share": 1 - float(inside)}))
    if head_cut_off >= _SMALLEST_SHARE:
        found.append(Finding(FindingCode.HEAD_CUT_OFF, (), {"share": head_cut_off}))
    return found


def _head_cut_off(slices: Slices, index: Affine, shape: Shape3D) -> float:
    """Share of the head that lies outside the new grid, from some 40 samples along each axis."""
    steps = [max(1, count // 40) for count in slices.shape]
    head = np.argwhere(head_mask(finite_voxels(subsampled(slices, steps)))) * steps
    if not len(head):
        return 0.0
    back = np.linalg.inv(index)
    places = head @ back[:3, :3].T + back[:3, 3]
    kept = np.all([_within(places[:, axis], shape[axis]) for axis in range(3)], axis=0)
    return 1 - float(kept.mean())
