"""Show what can be predicted without any image: methylation by plane, and models from planes, sizes and case ids."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.confounds import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
