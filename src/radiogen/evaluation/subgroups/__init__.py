"""A run among some of its cases: by site, sex and age, by folds that leave sites out, without uncertain labels.

Read first: `groups.py`.
"""
