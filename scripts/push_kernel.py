"""Bring trained runs to Kaggle as the notebook that its code competition asks for, rehearsed here beforehand."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.kaggle.push_kernel import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
