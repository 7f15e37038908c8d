"""Train recipes in Kaggle's own sessions, one after another, and bring the runs back."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.kaggle.train_on_kaggle import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
