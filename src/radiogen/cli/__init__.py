"""The command line: one module a command, each a function `main` whose signature and docstring are its options.

`python scripts/train.py` and, where the package is installed, `radiogen train` run the same function. Read first:
`entry.py`.
"""
