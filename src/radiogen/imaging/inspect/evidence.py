"""A series and what its headers say of it: the basis of the quality table and of the proof.

In: a folder. Out: `Evidence`: the volume as everyone gets it, and the headers of its slices, parsed by pydicom whatever
way the voxels took, with the order and the affine derived from them a second time, independently of the reader.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core.types import FloatArray, Vector
from radiogen.imaging.dicom.geometry import OrderedBy, Placement, place
from radiogen.imaging.dicom.headers import NotAnImage, SliceHeader
from radiogen.imaging.dicom.pixels import read_pixels
from radiogen.imaging.dicom.stacks import distances_mm, natural_order, normal
from radiogen.imaging.folder import series_files
from radiogen.imaging.series import chosen_stack, read_series
from radiogen.imaging.volume import PLANES, Volume

_SIDES = ("RL", "AP", "FH")
"""Letters of the two ends of each patient axis: right, left; anterior, posterior; feet, head."""


@dataclass(frozen=True)
class Evidence:
    """A series as it was read, and the headers of its slices in the volume's order.

    paths: every file of the folder. slices: those that are there, without the interpolated ones. placement: derived
    from their headers; the volume's affine has to be the same.
    """

    paths: tuple[Path, ...]
    volume: Volume
    slices: tuple[SliceHeader, ...]
    placement: Placement

    @property
    def normal(self) -> Vector | None:
        """Unit vector (x, y, z) at right angles to the slices; None where no orientation is reported."""
        return None if self.slices[0].orientation is None else normal(self.slices[0].orientation)

    @property
    def plane(self) -> str:
        """`axial`, `coronal` or `sagittal`, the nearest; "" where no orientation is reported."""
        return "" if self.normal is None else PLANES[int(np.argmax(np.abs(self.normal)))]

    @property
    def along_mm(self) -> FloatArray | None:
        """(slices,) mm, ascending: positions projected on the normal; None where the order is not by position."""
        return distances_mm(self.slices)

    @property
    def ordered_by(self) -> OrderedBy:
        """What the order of the slices was taken from."""
        return self.placement.ordered_by

    @property
    def missing(self) -> int:
        """How many slices are interpolated because they are not there, not because the others lie unevenly."""
        at, there = self.placement.at, len(self.slices)
        return len(at) - there if at is not None and set(range(there)) <= set(at.tolist()) else 0


def gather(folder: Path) -> Evidence:
    """Read a series, and its headers once more by pydicom. Raises SeriesError where the series is refused."""
    folder = Path(folder)
    volume, paths, chosen = read_series(folder), series_files(folder), list(chosen_stack(folder)[0].slices)
    if any(header.storage.compressed for header in chosen):  # only decoding shows which of them are damaged
        chosen = [header for header, pixels in zip(chosen, read_pixels(chosen), strict=True)
                  if not isinstance(pixels, NotAnImage)]
    placement = place(chosen)
    return Evidence(tuple(paths), volume, tuple(chosen[index] for index in placement.order), placement)


def _compare_order(keys: Sequence[Any]) -> str:
    """How keys run along the slices: `same`, `reversed` or `mixed`; "" where one is missing or repeated, or alone."""
    if len(keys) < 2 or any(each is None for each in keys) or len(set(keys)) < len(keys):
        return ""
    ascending = sorted(keys)
    return "same" if list(keys) == ascending else "reversed" if list(keys) == ascending[::-1] else "mixed"


def file_name_order(slices: Sequence[SliceHeader]) -> str:
    """`_compare_order` of the file names, Image-2 before Image-10; "" where a file holds several slices."""
    return _compare_order(_of_files(slices, lambda header: tuple(natural_order(header.path.name))))


def instance_order(slices: Sequence[SliceHeader]) -> str:
    """`_compare_order` of InstanceNumber; "" where a file holds several slices."""
    return _compare_order(_of_files(slices, lambda header: header.instance))


def oblique_degrees(direction: Vector) -> float:
    """Angle between a unit vector and the nearest patient axis."""
    return float(np.degrees(np.arccos(min(1.0, np.abs(direction).max()))))


def side(direction: Sequence[float] | Vector) -> str:
    """The letter of the patient's side that a vector points to: R, L, A, P, F or H."""
    axis = int(np.argmax(np.abs(direction)))
    return _SIDES[axis][int(direction[axis] > 0)]


def _of_files(slices: Sequence[SliceHeader], key: Callable[[SliceHeader], Any]) -> list:
    """A key of each slice, None where several share a file."""
    return [key(header) if header.storage.frames == 1 and header.tile is None else None for header in slices]
