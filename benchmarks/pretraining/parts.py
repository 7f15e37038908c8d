"""What a locator, pretraining and tuning give on phantoms of effect 2, alone and together; a Markdown table.

In: the record, a row for each trial that was ever evaluated. Out: under --folder a locator, encoders, a search and
runs; new rows of the record; a table of AUCs against what is possible, and what they cost. The locator learns from 80
phantoms of its own, an encoder from 350 others without labels, the search has the phantom of seed 1: nothing is chosen
on the patients that are shown. What is trained or recorded is not trained again, so that the hours may be split;
`gain.py` and `locator.py` share the folder. docs/accuracy.md has the results.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from benchmarks.accuracy.study_record import Record
    from benchmarks.accuracy.study_trials import Trial
    from radiogen.pretraining.settings import PretrainingSettings
    from radiogen.training.recipe.recipe import Recipe

STUDY = "parts"
CHOOSING_SEED, CHOOSING_CASES = 1, 200
HEAD, TRUE = "whole head", "true masks"
LOCATOR, PRETRAINING, TUNING = "locator", "pretraining", "tuning"
PARTS: dict[str, tuple[str, ...]] = {
    HEAD: (), "whole head, pretraining": (PRETRAINING,), LOCATOR: (LOCATOR,),
    "locator, pretraining": (LOCATOR, PRETRAINING), "locator, tuning": (LOCATOR, TUNING),
    "locator, pretraining, tuning": (LOCATOR, PRETRAINING, TUNING), TRUE: ()}
"""By row, which parts it has. The last has masks that nobody has of a new patient."""
SEARCH = "locator-search"
"""The name of the search's run."""


