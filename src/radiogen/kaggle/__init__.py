"""A competition at Kaggle: download, submission, in `kernels/` the notebook that predicts there, in
`notebooks/` those that a reader follows.

Read first: `download.py` and `submission.py`.
"""
