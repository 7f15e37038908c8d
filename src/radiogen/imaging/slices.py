"""Slices that are computed when they are read: a whole volume of floats is more than a large series may take.

In: a shape and a function from a slice's number to the slice. Out: a sequence that is read as an array of slices is
(`shape`, `len`, a number in brackets, one after the other), whose memory is that of one slice.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from radiogen.core.types import FloatVoxels, Shape3D, Slice2D, Voxels


class ComputedSlices:
    """(slice, row, column): each slice (row, column) is `compute(number)`, computed whenever it is read."""

    def __init__(self, shape: tuple[int, ...], compute: Callable[[int], Slice2D]):
        slices, rows, columns = shape
        self.shape: Shape3D = (slices, rows, columns)
        self._compute = compute

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, number: int) -> Slice2D:
        return self._compute(number)

    def kept(self) -> FloatVoxels:
        """All slices as one array of float32."""
        out = np.empty(self.shape, np.float32)
        for place, pixels in zip(out, self, strict=True):
            place[...] = pixels
        return out

    def __iter__(self) -> Iterator[Slice2D]:
        return map(self._compute, range(len(self)))


Slices = Voxels | ComputedSlices
"""Voxels (slice, row, column), in memory or computed slice by slice."""


def subsampled(slices: Slices, steps: Sequence[int]) -> Voxels:
    """Every `steps`-th voxel of each axis, as one array."""
    if isinstance(slices, np.ndarray):
        return slices[::steps[0], ::steps[1], ::steps[2]]
    return np.stack([slices[number][::steps[1], ::steps[2]] for number in range(0, len(slices), steps[0])])
