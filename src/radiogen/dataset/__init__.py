"""A data set on disk: where its cases lie, its tables with ids, its fingerprint, the geometry of its series.

Read first: `layout.py` and `labels.py`.
"""
