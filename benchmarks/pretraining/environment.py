"""First import of a script in this folder that is run as a file: see benchmarks/environment.py."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

import benchmarks.environment  # noqa: F401
