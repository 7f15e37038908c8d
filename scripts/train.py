"""Train the fold networks of one or more runs; finished folds are kept, interrupted ones resume."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.train import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
