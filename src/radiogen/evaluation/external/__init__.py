"""The judgement of a run on another hospital's cases: whether the cohorts overlap, how good it is there, what differs.

Read first: `assessment.py`, what is said; `judge.py` computes it.
"""
