"""Cached arrays become batches: which cases, how often, and how they are varied.

Read first: `batches.py`.
"""
