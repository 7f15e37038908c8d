"""Masks of the tumour: whether those of another space are brought to their place."""
