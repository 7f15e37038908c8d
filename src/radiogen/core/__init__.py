"""Files, errors, locks, progress and parallel work: used by every other package, and knows nothing of medicine.

Read first: `files.py` (every file that lasts is written here) and `errors.py` (the one kind of error for a user's
mistake).
"""
