"""Fault injection: kills, full disks, two commands at once, damaged input: run.py runs the parts and prints a table."""
