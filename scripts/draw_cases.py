"""Draw cases of a data set: one axial plane in every sequence, a row per case, into a PNG."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.draw_cases import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
