"""Fault injection: what may happen to this package on a shared machine is done to it on purpose. Prints a table.

In: nothing but a seed; each part makes its own small data under a temporary folder. Out: a Markdown table with a row a
part, notes of what was seen beneath, and exit code 1 where anything failed. `--parts kills --seed 2` runs one part with
other random moments.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import importlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import tyro

from radiogen.core.errors import UserError, run_command

Part = Literal["kills", "surroundings", "pairs", "scaling", "long-runs", "series", "tables", "models"]
MODULES: dict[Part, str] = {"kills": "kills", "surroundings": "surroundings", "pairs": "pairs.trials",
                            "scaling": "scaling", "long-runs": "long_runs", "series": "inputs.series",
                            "tables": "inputs.tables", "models": "inputs.models"}
"""Where each part's `run(seed, fraction, folder)` is, below this folder; imported only when the part runs."""


def main(parts: tuple[Part, ...] = tuple(MODULES), seed: int = 1, fraction: float = 1.0, folder: Path | None = None,
         output: Path | None = None) -> None:
    """Inject faults into this package and check that it recovers; two hours or more for all parts.

    Args:
        parts: Which parts.
        seed: Of everything that is drawn at random: moments, signals, damage.
        fraction: Of the trials; 0.1 is a short form.
        folder: Where the parts make their data (default: a temporary folder, deleted at the end).
        output: Markdown file to write the table to as well.
    """
    from benchmarks.robustness.outcome import Outcome, notes_text, outcomes_text
    from radiogen.core import files

    if not 0 < fraction <= 10:
        raise UserError(f"--fraction {fraction:g}", "is no fraction of the trials", "give 1 for all of them, or 0.1")
    outcomes: list[Outcome] = []
    for part in parts:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix=f"robustness-{part}-", dir=folder) as room:
            found = importlib.import_module(f"benchmarks.robustness.{MODULES[part]}").run(seed, fraction, Path(room))
        failed = sum(one.passed is False for one in found)
        print(f"{part}: {len(found)} trials, {failed} failed, {(time.perf_counter() - began) / 60:.1f} minutes",
              flush=True)
        outcomes += found
    text = outcomes_text(outcomes)
    print(f"\n{text}\n\n{notes_text(outcomes)}")
    if output:
        files.write_text(output, f"{text}\n\n{notes_text(outcomes)}\n")
    if any(one.passed is False for one in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
