"""Residual networks by rank, their weights, Grad-CAM, and the only adapter to Keras's back ends.

Read first: `residual.py`.
"""
