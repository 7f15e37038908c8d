"""Download the competition's data from Kaggle, all of it or a few cases, and count the files."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.download import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
