"""How judging a run grows with its cases: 585, 5,850 and 58,500 of them, as tables alone, without an image.

In: nothing but sizes. Out: a Markdown table: the processor's seconds of evaluate, page, ledger, folds and index, each
with its exponent, the slope of the logarithms (1 is linear), the peak memory, the page's size, and of the pairs that
comparing each thumbnail with each would register the share that is registered. The tables are simulated
(inputs/run_tables.py). Each figure is taken in a process of its own that has done the same with the fewest cases
before, so that imports are in none. `scaling.py` does the same for the steps that read images. Exit code 1 where
something grows faster than its limit.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tyro

from benchmarks.processes import python_call
from benchmarks.robustness.inputs.run_tables import cache_folder, models_folder, write_run
from benchmarks.robustness.scaling import exponent, processor_seconds
from radiogen.runs import layout

SIZES = (585, 5_850, 58_500)
LINEAR = 1.1
"""The largest exponent of time that passes: 1, and what caches and other processes add."""
MOST_MEMORY, MOST_PAGE = 3 * 2**30, 10_000_000
"""Bytes: of a step's process, of the page."""
LEAST_LISTED = 0.9
"""Of the pairs that comparing each with each would register."""
LOOKS = 20

Found = Mapping[str, float]


def main(sizes: tuple[int, ...] = SIZES, steps: tuple[str, ...] = (), output: Path | None = None,
         folder: Path | None = None) -> None:
    """Print the table.

    Args:
        sizes: How many cases, the fewest first; those are done before each measurement, too.
        steps: Which rows: evaluate, page, ledger, folds, index, listed; all without it.
        output: File to write the table to as well.
        folder: Where the simulated runs are kept, to be used again; a temporary folder without it.
    """
    rows = ["| step | " + " | ".join(f"{cases:,} cases" for cases in sizes) + " | exponent |",
            "| --- |" + " --- |" * (len(sizes) + 1)]
    print("\n".join(rows), flush=True)
    good = True
    with tempfile.TemporaryDirectory(prefix="scale-") as temporary:
        root = folder or Path(temporary)
        for cases in sizes:
            if not (models_folder(root, cases) / "run" / layout.RUN).is_file():  # written last
                write_run(root, cases)
        for step in steps or tuple(STEPS):
            some = sizes[:2] if step == "listed" else sizes  # more cannot all be compared with each other
            lines, passed = table_rows(step, sizes, [_probe(root, step, sizes[0], cases) for cases in some])
            print("\n".join(lines), flush=True)
            rows, good = rows + lines, good and passed
    if output:
        output.write_text("\n".join(rows) + "\n", encoding="utf-8")
    if not good:
        sys.exit("something grows faster than its limit")


def table_rows(step: str, sizes: Sequence[int], found: Sequence[Found]) -> tuple[list[str], bool]:
    """The rows of a step, of what was found for each size, and whether all of it is within its limits."""
    if step == "listed":
        shares = [one["listed"] for one in found]
        cells = [f"{share:.1%}" for share in shares] + ["" for _ in sizes[len(found):]]
        return [_row("likely pairs of thumbnails that are listed", cells)], min(shares) >= LEAST_LISTED
    seconds, memory = ([one[name] for one in found] for name in ("seconds", "memory"))
    slope = exponent(sizes, seconds) if len(sizes) > 1 else 0.0
    rows = [_row(f"{STEPS[step][0]}, s", [f"{one:.2f}" for one in seconds], f"{slope:.2f}"),
            _row(f"{step}: peak memory, MB", [f"{one / 1e6:.0f}" for one in memory])]
    good = slope <= LINEAR and max(memory) <= MOST_MEMORY
    if step == "page":
        bytes_ = [one["bytes"] for one in found]
        rows.append(_row("size of the page, MB", [f"{one / 1e6:.2f}" for one in bytes_]))
        good = good and max(bytes_) <= MOST_PAGE
    return rows, good


