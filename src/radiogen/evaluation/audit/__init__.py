"""How a run could be wrong: leakage, confounds, models without images, the CLAIM checklist.

Read first: `leakage.py`.
"""
