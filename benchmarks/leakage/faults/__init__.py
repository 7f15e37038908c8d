"""Faults that the leakage benchmark injects into copies of a clean run, one fault a copy, and what the judge says.

Read first: `fault.py` (what a fault is), then `catalogue.py` (all of them), then `judge.py`.
"""
