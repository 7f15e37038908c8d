"""Look at series in three planes, side by side: one HTML file that any browser opens, with what is odd in them."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.view import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
