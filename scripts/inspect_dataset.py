"""Inspect a data set before it is used: a table, a contact sheet, the geometry of a case."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.inspect_dataset import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
