"""Pretrain a recipe's encoder on images without labels; a training begins with it by --weights pretrained:NAME."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.entry import run_script
from radiogen.cli.runs.pretrain import main

if __name__ == "__main__":
    run_script(main)
