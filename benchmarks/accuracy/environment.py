"""First import of a script in this folder that is run as a file: see benchmarks/environment.py."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "environment.py"))
