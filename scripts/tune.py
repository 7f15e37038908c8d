"""Tune a recipe without fooling oneself: a search in each fold, on the other folds; then one recipe to train."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.tune import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
