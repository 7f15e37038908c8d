"""Join runs into one, case by case: the mean of their probabilities, or weights fitted in the other folds."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.ensemble import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
