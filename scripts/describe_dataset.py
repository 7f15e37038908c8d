"""Describe a folder of images as a data set: recognise its layout, labels and patients, and write a draft."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.describe_dataset import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
