"""Published cohorts and common layouts, recognised by the names of their files, become data sets with a `dataset.json`.

Read first: `describe.py`; `published.json` is all that is known of a cohort.
"""
