"""Numbers of predictions and how certain they are.

Read first: `metrics.py`, `intervals.py`, and `verdicts.py` for what they mean.
"""
