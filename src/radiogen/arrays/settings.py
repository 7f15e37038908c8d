"""What the arrays of a cache depend on, and the key that changes with any of it.

A recipe's data settings are translated to `CacheSettings` by `training`; which class makes the arrays follows from
`kind` and `geometry` (geometries/__init__.py).
"""

import dataclasses
import hashlib
import json
from typing import Literal

from radiogen.imaging.intensity import Normalisation

REVISION = 4
"""Incremented whenever the same settings make other arrays, so that old caches are no longer found."""


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

    @property
    def first_sequence(self) -> str:
        """The series that represents the case where cases are compared: the first by name, whatever the order."""
        return min(self.sequences)

    @property
    def key(self) -> str:
        """Ten hexadecimal digits that change with any setting and with `REVISION`."""
        text = json.dumps([REVISION, dataclasses.asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]
