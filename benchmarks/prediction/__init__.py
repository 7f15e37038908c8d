"""Engines that predict, timed beside another library; `engines.py` prints the table."""
