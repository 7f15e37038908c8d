"""What a run keeps of other hospitals' cohorts, and the record of all looks at them.

Read first: `cohorts.py`.
"""
