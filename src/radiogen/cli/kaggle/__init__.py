"""Commands about Kaggle: submit a table, push a notebook, the whole job."""
