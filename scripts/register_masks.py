"""Bring masks that lie on another program's images, such as BraTS 2021's, onto the series of the same patients."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.cli.data.register_masks import main
from radiogen.cli.entry import run_script

if __name__ == "__main__":
    run_script(main)
