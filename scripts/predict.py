"""Predict every case of a run's data set, or the one patient whose series lie in a folder."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.predict import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
