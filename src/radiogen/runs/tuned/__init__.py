"""What a tuned procedure keeps beside a run's own files.

Read first: `tuning.py`.
"""
