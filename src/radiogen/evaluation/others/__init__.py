"""Predictions and features that another program made: read generously, judged as this package's own runs are.

Read first: `predictions.py` (a table of predictions), `judge.py` (its judgement), `nested.py` (a table of features).
"""
