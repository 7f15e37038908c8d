"""Where the package is: in the interpreter that was called, else in the clone's own `.venv`.

`python scripts/train.py` then works after `make demo` with whatever Python stands first on the path: where radiogen is
not installed, the same command goes on in `.venv`, and where there is none, one line says how to make it.
"""

import importlib.util
import os
import sys
from pathlib import Path

if importlib.util.find_spec("radiogen") is None:
    python = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "python"
    if python.is_file() and Path(sys.prefix).resolve() != python.parent.parent:
        os.execv(python, [str(python), *sys.argv])
    print("error: radiogen is not installed; run `make demo` once, or `pip install .`, in the clone", file=sys.stderr)
    sys.exit(2)
