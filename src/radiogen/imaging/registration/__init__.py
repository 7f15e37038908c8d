"""Rigid registration of another program's image, and of the mask that lies on it, with a series of the same patient.

Read first: `rigid.py`.
"""
