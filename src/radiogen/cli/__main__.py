"""`python -m radiogen.cli COMMAND`: the same as `radiogen COMMAND`."""

from radiogen.cli.entry import run_installed

run_installed()
