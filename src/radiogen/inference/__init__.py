"""Trained networks predict: out-of-fold, holdout, test cases, one patient; and what they looked at.

Read first: `prediction.py`.
"""
