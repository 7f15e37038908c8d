"""Cached arrays become batches: which cases, how often, and with which augmentation.

Read first: `batches.py`.
"""
