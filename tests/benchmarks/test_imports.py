"""Benchmarks import much within functions; all of it is there."""

import ast
import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
OURS = ("radiogen", "benchmarks")


@pytest.mark.parametrize("path", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: str(path.relative_to(BENCHMARKS)))
def test_every_name_that_a_benchmark_imports_from_here_is_there(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in OURS:
            try:
                module = importlib.import_module(node.module)
            except ModuleNotFoundError as error:  # of a machine with other packages: PyTorch on that with a GPU
                assert error.name.split(".")[0] not in OURS
                pytest.skip(f"{error.name} is not here")
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in OURS:
                    importlib.import_module(alias.name)
