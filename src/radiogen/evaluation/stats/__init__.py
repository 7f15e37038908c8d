"""Numbers of predictions and how certain they are.

Read first: `metrics.py` and `intervals.py`.
"""
