"""First import of a benchmark that is run as a file: `import benchmarks` works, and radiogen is found.

Where radiogen is not installed, the same command continues in the clone's `.venv` (scripts/environment.py). The folder
of the script is searched last, or its tables.py and the like would hide other packages.
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if sys.path[0] != str(ROOT):
    sys.path.append(sys.path[0])
    sys.path[0] = str(ROOT)
found = importlib.util.spec_from_file_location("scripts_environment", ROOT / "scripts" / "environment.py")
found.loader.exec_module(importlib.util.module_from_spec(found))