def main(folder: Path = Path("input/pretraining"), cases: tuple[int, ...] = (100, 200), seeds: tuple[int, ...] = (42,),
         names: tuple[str, ...] = tuple(PARTS), trials: int = 20, tables_only: bool = False,
         record: Path = Path("docs/parts.csv"), output: Path | None = None, workers: int | None = None) -> None:
    """Train what is missing and print the table. Two cores take four hours, most of them for whole heads.

    Args:
        folder: Where phantoms, arrays and runs are kept.
        cases: Labelled patients.
        seeds: Of the phantoms that are shown.
        names: Only these rows.
        trials: Of the search on the phantom for choosing.
        tables_only: Train nothing.
        record: Table of all figures, a row a trial; one that is in it is taken from it, a new one is added.
        output: Markdown file to write the table to as well.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
    """
    from benchmarks.accuracy.study_record import Record
    from radiogen.core import files

    kept = Record(record)
    lines = ["| patients, phantom | parts | AUC (95 % interval) | of what is possible | of the hidden variable's own "
             "AUC | rank correlation | processor hours: its trainings; encoder and search before them |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    print("\n".join(lines), flush=True)
    for name in names:
        for seed in seeds:
            for count in cases:
                found = _recorded(kept, seed, count, name)
                if found is None and not tables_only:
                    found = evaluated(folder, seed, count, name, trials, workers)
                    kept.add(found)
                lines.append(_line(seed, count, name, found))
                print(lines[-1], flush=True)
    if output:
        files.write_text(output, "\n".join(lines) + "\n")


def evaluated(folder: Path, seed: int, cases: int, name: str, trials: int, workers: int | None
              ) -> dict[str, object]:
    """The figures of a row, for which what is missing is trained: those of `studies.judge`, and `hours`, of the
    processor for its trainings, and `hours_before`, for its encoder and the search."""
    from benchmarks.accuracy.studies import judge, run_name
    from benchmarks.pretraining.gain import UNLABELLED, costs_of, pretrained, trained

    recipe, before, encoder = chosen_recipe(folder, name, trials, workers), [], ""
    if TUNING in PARTS[name]:
        before.append(tuned_recipe(folder, trials).parent.name)
    if PRETRAINING in PARTS[name]:
        encoder = encoder_name(seed, recipe)
        before.append(pretrained(folder, seed, UNLABELLED, _settings(), recipe, workers, encoder))
    trial = shown_trial(seed, cases, name, recipe, encoder)
    trained(folder, trial, workers)
    row = judge(trial, folder)
    assert row is not None  # it was just trained
    return {**row, "hours": costs_of(folder, [run_name(trial)]), "hours_before": costs_of(folder, before)}


def chosen_recipe(folder: Path, name: str, trials: int, workers: int | None) -> "Recipe":
    """The recipe of a row, without initial weights; its locator is trained and its search done, where missing."""
    from benchmarks.accuracy.study_trials import best, small
    from benchmarks.masks.locator import RUN, phantoms, train_locator
    from radiogen.phantom.data_set import write_phantom
    from radiogen.training.recipe.stored import read_recipe

    if name == TRUE:
        return small("demo-3d-tumour")
    if LOCATOR not in PARTS[name]:
        return best()
    write_phantom(folder / "train", phantoms(80, 2, (11, 12, 13))["train"], workers)
    train_locator(folder, 1, workers)
    recipe, found = small("demo-3d-tumour", mask=f"locator:{RUN}"), tuned_recipe(folder, trials)
    if TUNING not in PARTS[name]:
        return recipe
    if not found.is_file():
        search(folder, recipe, trials, workers)
    return read_recipe(found)


def tuned_recipe(folder: Path, trials: int) -> Path:
    """Where what the search found is kept."""
    return folder / "models" / f"{SEARCH}-{trials}" / "tuned_recipe.json"


def search(folder: Path, recipe: "Recipe", trials: int, workers: int | None) -> None:
    """Search on the phantom for choosing, all of whose cases are its inner folds, and keep the recipe that it chose."""
    from benchmarks.accuracy.studies import phantom_name
    from benchmarks.tuning import crops
    from radiogen.core import files
    from radiogen.phantom.data_set import write_phantom
    from radiogen.training.recipe.recipe import as_dict
    from radiogen.tuning import procedure
    from radiogen.tuning.nested import ALL
    from radiogen.tuning.record import final_recipe

    place = shown_trial(CHOOSING_SEED, CHOOSING_CASES, SEARCH, recipe)
    data, searches, path = folder / phantom_name(place), procedure.Searches(trials), tuned_recipe(folder, trials)
    write_phantom(data, place.phantom, workers)
    run = procedure.begin_tuning(data, recipe, path.parent, folder / "cache", crops.space(), searches, workers=workers)
    found = crops.search(run, ALL, searches, folder, workers)
    files.write_json(path, as_dict(final_recipe(run, found)))


def shown_trial(seed: int, cases: int, name: str, recipe: "Recipe", encoder: str = "") -> "Trial":
    """A training of a row's recipe, which begins with the encoder of this name, or without."""
    from benchmarks.accuracy.study_trials import Trial, phantom
    from benchmarks.pretraining.gain import EFFECT

    weights = f"pretrained:{encoder}" if encoder else None
    return Trial(STUDY, _place(seed, cases), name, phantom(EFFECT, cases, seed=seed), recipe.replace(weights=weights))


def encoder_name(seed: int, recipe: "Recipe") -> str:
    """What the encoder for a phantom and a recipe is called; that of the whole head is the one of `gain.py`."""
    import hashlib
    import json

    from benchmarks.accuracy.study_trials import best
    from benchmarks.pretraining.gain import pretraining_name
    from radiogen.training.recipe.recipe import as_flat_dict

    name = pretraining_name(seed, _settings())
    if recipe == best():
        return name
    own = json.dumps(as_flat_dict(recipe), sort_keys=True)
    return f"{name}-{recipe.name}-{hashlib.sha256(own.encode()).hexdigest()[:10]}"


def _recorded(kept: "Record", seed: int, cases: int, name: str) -> dict[str, object] | None:
    """The row of the record; names say what was done, for a run's name follows from networks that another may lack."""
    wanted = (STUDY, _place(seed, cases), name)
    return next((row for row in kept.rows if (row["study"], row["row"], row["name"]) == wanted), None)


def _place(seed: int, cases: int) -> str:
    return f"{cases}, seed {seed}"


def _line(seed: int, cases: int, name: str, found: dict[str, object] | None) -> str:
    start = f"| {_place(seed, cases)} | {name} | "
    if found is None:
        return start + "not trained | | | | |"
    among = (found["auc"] - 0.5) / (found["known"] - 0.5)  # of what that variable reaches on these very patients
    return start + (f"{found['auc']:.3f} ({found['low']:.3f} to {found['high']:.3f}) | {found['share']:.1%} | "
                    f"{among:.1%} | {found['correlation']:.2f} | {found['hours']:.2f}; {found['hours_before']:.2f} |")


def _settings() -> "PretrainingSettings":
    from radiogen.pretraining.settings import PretrainingSettings

    return PretrainingSettings()


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
