"""The leakage benchmark: faults injected into a clean data set, and which check catches each: run.py."""
