"""Validate a run on another hospital's data set: overlaps refused, judged inside against outside."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.validate import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
