"""What a series or a data set is like before it is used: evidence, quality table, proof of geometry, sequences.

Read first: `quality.py`.
"""
