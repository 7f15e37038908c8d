"""Judge a table of features: patient-wise nested folds, a few learners, label permutations, verdict and page."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.judge_features import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
