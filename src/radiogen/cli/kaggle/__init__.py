"""Commands for Kaggle: submit a CSV, push a notebook, the whole job."""
