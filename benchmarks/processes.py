"""A process of its own for a function of a benchmark or a contestant: imports and earlier work do not count."""

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from radiogen.core.errors import UserError

Contestant = TypeVar("Contestant")

ROOT = Path(__file__).resolve().parents[1]
"""Of the repository."""
_CALL = ("import importlib, sys; sys.path.insert(0, sys.argv[1]); "
         "getattr(importlib.import_module(sys.argv[2]), sys.argv[3])(*sys.argv[4:])")


def python_call(module: str, function: str, *arguments: object) -> list[str]:
    """The command line of a Python process that calls `function` of `module` with these arguments, as text."""
    return [sys.executable, "-c", _CALL, str(ROOT), module, function, *map(str, arguments)]


@dataclasses.dataclass
class WaitingProcess:
    """A contestant that waits for work; facts: what it said of itself when it was ready; peak: bytes, where it says."""

    process: subprocess.Popen
    facts: dict[str, Any]
    peak: int = 0

    def run(self, steps: int) -> Any:
        """What it says of so many steps, measured within the process."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextlib.contextmanager
def started(script: Path, contestant: Any, python: str) -> Iterator[WaitingProcess]:
    """The process of `python` that runs `script` for a contestant, a dataclass with a name; it ends with the context.

    Raises UserError, with its last words, where it does not start.
    """
    process = subprocess.Popen([python, str(script), json.dumps(dataclasses.asdict(contestant))], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = process.stdout.readline()
        if not line:
            lines = process.stderr.read().strip().splitlines()
            raise UserError(contestant.name, f"did not start: {lines[-1] if lines else process.wait()}", "repair that")
        yield WaitingProcess(process, json.loads(line))
    finally:
        process.kill()
        process.communicate()


def in_random_order(running: Mapping[Contestant, WaitingProcess], rounds: int
                    ) -> Iterator[tuple[Contestant, WaitingProcess]]:
    """Every contestant once a round, in a new random order each."""
    random = np.random.default_rng(0)
    for _ in range(rounds):
        for number in random.permutation(len(running)):
            yield list(running.items())[number]


def quartiles(values: Any) -> str:
    """The first and the third of some numbers, as text."""
    low, high = np.percentile(values, [25, 75])
    return f"{low:.3g}-{high:.3g}"
