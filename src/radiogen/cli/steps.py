"""Commands that consist of other commands: each runs as a user would run it, in a process of its own."""

import subprocess
import sys

from radiogen.core.wording import command


def run_step(name: str, *words: object) -> None:
    """Print a command and run it; where it fails this process ends with its exit code."""
    print(f"\n$ {command(name, *words)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "radiogen.cli", name.replace("_", "-"), *map(str, words)]).returncode
    if code:
        sys.exit(code)
