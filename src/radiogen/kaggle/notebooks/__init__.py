"""The clone's notebooks: built from readable sources, run by Jupyter as Kaggle runs them, published.

Read first: `sources.py`.
"""
