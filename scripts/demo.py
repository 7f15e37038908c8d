"""The whole main job on a phantom with a known answer: the same scripts that a user runs on the real data, in order.

Started again after it was cut off, each step keeps what is finished and goes on from there.
"""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.runs.demo import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
