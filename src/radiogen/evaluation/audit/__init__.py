"""How a run could be wrong: leakage, confounds, models without images.

Read first: `leakage.py`, and `findings.py` for what it can find.
"""
