"""Make the arrays that recipes need from the DICOM series of a data set; each series is read once for all of them."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.preprocess import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
