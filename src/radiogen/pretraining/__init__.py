"""A recipe's encoder learns from images without labels, so that a training with few labels can begin with it.

Read first: `workflow.py`.
"""
