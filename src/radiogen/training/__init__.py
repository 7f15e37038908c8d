"""From arrays to fold weights: a run is started, its folds are trained, with a checkpoint after every epoch.

Read first: `fit.py` (one fold) and `workflow.py` (the steps as commands call them).
"""
