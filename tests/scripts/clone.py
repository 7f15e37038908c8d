"""Commands as a user calls them, in a folder that stands for a clone's root."""

import os
import subprocess
import sys
from pathlib import Path

from ..warm_commands import run_python

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def command(script: str, *words: object) -> list[str]:
    """The command line of one of the scripts."""
    return [sys.executable, str(ROOT / "scripts" / f"{script}.py"), *map(str, words)]


def call(folder: Path, script: str, *words: object) -> subprocess.CompletedProcess:
    """Run a script in `folder` to its end; its text is kept."""
    return run_python(*command(script, *words)[1:], cwd=folder, env=ENVIRONMENT)
