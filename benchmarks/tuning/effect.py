"""Whether a tuned procedure is at least as good as the recipe it begins with, on phantoms of effect 2: a table.

In: nothing but settings. Out: phantoms, arrays and runs under --folder, a Markdown table. The recipe crops to the true
tumours, so that a training takes seconds; the procedure is `tune.py`'s, nested. Both score the same cases in the same
folds. AUCs compare cases of one fold, as the report's verdict and `tuning.json` do: each fold of the procedure has a
recipe of its own, whose scores are on a scale of their own. The gain over all pairs stands beside it. What is trained
is kept; the record of `parts.py` has nothing of it.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from benchmarks.pretraining.gain import Pair
    from radiogen.runs.tuned.tuning import Tuning


class Compared(NamedTuple):
    """pair: the same cases scored by the recipe itself, and by the tuned procedure (`given`); folds: (cases,), of both;
    tuning: its searches."""

    pair: "Pair"
    folds: np.ndarray
    tuning: "Tuning"


def main(folder: Path = Path("input/pretraining"), cases: int = 100, seeds: tuple[int, ...] = (42,), trials: int = 10,
         workers: int | None = None, output: Path | None = None) -> None:
    """Train and search what is missing, and print the table. A core takes half an hour a phantom of 100 patients.

    Args:
        folder: Where phantoms, arrays and runs are kept; `parts.py` shares it.
        cases: Patients of a phantom.
        seeds: Of the phantoms.
        trials: Of each search, of which there are six a phantom.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
        output: Markdown file to write the table to as well.
    """
    from radiogen.core import files

    found = {}
    for seed in seeds:
        found[seed] = compared(folder, cases, seed, trials, workers)
        print("\n".join(table_lines({seed: found[seed]}, cases)[2:]), flush=True)
    text = "\n".join(table_lines(found, cases))
    print(f"\n{text}")
    if output:
        files.write_text(output, text + "\n")


def compared(folder: Path, cases: int, seed: int, trials: int, workers: int | None) -> Compared:
    """The recipe and the procedure on a phantom, trained where they are missing."""
    from benchmarks.accuracy.studies import phantom_column, phantom_name, run_name
    from benchmarks.accuracy.study_trials import small
    from benchmarks.pretraining.gain import Pair, costs_of, trained
    from benchmarks.pretraining.parts import shown_trial
    from benchmarks.tuning.crops import search, space
    from radiogen.runs.predictions import out_of_fold, read_predictions, scored
    from radiogen.task import ID
    from radiogen.tuning import procedure
    from radiogen.tuning.nested import outer_folds

    trial = shown_trial(seed, cases, "default", small("demo-3d-tumour"))
    trained(folder, trial, workers)
    searches, models = procedure.Searches(trials), folder / "models"
    tuned = models / f"{run_name(trial)}-tuned-{trials}"
    run = procedure.begin_tuning(folder / phantom_name(trial), trial.recipe, tuned, folder / "cache", space(), searches,
                                 workers=workers)
    tuning = procedure.finish(run, [search(run, outer, searches, folder, workers) for outer in outer_folds(run.folds)],
                              searches)
    one, other = (out_of_fold(read_predictions(models / name / "predictions.csv")).sort_values(ID, ignore_index=True)
                  for name in (run_name(trial), tuned.name))
    assert one[ID].equals(other[ID]) and one["fold"].astype(str).equals(other["fold"].astype(str))
    labels, default = scored(one)
    hidden = phantom_column(trial, "latent").loc[one[ID]].to_numpy(float)
    hours = tuple(costs_of(folder, [name]) for name in (run_name(trial), tuned.name))
    pair = Pair(np.asarray(labels, bool), hidden, default, scored(other)[1], hours)
    return Compared(pair, one["fold"].to_numpy(str), tuning)


def table_lines(found: dict[int, Compared], cases: int) -> list[str]:
    """The Markdown table: a row a phantom, and one of all of them where they are several."""
    lines = ["| patients, phantom | the recipe itself | tuned procedure, nested | gain (95 % interval) | gain over all "
             "pairs (95 % interval) | rank correlation, itself; tuned | processor hours, itself; tuned | optimism of "
             "the inner folds |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    lines += [_row(f"{cases}, seed {seed}", [one]) for seed, one in found.items()]
    if len(found) > 1:
        lines.append(_row(f"{cases}, {len(found)} seeds", list(found.values())))
    return lines


def _row(name: str, found: list[Compared]) -> str:
    from benchmarks.pretraining.gain import gain_cells, ranks_and_hours

    pairs, optimism = [one.pair for one in found], np.mean([one.tuning.optimism for one in found])
    inside, everywhere = gain_cells(pairs, [one.folds for one in found]), gain_cells(pairs)
    return f"| {name} | {' | '.join(inside)} | {everywhere[2]} | {ranks_and_hours(pairs)} | {optimism:+.3f} |"


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
