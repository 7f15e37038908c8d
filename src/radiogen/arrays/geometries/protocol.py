"""What a geometry is: one way from the series of a case to the array of the case.

A geometry is a frozen dataclass made from `CacheSettings`. `plan` is called while a series is read, once its shape
and affine are known; `build` makes the array. That slices are resized while files are read is an optimisation between
the two: the array is the same from a volume.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from radiogen.arrays.case_findings import CaseFinding, of_sequence
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.settings import CacheSettings
from radiogen.core.types import Affine, Shape3D, Voxels
from radiogen.imaging.findings import Finding
from radiogen.imaging.resized import Target
from radiogen.imaging.volume import Volume


class Built(NamedTuple):
    """The array of a case, and what the geometry changed where that is not harmless: grown, padded, cropped.

    slices: how many slices of each sequence (`FLAIR:24 T1w:160`); "" where all sequences have the same. grid: the
    affine that all sequences share; None where each has its own.
    """

    array: Voxels
    changes: list[CaseFinding]
    slices: str = ""
    grid: Affine | None = None


class CaseGeometry(Protocol):
    """One way from the series of a case to an array."""

    @property
    def needs_affine(self) -> bool:
        """Whether a series that does not report its position cannot be used."""

    def plan(self, shape: Shape3D, affine: Affine | None) -> Target | None:
        """What can be made of a series while its files are read; None where `build` needs all its voxels."""

    def build(self, series: Mapping[str, CaseSeries], masks: Mapping[str, Volume]) -> Built:
        """The array, from usable series by sequence in the order of the settings; at least one.

        masks: by sequence the tumour in the space of the series; {} where none is wanted or usable.
        """


Channel = tuple[str, Voxels | None, Iterable[Finding | None]]
"""A sequence, or `MASK`, its cube or slab, and what the geometry changed; None counts as no finding or no channel."""


def as_channels(settings: CacheSettings, shape: Shape3D, channels: Iterable[Channel]) -> Built:
    """(channel, slice, row, column): each sequence and the mask in its place, zeros where one is missing."""
    array = np.zeros((len(settings.channels), *shape), settings.dtype)
    changes: list[CaseFinding] = []
    for name, voxels, findings in channels:
        if voxels is not None:
            array[settings.channels.index(name)] = voxels
        changes += of_sequence(name, findings)
    return Built(array, changes)
