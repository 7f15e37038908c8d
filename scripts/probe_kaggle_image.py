"""List the packages of Kaggle's image in a session of its own."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.kaggle.probe_kaggle_image import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
