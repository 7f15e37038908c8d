"""A volume turned, cropped, brought to a cube or to a slab: a `Volume` in, a `Volume` out.

The affine stays true: every point of the patient keeps its mm. What is not harmless (interpolated, cropped, padded,
stretched) is added to the findings. Onto other grids: resampling.py. Intensities are untouched and come last
(intensity.py), because what is padded here is 0, which is air.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from radiogen.core.types import Affine, Voxels
from radiogen.imaging.cubes import Geometry, grown, patient_grid, stretch_cube
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.intensity import finite_voxels, head_mask
from radiogen.imaging.resampling import need_place, resample_to
from radiogen.imaging.volume import Volume, directions_of, reordered, spacing_mm


def reorient(volume: Volume, axes: str = "SPL") -> Volume:
    """Exchange and flip axes so that slices, rows and columns run towards these sides of the patient, nearest first.

    axes: three letters of L, R (the patient's left, right), A, P (front, back), S, I (head, feet), or a plane's name
    (`PLANE_AXES`). The default is a stack of axial pictures from the feet up. Nothing is interpolated, so an oblique
    series stays as oblique. Raises UserError for other letters or where it is not known where the series lies.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> reorient(volume, "coronal").voxels.shape
    (8, 8, 8)
    """
    old_affine = need_place(volume, "reorient")
    cosines = directions_of(axes) @ (old_affine[:3, :3] / np.array(spacing_mm(volume)))
    order = max(itertools.permutations(range(3)), key=lambda old: abs(cosines[range(3), old]).sum())
    voxels, affine = reordered(volume.voxels, old_affine, order, cosines[range(3), order] < 0)
    return replace(volume, voxels=np.ascontiguousarray(voxels), affine=affine)


def crop_to_head(volume: Volume, margin_mm: float = 5.0) -> Volume:
    """The box around the head, `margin_mm` wider on every side as far as the series goes.

    The head reaches along an axis as far as it fills a hundredth of what it fills where it is largest: specks of noise
    are no head. A volume without a head stays as it is. Raises UserError where the spacing is not known.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> [str(finding) for finding in crop_to_head(volume, margin_mm=1).findings]
    []
    """
    steps = np.linalg.norm(need_place(volume, "crop_to_head")[:3, :3], axis=0).tolist()
    mask = head_mask(finite_voxels(volume.voxels))
    if not mask.any():
        return _with(volume, Finding(FindingCode.HEAD_NOT_FOUND))
    first, end = [], []
    for axis, step in enumerate(steps):
        filled = np.count_nonzero(mask, axis=tuple(other for other in range(3) if other != axis))
        reach, margin = np.flatnonzero(filled >= 0.01 * filled.max()), int(np.ceil(margin_mm / step - 1e-6))
        first.append(max(0, int(reach[0]) - margin))
        end.append(min(len(filled), int(reach[-1]) + 1 + margin))
    return _cut(volume, first, end, FindingCode.CROPPED_TO_HEAD, margin_mm=margin_mm)


def to_cube(volume: Volume, size: int, how: Geometry = "stretch", edge_mm: float = 200.0) -> Volume:
    """A cube of `size` voxels an edge, float32, in one of two ways.

    stretch: the report's; the longest axis divided into `size`, each section size x size, the longest axis first.
    Anatomy is distorted, the affine states by how much; works without an affine.
    isotropic: `edge_mm` an edge in every direction, centred on the head, axes as `reorient`'s default; what lies
    outside the cube is cropped, what the series does not fill is 0. Raises UserError without an affine.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> to_cube(volume, 16).voxels.shape, to_cube(volume, 16, "isotropic", edge_mm=20).voxels.shape
    ((16, 16, 16), (16, 16, 16))
    """
    if how == "isotropic":
        return resample_to(volume, patient_grid(volume, size, edge_mm), (size,) * 3)
    shape = volume.voxels.shape
    cube = _with(replace(volume, voxels=stretch_cube(volume.voxels, size), affine=_stretched_affine(volume, size)),
                 grown(shape, (size,) * 3))
    steps = spacing_mm(cube)
    if steps is None or max(steps) < 1.05 * min(steps):
        return cube
    return _with(cube, Finding(FindingCode.STRETCHED, (), {"spacing_mm": steps}))


def central_slab(volume: Volume, count: int, centre: Literal["bounding box", "head area"] = "bounding box") -> Volume:
    """`count` slices around the one that shows most of the head: the winner's central image trick.

    bounding box: the winner's centre, the first slice whose box of non-zero pixels is largest (its last row and column
    not counted, as there). head area: the slice with most of the head mask, which does not need an air of zeros.
    From count // 2 slices before the centre on; where the slab hangs over the series at either end, zeros are
    appended after its last slice, also as there. Source: FirasBaba/rsna-resnet10, dataset.py, load_dicom_images_3d.

    Examples
    --------
    >>> from radiogen.imaging.series import read_series
    >>> volume = read_series("input/phantom/train/00000/FLAIR")
    >>> central_slab(volume, 4).voxels.shape
    (4, 8, 8)
    """
    voxels = volume.voxels
    first, end, middle = slab_slices(voxels, count, centre)
    slab = _cut(volume, (first, 0, 0), (end, *voxels.shape[1:]), FindingCode.SLAB, middle=middle + 1, centre=centre)
    if len(slab.voxels) == count:
        return slab
    padded = np.zeros((count, *voxels.shape[1:]), voxels.dtype)
    padded[:len(slab.voxels)] = slab.voxels
    return _with(replace(slab, voxels=padded), Finding(FindingCode.SLICES_PADDED, (), {
        "slices": count - len(slab.voxels)}))


def slab_slices(voxels: Voxels, count: int,
                centre: Literal["bounding box", "head area"] = "bounding box") -> tuple[int, int, int]:
    """First slice, the one after the last, and the central one of `central_slab`."""
    area = _box_areas(voxels) if centre == "bounding box" else head_mask(finite_voxels(voxels)).sum(axis=(1, 2))
    middle = int(np.argmax(area))
    return max(0, middle - count // 2), min(len(voxels), middle - count // 2 + count), middle





def _stretched_affine(volume: Volume, size: int) -> Affine | None:
    """Affine of `stretch_cube`: both ends of every axis keep their place, the longest axis comes first."""
    if volume.affine is None:
        return None
    factors = np.array(volume.voxels.shape) / size
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((factors - 1) / 2)
    affine[:3, :3] *= factors
    longest = int(np.argmax(volume.voxels.shape))
    return affine[:, [longest, *(axis for axis in range(3) if axis != longest), 3]]


def _box_areas(voxels: Voxels) -> list[int]:
    """By slice: height x width of the box of its non-zero pixels, measured from the first row to the last."""
    areas = []
    for pixels in voxels:
        filled = pixels != 0
        reach = [np.flatnonzero(filled.any(axis=axis)) for axis in (1, 0)]
        areas.append(int(np.prod([each[-1] - each[0] for each in reach])) if len(reach[0]) else 0)
    return areas


def _cut(volume: Volume, first: Sequence[int], end: Sequence[int], code: FindingCode, **values: Any) -> Volume:
    """Voxels from `first` to before `end` of each axis; a finding of this code and values where that is not all."""
    kept = volume.voxels[tuple(itertools.starmap(slice, zip(first, end, strict=True)))]
    if kept.shape == volume.voxels.shape:
        return volume
    affine = None if volume.affine is None else volume.affine.copy()
    if affine is not None:
        affine[:3, 3] += affine[:3, :3] @ np.array(first)
    axes = tuple((name, start + 1, stop, count) for name, start, stop, count in zip(
        ("slices", "rows", "columns"), first, end, volume.voxels.shape, strict=True) if stop - start < count)
    return _with(replace(volume, voxels=np.ascontiguousarray(kept), affine=affine),
                 Finding(code, (), {**values, "axes": axes}))


def _with(volume: Volume, finding: Finding | None) -> Volume:
    return replace(volume, findings=(*volume.findings, finding)) if finding else volume
