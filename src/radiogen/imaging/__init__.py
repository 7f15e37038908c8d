"""From DICOM and NIfTI files to volumes: `read_series(path) -> Volume` is the part that others may want to import.

Read first: `volume.py`, `series.py` and, for what is odd in a series, `findings.py`.
"""

from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.nifti import read_nifti
from radiogen.imaging.resampling import resample_isotropic, resample_like, stack_channels
from radiogen.imaging.series import SeriesError, read_series, read_volumes
from radiogen.imaging.transforms import central_slab, crop_to_head, reorient, to_cube
from radiogen.imaging.volume import Volume

__all__ = ["Finding", "FindingCode", "SeriesError", "Volume", "central_slab", "crop_to_head", "read_nifti",
           "read_series", "read_volumes", "reorient", "resample_isotropic", "resample_like", "stack_channels",
           "to_cube"]
