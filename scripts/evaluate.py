"""Evaluate runs: tables per fold, AUC with intervals, a verdict in words, pictures."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.evaluate import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
