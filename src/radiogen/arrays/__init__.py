"""A case becomes the arrays that a recipe wants, kept in a cache.

Read first: `case_arrays.py` (a case to arrays) and `cache.py` (arrays on disk).
"""

from radiogen.arrays.series_arrays import read_cube, read_slices

__all__ = ["read_cube", "read_slices"]
