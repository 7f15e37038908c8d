"""List all runs and what is wrong with them; compare two, follow a training, remove one, log them to MLflow."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.runs import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
