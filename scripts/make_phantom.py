"""Make a data set with a known answer, in the competition's layout: heads whose tumours depend on the label."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.make_phantom import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
