"""Write a run's submission, check it against the data set's sample, and send it to Kaggle with --send."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.kaggle.submit import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
