"""What a run keeps of other hospitals' cohorts.

Read first: `cohorts.py`.
"""
