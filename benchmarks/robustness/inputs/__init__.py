"""Damaged input: DICOM series, tables, weights, checkpoints, caches and runs."""
