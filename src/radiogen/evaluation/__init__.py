"""Tables in, tables, pictures and pages out: what a run's predictions are worth. Never Keras, never a volume.

Read first: `stats/metrics.py` and `report/report.py`.
"""
