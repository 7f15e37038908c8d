"""The whole job on the competition's data: download, inspect, train, ensemble, evaluate, a kernel ready to push."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.kaggle.rsna import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
