"""The contract between training and judging: the tables and records of a run, with their readers and writers.

Training and prediction write through this room, evaluation and submissions read through it. Read first:
`layout.py`, then `predictions.py`.
"""
