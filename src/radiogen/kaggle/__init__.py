"""The competition at Kaggle: download, submission, and, in `kernels/`, the notebook that predicts there.

Read first: `download.py` and `submission.py`.
"""
