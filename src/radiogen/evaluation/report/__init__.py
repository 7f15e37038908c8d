"""Everything that is said of a run, as text and as one page.

Read first: `report.py`.
"""
