"""Push trained runs to Kaggle as a notebook for the code competition, after a rehearsal on this machine."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.kaggle.push_kernel import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
