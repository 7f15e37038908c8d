"""Where folds are trained: processes, devices, machines, a Dask cluster.

Read first: `planning.py`.
"""
