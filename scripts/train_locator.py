"""Train networks that find the tumour, on a data set's masks; then judge them on cases that they did not see."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.train_locator import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
