"""The array types of the package in one place: what an annotation means in axes, dtype and unit.

Static types carry a dtype but no shape, so each alias states its shape here; a function's docstring says where it
differs. Spatial axes are always (slice, row, column), patient coordinates DICOM's LPS in mm. Import from here rather
than spelling `NDArray[...]`, and add an alias where two modules would spell the same.
"""

import numpy as np
from numpy.typing import NDArray

Shape2D = tuple[int, int]
"""Rows and columns."""

Shape3D = tuple[int, int, int]
"""Slices, rows and columns."""

Voxels = NDArray[np.number]
"""(slice, row, column), any real dtype, in the scanner's units or rescaled (CT: Hounsfield units)."""

Slice2D = NDArray[np.number]
"""(row, column), any real dtype, in the units of the volume that it is of."""

FloatVoxels = NDArray[np.float32]
"""(slice, row, column) or (row, column) float32: resampled or normalised values, no unit unless stated."""

ByteVoxels = NDArray[np.uint8]
"""(slice, row, column) or (row, column) uint8: 0 is the smallest value of the series, 255 the largest."""

Mask = NDArray[np.bool_]
"""Of the shape of the voxels that it belongs to: True inside."""

Affine = NDArray[np.float64]
"""(4, 4): from (slice, row, column, 1) as indices to (x, y, z, 1) in LPS mm."""

Vector = NDArray[np.float64]
"""(3,): a point (x, y, z) in LPS mm, or a direction of unit length."""

Points = NDArray[np.float64]
"""(points, 3): as `Vector`, one a row."""

FloatArray = NDArray[np.float64]
"""Any shape, float64: statistics, weights, table columns."""

ByteBuffer = NDArray[np.uint8]
"""(bytes,) or (files, bytes): the content of files as it is."""

IntTable = NDArray[np.int64]
"""Integers in rows, or one row of them; which columns, the function that fills it says."""

IndexArray = NDArray[np.integer]
"""(count,): positions along an axis, counted from 0."""

BoolArray = NDArray[np.bool_]
"""(cases,): what is true of each case."""
