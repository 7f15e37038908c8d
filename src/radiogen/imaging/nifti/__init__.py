"""NIfTI files to volumes: `read_nifti(path) -> Volume`, the same as `read_series` returns of DICOM.

Read first: `reading.py`; `files.py` has what may be wrong with the bytes, `place.py` what a header says of the place.
"""

from radiogen.imaging.nifti.reading import read_nifti

__all__ = ["read_nifti"]
