"""First import of a benchmark that is run as a file: `import benchmarks` works, and radiogen is found.

Where radiogen is not installed, the same command continues in the clone's `.venv` (scripts/environment.py). The folder
of the script is searched last, or its tables.py and the like would hide other packages.
"""

import runpy
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
if sys.path[0] != ROOT:
    sys.path.append(sys.path[0])
    sys.path[0] = ROOT
runpy.run_path(f"{ROOT}/scripts/environment.py")
