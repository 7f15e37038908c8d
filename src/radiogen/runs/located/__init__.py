"""What a run keeps of the masks that a locator predicted for it.

Read first: `crop_masks.py`.
"""
