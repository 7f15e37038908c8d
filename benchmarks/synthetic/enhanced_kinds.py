"""Small enhanced multi-frame files of every kind, uncompressed: makers as in `fast_kinds`.

In: an empty folder and a generator. Out: one file, its frames in a random order, and the volume that it holds.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ImplicitVRLittleEndian

from benchmarks.synthetic.series_files import AXIAL, Made, write_enhanced

Groups = Callable[[Dataset, int, int], None]
"""Edits the functional groups of a frame: groups, number of the volume, number of the slice."""


def enhanced(volumes: int = 1, groups: Groups | None = None, *, slices: int = 6, dtype: str = "uint16",
             shuffled: bool = True, factors: Callable[[int], tuple[float, float]] | None = None,
             **header: Any) -> Callable[[Path, np.random.Generator], Made]:
    """A maker of one file of several volumes; the first of them has to be read.

    factors: rescale slope and intercept by slice, which stand in the groups of its frame.
    """
    def make(folder: Path, random: np.random.Generator) -> Made:
        voxels = random.integers(0, 250, (volumes * slices, 10, 8)).astype(dtype)
        order = random.permutation(len(voxels)).tolist() if shuffled else list(range(len(voxels)))

        def change(frame: int, own: Dataset) -> None:
            volume, place = divmod(order[frame], slices)
            own.PlanePositionSequence[0].ImagePositionPatient = (AXIAL @ [place, 0, 0, 1])[:3].tolist()
            if factors:
                own.PixelValueTransformationSequence = one(RescaleSlope=str(factors(place)[0]), RescaleType="US",
                                                           RescaleIntercept=str(factors(place)[1]))
            if groups:
                groups(own, volume, place)

        write_enhanced(folder / "enhanced.dcm", voxels, order=order, change=change, **header)
        first = voxels[:slices]
        if factors:
            slopes, intercepts = np.array([factors(place) for place in range(slices)]).T[:, :, None, None]
            first = (first * slopes + intercepts).astype(np.float32)
        return Made(first, AXIAL)
    return make


def one(**values: Any) -> Items:
    """A sequence of one item."""
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return Items([item])


def time_point(own: Dataset, volume: int, place: int) -> None:
    """The number of the volume as the time point of a frame (PS3.3, C.7.6.16.2.2)."""
    own.FrameContentSequence = one(TemporalPositionIndex=volume + 1, FrameAcquisitionNumber=1)


def diffusion(own: Dataset, volume: int, place: int) -> None:
    """A b-value, and a gradient direction where there is one (PS3.3, C.8.13.5.9)."""
    own.MRDiffusionSequence = one(DiffusionBValue=1000.0 if volume else 0.0)
    if volume:
        direction = np.eye(3)[volume % 3] * (1 if volume < 4 else -1)
        own.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = one(
            DiffusionGradientOrientation=direction.tolist())


def echo(own: Dataset, volume: int, place: int) -> None:
    """The first volume has the shortest echo."""
    own.MREchoSequence = one(EffectiveEchoTime=4.6 * (volume + 1))


def own_orientation(own: Dataset, volume: int, place: int) -> None:
    """Orientation and spacing stand in the groups of each frame, too."""
    own.PlaneOrientationSequence = one(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    own.PixelMeasuresSequence = one(PixelSpacing=[0.75, 0.5], SliceThickness=3)


ENHANCED = {
    "enhanced": enhanced(shuffled=False), "enhanced, frames shuffled": enhanced(),
    "enhanced, implicit": enhanced(syntax=ImplicitVRLittleEndian), "enhanced, 8 bits": enhanced(dtype="uint8"),
    "enhanced, signed": enhanced(dtype="int16"), "enhanced, 32 bits": enhanced(dtype="uint32"),
    "enhanced, orientation by frame": enhanced(groups=own_orientation),
    "enhanced, rescaled": enhanced(factors=lambda place: (1.7, -3.25)),
    "enhanced, rescaled by frame": enhanced(factors=lambda place: (1 + place / 8, -place)),
    "enhanced, time points": enhanced(3, time_point), "enhanced, b-values": enhanced(7, diffusion),
    "enhanced, echoes": enhanced(2, echo), "enhanced, 520 frames": enhanced(13, time_point, slices=40),
}
