"""How a run could be wrong: leakage, confounds, models without images, the CLAIM checklist.

Read first: `leakage.py`, and `findings.py` for what it can find.
"""
