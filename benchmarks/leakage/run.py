"""The leakage benchmark: faults injected into copies of a clean run, and whether the judge catches them.

In: nothing but settings; two phantoms are made once under --folder and kept, and so are results, a file a draw. Out: a
Markdown table with a row a fault, the false alarms of clean runs, and why a fault cannot be caught. Exit code 1 where
a fault is missed that has a check of its own and the verdict is green, or more than 5 % of clean runs raise an alarm.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from functools import partial
from pathlib import Path

import tyro

from radiogen.core.errors import run_command


def main(folder: Path = Path("input/controls"), cases: int = 160, draws: int = 20, clean: int = 60,
         only: tuple[str, ...] = (), output: Path | None = None, workers: int | None = None) -> None:
    """Inject faults into copies of clean runs and print which check catches each; an hour of a core.

    Args:
        folder: Where the phantoms, their cubes and the results of each draw are kept.
        cases: Training cases of the phantoms.
        draws: Clean runs that each fault is injected into.
        clean: Clean runs that are judged as they are, of each kind.
        only: Faults whose name holds one of these texts (default: all).
        output: Markdown file to write the table to as well.
        workers: Processes (default: as many as cores may be used).
    """
    from benchmarks.leakage.fault_table import clean_text, details_text, failures, results_text
    from benchmarks.leakage.faults.catalogue import FAULTS
    from benchmarks.leakage.faults.judge import draw_results, make_sources
    from radiogen.core import files
    from radiogen.core.parallel import map_items

    faults = [one for one in FAULTS if not only or any(text in one.name for text in only)]
    names = [one.name for one in faults]
    folder.mkdir(parents=True, exist_ok=True)
    make_sources(folder, cases, workers)
    found = map_items(partial(draw_results, folder, cases, names, draws), range(max(draws, clean)), "draws",
                      workers=workers, unit="draw")
    results = [one for of_draw in found for one in of_draw]
    text = f"{results_text(results, faults)}\n\n{details_text(results, faults)}\n\n{clean_text(results)}"
    print(f"\n{text}")
    if output:
        files.write_text(output, text + "\n")
    missed = failures(results, faults)
    if missed:
        print("\n".join(missed), file=sys.stderr)
        sys.exit(1)
    print("next: python scripts/evaluate.py RUN")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