def probe(root: str, step: str, first: str, cases: str) -> None:
    """In a process of its own: the step with the fewest cases, then with `cases`; prints a line of JSON."""
    do = STEPS[step][1]
    do(Path(root), int(first))
    found = do(Path(root), int(cases))
    print(json.dumps({**found, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def _evaluate(root: Path, cases: int) -> Found:
    """All that is said of a run, and its tables and pictures."""
    from radiogen.evaluation.report.assess import assess
    from radiogen.evaluation.report.report import write_run as write_assessed
    from radiogen.runs.predicted_run import open_predictions

    began = processor_seconds()
    write_assessed(assess([open_predictions(models_folder(root, cases), "run")]).last)
    return {"seconds": processor_seconds() - began}


def _page(root: Path, cases: int) -> Found:
    """The page of what is said; moved copies are not looked for, which takes the most of `evaluate` and of it a row."""
    from radiogen.evaluation.audit import near_pixels
    from radiogen.evaluation.report.assess import assess
    from radiogen.evaluation.report.page import render_page
    from radiogen.evaluation.report.page_paths import without_folders
    from radiogen.runs.predicted_run import open_predictions

    models = models_folder(root, cases)
    with patch.object(near_pixels, "_candidates", lambda one, other: {}):
        assessment = assess([open_predictions(models, "run")])
    began = processor_seconds()
    page = without_folders(render_page(assessment), models, [assessment.last.provenance])
    return {"seconds": processor_seconds() - began, "bytes": len(page.encode())}


def _ledger(root: Path, cases: int) -> Found:
    """`LOOKS` looks by different predictions of all cases, then all of them judged."""
    from dataclasses import replace

    from radiogen.evaluation.audit.looks import judge_looks, record_looks
    from radiogen.runs.predicted_run import open_predictions

    run = open_predictions(models_folder(root, cases), "run")
    (run.folder.parent / layout.LEDGER).unlink(missing_ok=True)
    (run.folder / layout.OWN_LOOKS).unlink(missing_ok=True)
    began = processor_seconds()
    for look in range(LOOKS):
        record_looks(replace(run, predictions=run.predictions.assign(
            probability=(run.predictions["probability"] + look / 100).clip(upper=1))))
    judge_looks(run)
    return {"seconds": processor_seconds() - began}


def _folds(root: Path, cases: int) -> Found:
    """Folds made by case, by patient, who has two cases each, and by site; and read."""
    from radiogen.runs.folds import Groups, make_folds, read_folds
    from radiogen.task import ID

    path = models_folder(root, cases) / "run" / layout.FOLDS
    labels = read_folds(path).drop(columns="fold")
    patients = {case: labels[ID][number // 2 * 2] for number, case in enumerate(labels[ID])}
    sites = {case: f"site {number % 12}" for number, case in enumerate(labels[ID])}
    began = processor_seconds()
    for groups in (None, Groups(patients=patients), Groups(sites=sites)):
        make_folds(labels, groups=groups)
    read_folds(path)
    return {"seconds": processor_seconds() - began}


def _index(root: Path, cases: int) -> Found:
    """The index read, and what a network is fed with listed from it."""
    from radiogen.arrays.stored_arrays import read_index
    from radiogen.task import ID
    from radiogen.training.input.batches import list_inputs
    from radiogen.training.recipe.recipes import RECIPES

    began = processor_seconds()
    index = read_index(cache_folder(root, cases))
    list_inputs(RECIPES["demo-3d"].data, index, list(index[ID]))
    return {"seconds": processor_seconds() - began}


def _listed(root: Path, cases: int) -> Found:
    """Of the pairs that would be registered if each thumbnail were compared with each, which share is."""
    from radiogen.evaluation.audit import near_pixels
    from radiogen.runs.tables import read_arrays

    arrays = read_arrays(models_folder(root, cases) / "run")
    thumbnails, found = near_pixels._Thumbnails(arrays["perceptual_hash"].tolist()), []
    for limit in (float("inf"), 0):
        near_pixels.ALL_PAIRS = limit
        chosen = near_pixels._candidates(thumbnails, thumbnails)
        found.append({(one, other) for one, partners in chosen.items() for other, *_ in partners})
    return {"listed": len(found[0] & found[1]) / max(len(found[0]), 1)}


STEPS: dict[str, tuple[str, Callable[[Path, int], Found]]] = {
    "evaluate": ("evaluate", _evaluate), "page": ("page", _page),
    "ledger": (f"ledger: {LOOKS} looks and judging them", _ledger), "folds": ("folds", _folds),
    "index": ("index of the arrays", _index), "listed": ("likely pairs", _listed)}
"""What is measured, by the name of the step."""


def _row(title: str, cells: Sequence[str], slope: str = "") -> str:
    return f"| {title} | {' | '.join(cells)} | {slope} |"


def _probe(root: Path, step: str, first: int, cases: int) -> Any:
    name = __name__ if __package__ else "benchmarks.robustness.scale"
    done = subprocess.run(python_call(name, "probe", root, step, first, cases), text=True, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    tyro.cli(main)
