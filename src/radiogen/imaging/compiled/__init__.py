"""Loops over voxels, compiled by numba: area averages, extremes, rescaling. A room that one can skip.

Read first: `kernels.py`.
"""
