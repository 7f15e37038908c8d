"""One DICOM file, and the slices of one series: checked headers, pixels, stacks, and where a stack lies.

Read first: `headers.py` (what one file states) and `stacks.py` (which slices belong to one volume).
"""
