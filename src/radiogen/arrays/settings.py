"""What the arrays of a cache depend on, and the key that changes with any of it.

A recipe's data settings are translated to `CacheSettings` by `training`; which class makes the arrays follows from
`kind` and `geometry` (geometries/__init__.py).
"""

import dataclasses
import hashlib
import json
from typing import Any, Literal

from radiogen.dataset.source import MASK
from radiogen.imaging.intensity import Normalisation

REVISION = 4
"""Incremented whenever the same settings make other arrays, so that old caches are no longer found."""


Region = Literal["head", "tumour", "tumour-only"]


@dataclasses.dataclass(frozen=True)
class MaskSettings:
    """What a recipe does with the masks of the tumour.

    Attributes
    ----------
    region: head: the whole head, as without a mask; tumour: a crop around the tumour's box; tumour-only: the same, all
        voxels outside of the mask as dark as air.
    margin_mm: what the crop has around the box, on every side.
    crop_edge_mm: of an isotropic cube, its edge around the middle of the box, the same in every case; None: the longest
        side of the box and the margin.
    channel: the mask is a last channel, 0 and 1 (255 in uint8).
    without: refuse: a training case without a usable mask is an error; head: it is used with its whole head.
    locator: the digest of the networks that predict the masks (located.py); "": they are the data set's own.
    """

    region: Region = "head"
    margin_mm: float = 10.0
    crop_edge_mm: float | None = None
    channel: bool = False
    without: Literal["refuse", "head"] = "refuse"
    locator: str = ""

    @property
    def crops(self) -> bool:
        """Whether arrays show the tumour's surroundings in place of the head."""
        return self.region != "head"


@dataclasses.dataclass(frozen=True)
class CacheSettings:
    """Everything that the arrays of a cache depend on.

    Attributes
    ----------
    kind:
        cubes: (sequence, slice, row, column) of edge `size`; a missing series of a test case is a cube of zeros.
        slabs: the same with `depth` slices, those around the slice that shows most of the head (`central_slab`).
        slices: (slice, row, column), the sequences one after the other; index.csv's `slices` counts those of each.
    sequences: which series are read, in the order of the array.
    size: rows and columns, of cubes also slices.
    geometry: stretch: every axis resized, whatever its mm; isotropic: mm are kept; slab: the competition winner's.
    normalisation: of the intensities (imaging/intensity.py).
    slices_per_series: how many evenly spaced slices are kept; None: all.
    edge_mm: of an isotropic cube, in mm.
    dtype: uint8 stores 0..1 as 0..255; float16 stores the values themselves, which z-scores need.
    depth: slices of a slab.
    window: apply the windows that the files declare first.
    mask: what is done with the tumour's mask; None: it is not read.
    """

    kind: Literal["cubes", "slabs", "slices"]
    sequences: tuple[str, ...]
    size: int
    geometry: Literal["stretch", "isotropic", "slab"]
    normalisation: Normalisation
    slices_per_series: int | None = None
    edge_mm: float | None = None
    dtype: Literal["uint8", "float16"] = "uint8"
    depth: int | None = None
    window: bool = False
    mask: MaskSettings | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """What a cube's array holds, in its order: the sequences, and the mask where it is a channel."""
        return (*self.sequences, MASK) if self.mask is not None and self.mask.channel else self.sequences

    @property
    def inputs(self) -> tuple[str, ...]:
        """What is read of a case: the sequences, and the mask where it is used."""
        return self.sequences if self.mask is None else (*self.sequences, MASK)

    @property
    def fields(self) -> dict[str, Any]:
        """The settings as JSON values; without `mask` and its `locator` where there is none, as in older versions."""
        fields = dataclasses.asdict(self)
        if self.mask is None:
            del fields["mask"]
        elif not self.mask.locator:
            del fields["mask"]["locator"]
        return fields

    @property
    def locator(self) -> str:
        """The digest of the networks that predict the masks; "" where masks are the data set's, or not read."""
        return self.mask.locator if self.mask is not None else ""

    @property
    def first_sequence(self) -> str:
        """The series that represents the case where cases are compared: the first by name, whatever the order."""
        return min(self.sequences)

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that change with any setting and with `REVISION`."""
        text = json.dumps([REVISION, self.fields], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]
