"""Training in Kaggle's own sessions, one after another, until all folds of a plan's runs are trained and brought back.

Read first: `chain.py`, which runs here, and `session.py`, which runs there.
"""
