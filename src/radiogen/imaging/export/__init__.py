"""A series for other programs and for eyes: NIfTI, PNG slices, one multi-frame DICOM file, without names.

Read first: `series_export.py`.
"""
