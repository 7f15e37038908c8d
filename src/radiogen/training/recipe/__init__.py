"""A recipe is the whole experiment; its fields are the options of the command line.

Read first: `recipes.py`.
"""
