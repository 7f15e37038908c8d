"""A process of its own for a function of the benchmarks, so that imports and earlier work do not count."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""Of the repository."""
_CALL = ("import importlib, sys; sys.path.insert(0, sys.argv[1]); "
         "getattr(importlib.import_module(sys.argv[2]), sys.argv[3])(*sys.argv[4:])")


def python_call(module: str, function: str, *arguments: object) -> list[str]:
    """The command line of a Python process that calls `function` of `module` with these arguments, as text."""
    return [sys.executable, "-c", _CALL, str(ROOT), module, function, *map(str, arguments)]
