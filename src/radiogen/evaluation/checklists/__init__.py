"""Checklists of reporting, filled in as far as a run knows.

Read first: checklist.py. A list is a table of items (CSV) whose column `topic` says which answer of answers.py, or of
metric_answers.py, belongs to it; an item without a topic, or whose topic this run knows nothing of, is for the author.
"""
