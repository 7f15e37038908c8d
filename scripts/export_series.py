"""Export series for viewers: the cube as one DICOM file, the series as NIfTI, its slices as PNG."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.export_series import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
