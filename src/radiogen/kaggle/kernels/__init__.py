"""A code competition's notebook: bundled, rehearsed here, pushed, run in Kaggle's own session.

Read first: `kernel.py` and `session.py`.
"""
