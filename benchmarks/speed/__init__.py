"""Speed and memory of reading, training and prediction, beside peers: imaging.py, training.py and memory.py first."""
