"""One prepared command for a GPU: what this package reaches there, in at most eight minutes, most valuable part first.

In: nothing but the machine; PyTorch, JAX or both. Out: results as JSON lines at once, on standard output and in a file,
so that a run that is cut off still tells; `--table FILE` turns such a file into the Markdown table of the docs. Each
part is a process of its own with its own time limit. gpu_wheels.sh collects what a machine without a network lacks.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Literal

import tyro

from benchmarks.speed.gpu_parts.plan import FULL, GROUPS, TINY, installed_engines, make_stages
from benchmarks.speed.gpu_parts.results import Line, read_lines
from benchmarks.speed.gpu_parts.runner import run_stages
from benchmarks.speed.gpu_parts.table import table_text
from radiogen.core.errors import UserError, run_command


def main(budget: float = 480, sizes: Literal["full", "tiny"] = "full", only: tuple[str, ...] = GROUPS,
         engines: tuple[str, ...] = (), output: Path | None = None, table: Path | None = None) -> None:
    """Measure training and prediction on one GPU; prints JSON lines.

    Args:
        budget: Seconds for everything; what does not fit any more is named.
        sizes: full: for a GPU; tiny: everything once, on a CPU.
        only: card networks largest folds epochs input: which groups of parts.
        engines: jax, compiled (PyTorch, torch.compile), torch (Keras on PyTorch), tensorflow (default: the installed
            ones, TensorFlow only where it is alone).
        output: File that the lines are appended to (default: gpu.jsonl in the folder that OUT names, if it is set).
        table: Only print the Markdown tables of this file of results.
    """
    if table is not None:
        print(table_text(read_lines(table)))
        return
    chosen = engines or installed_engines()
    _check(only, chosen)
    if output is None and os.environ.get("OUT"):
        output = Path(os.environ["OUT"]) / "gpu.jsonl"

    def record(line: Line) -> None:
        text = json.dumps(line)
        print(text, flush=True)
        if output is not None:
            with output.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    with tempfile.TemporaryDirectory(prefix="radiogen-gpu-") as room:
        run_stages(make_stages(TINY if sizes == "tiny" else FULL, chosen, Path(room), only), budget, record)


def _check(only: tuple[str, ...], engines: tuple[str, ...]) -> None:
    for option, given, there in (("--only", only, GROUPS), ("--engines", engines,
                                                           ("jax", "compiled", "torch", "tensorflow"))):
        unknown = [name for name in given if name not in there]
        if unknown:
            raise UserError(f"{option} {unknown[0]}", "is not a choice", f"choose among {' '.join(there)}")
    if not set(engines) & {"jax", "torch", "tensorflow"}:
        raise UserError("--engines", f"no back end of Keras in {sys.executable}", "install jax or torch beside keras")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
