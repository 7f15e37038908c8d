"""Tuning a recipe without fooling oneself: a search in each fold, on inner folds of its training cases.

Read first: `nested.py`, which knows no network; `recipe_learner.py` brings the trainings, `procedure.py` the run.
"""
