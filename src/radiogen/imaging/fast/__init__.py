"""The compiled reader: headers walked and pixels read by compiled code, without a Python object an element.

A room that one can skip: `read_series(folder, fast=False)` returns the same volume by pydicom alone. What this room
does not read is `Unsupported`, for a reason that the volume names; pydicom then reads that file.

scan.py finds the elements of all headers, groups.py those of functional groups, values.py turns them into what pydicom
would give, headers.py into `SliceHeader`s. uniform.py takes the series whose files differ in their places alone.
"""
