"""All runs of a models folder at a glance: what each is, how far it came, what was said of it, and what is wrong.

Reads files alone, those of a training that goes on, too. Read first: `state.py`.
"""
