"""A network that finds the tumour: how it is trained on masks, and masks that it predicts for any data set.

Read first: `predicted_masks.py`, from a data set to the folder of its predicted masks. `segmentation.py` has what
training needs beyond that of other networks.
"""
