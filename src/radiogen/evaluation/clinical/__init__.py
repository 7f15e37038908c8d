"""What predictions would mean for patients: recalibrated probabilities, error rates at a threshold, net benefit,
conformal sets of classes.

Read first: `recalibration.py`; `judge.py` puts all of it together for a run.
"""
