"""Pictures of runs and of the data set, as PNG and SVG.

Read first: `run_figures.py`.
"""
