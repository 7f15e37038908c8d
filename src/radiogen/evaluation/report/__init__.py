"""Everything that is said of runs, computed once as an `Assessment`, and its renderings: text, page, JSON.

Read first: `assessment.py`; `assess` computes one, `evaluate_runs` (report.py) writes all files.
"""
