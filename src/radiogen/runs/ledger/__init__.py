"""The ledger of a models folder: every look at scored cases, shared by all runs, hash-chained.

Read first: `looks.py`.
"""
