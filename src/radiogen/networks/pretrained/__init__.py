"""Files of weights that others trained, read as plain arrays and fitted to our networks; neither Keras nor PyTorch.

Read first: `first_layers.py`, which takes a file to arrays by layer; `stored_tensors.py` says what a file declares.
"""
