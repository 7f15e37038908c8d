"""From arrays to fold weights: a run is begun, its folds are fitted, every epoch is kept.

Read first: `fit.py` (one fold) and `workflow.py` (the steps as commands call them).
"""
