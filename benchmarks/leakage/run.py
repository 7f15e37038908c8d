"""The leakage benchmark: faults injected into copies of a clean run, and whether the judge catches them.

In: nothing but settings; two phantoms are made once under --folder and kept, and so are results, a file a draw. Out: a
Markdown table with a row a fault, the false alarms of clean runs, and why a fault cannot be caught. Exit code 1 where
a fault is missed that has a check of its own and the verdict is green, or more than 5 % of clean runs raise an alarm.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from benchmarks.leakage.faults.judge import Result

SEED = 11


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


@cache
def make_sources(folder: Path, cases: int, workers: int | None):
    """The phantom whose tumours show the label, and the one whose scanner does."""
    from dataclasses import replace

    from benchmarks.leakage.faults.source import SIGNAL, make_source
    from radiogen.phantom.data_set import PhantomSettings

    settings = PhantomSettings(cases=cases, test_cases=0, effect=SIGNAL, scale=0.12, seed=SEED)
    vendor = replace(settings, effect=0.0, vendor_confound=True, seed=SEED + 1)
    return make_source(folder, settings, "leakage", workers), make_source(
        folder, vendor, "leakage-vendor", workers)


def draw_results(folder: Path, cases: int, names: list[str], draws: int, number: int) -> "list[Result]":
    """The results of a draw, those that were kept before and those that are missing; no faults from `draws` on."""
    from benchmarks.leakage.faults.catalogue import CLEAN, FAULTS
    from benchmarks.leakage.faults.judge import Result, judge_draw
    from radiogen.core import files

    path = folder / f"leakage-results-{cases}" / f"draw-{number:03d}.json"
    kept = {one["fault"]: Result(**{**one, "unchecked": tuple(one["unchecked"])})
            for one in (files.read_json(path) if path.is_file() else ())}
    wanted = [*(one.name for one in CLEAN), *(names if number < draws else ())]
    missing = [one for one in (*CLEAN, *FAULTS) if one.name in wanted and one.name not in kept]
    path.parent.mkdir(exist_ok=True)
    for new in judge_draw(*make_sources(folder, cases, 1), number, missing) if missing else ():
        kept[new.fault] = new
        files.write_json(path, [asdict(one) for one in kept.values()])
    return [kept[name] for name in wanted]


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
