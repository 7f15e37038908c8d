"""From DICOM files to arrays: `read_series(folder) -> Volume` is the part that others may want to import."""

from radiogen.imaging.arrays import read_cube, read_slices
from radiogen.imaging.series import SeriesError, read_series, read_volumes
from radiogen.imaging.volume import Volume

__all__ = ["SeriesError", "Volume", "read_cube", "read_series", "read_slices", "read_volumes"]
