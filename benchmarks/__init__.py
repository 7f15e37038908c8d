"""Benchmarks: each script prints one table that README.md or docs/ quotes. Run them from a clone, as files.

speed: reading, training and prediction beside their peers. accuracy: what recipes reach on data whose best is known.
robustness: fault injection. leakage: injected faults, and which check catches each. synthetic: what tests and
benchmarks make up for themselves. Nothing here imports tests.
"""
