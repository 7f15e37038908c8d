"""Masks of a tumour: `read_mask(path, values) -> Volume` of 0 and 1, and masks on other grids by nearest neighbour.

Read first: `reading.py`; `grids.py` has what is done with a mask that was read.
"""

from radiogen.imaging.masks.reading import read_mask

__all__ = ["read_mask"]
