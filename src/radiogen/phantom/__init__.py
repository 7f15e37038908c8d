"""A synthetic data set in the layout of the real one, whose answer is known.

Read first: `data_set.py`.
"""
