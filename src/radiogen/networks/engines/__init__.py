"""Engines that compute what a trained network predicts: OpenVINO, TensorFlow's frozen graph, Keras.

Read first: `protocol.py`; `choice.py` says when which one is taken.
"""
