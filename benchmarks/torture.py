"""Everything that a night on a shared machine may do to this package, done to it on purpose. Prints a table.

In: nothing but a seed; each part makes its own small data under a temporary folder. Out: a Markdown table, a row a
part, what was seen in lines beneath, and exit code 1 where anything failed. `--parts kills --seed 2` runs one part with
other moments.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))

import environment  # noqa: F401, E402, I001  (goes on in the clone's .venv where radiogen is not installed)

import importlib  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from typing import Literal  # noqa: E402

import tyro  # noqa: E402

from radiogen.core.errors import UserError, run_command  # noqa: E402

Part = Literal["kills", "surroundings", "pairs", "big", "long", "dicom", "tables", "models"]
PARTS: tuple[Part, ...] = ("kills", "surroundings", "pairs", "big", "long", "dicom", "tables", "models")


def main(parts: tuple[Part, ...] = PARTS, seed: int = 1, many: float = 1.0, folder: Path | None = None,
         output: Path | None = None) -> None:
    """Everything that a night on a shared machine may do to this package, done to it on purpose; an hour or less.

    Args:
        parts: Which parts.
        seed: Of everything that is drawn: moments, signals, damage.
        many: Share of the trials that is made; 0.1 is a short form.
        folder: Where the parts make their data (default: a temporary folder, deleted at the end).
        output: Markdown file to write the table to as well.
    """
    from torture_outcome import Outcome, notes_text, outcomes_text

    from radiogen.core import files

    if not 0 < many <= 10:
        raise UserError(f"--many {many:g}", "is no share of the trials", "give 1 for all of them, or 0.1")
    outcomes: list[Outcome] = []
    for part in parts:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix=f"torture-{part}-", dir=folder) as place:
            made = importlib.import_module(f"torture_{part}").run(seed, many, Path(place))
        failed = sum(one.passed is False for one in made)
        print(f"{part}: {len(made)} trials, {failed} failed, {(time.perf_counter() - began) / 60:.1f} minutes",
              flush=True)
        outcomes += made
    text = outcomes_text(outcomes)
    print(f"\n{text}\n\n{notes_text(outcomes)}")
    if output:
        files.write_text(output, f"{text}\n\n{notes_text(outcomes)}\n")
    if any(one.passed is False for one in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
