"""How well a locator finds tumours in phantoms that it was not trained on, of another seed and hospital; a table.

In: nothing but settings. Out: phantoms, arrays and the locator's run under --folder, Markdown. A locator is trained on
the masks of one phantom and judged on two others: one of another seed, one of another seed whose noise, shading,
contrast and grids are another hospital's (`--shift strong`). What is made or trained is kept. Exit code 1 where a goal
is missed.
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    import pandas as pd

    from radiogen.phantom.data_set import PhantomSettings

LEAST_DICE = 0.80
LEAST_INSIDE = {"test": 0.97, "shifted": 0.90}
"""Of all cases, whose whole tumour is in the crop."""
MARGIN_MM = 10.0
RUN = "locator"
TITLES = {"test": "phantom of another seed", "shifted": "another hospital, strongly shifted"}


def main(folder: Path = Path("input/masks"), train_cases: int = 80, test_cases: int = 60, seeds: tuple[int, ...] = (
        11, 12, 13), parallel_folds: int = 1, workers: int | None = None, output: Path | None = None) -> None:
    """Train a locator on one phantom and judge its masks on two others; prints a table. Two cores take 20 minutes.

    Args:
        folder: Where phantoms, arrays and the run are kept.
        train_cases: Cases of the phantom that trains.
        test_cases: Cases of each phantom that judges.
        seeds: Of the phantom that trains, the one of another seed, the shifted one.
        parallel_folds: Folds trained in parallel.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
        output: Markdown file to write the table to as well.
    """
    from radiogen.core import files
    from radiogen.phantom.data_set import write_phantom

    for name, settings in phantoms(train_cases, test_cases, seeds).items():
        if not (folder / name / "train_labels.csv").is_file():
            write_phantom(folder / name, settings, workers)
    train_locator(folder, parallel_folds, workers)
    found = {name: judge(folder, name, workers) for name in LEAST_INSIDE}
    text = "\n".join(table_lines(found, train_cases))
    print(f"\n{text}")
    if output:
        files.write_text(output, text + "\n")
    if missed := missed_goals(found):
        print("\n".join(missed))
        sys.exit(1)


def phantoms(train_cases: int, test_cases: int, seeds: tuple[int, ...]) -> "dict[str, PhantomSettings]":
    """By folder's name the phantoms: what trains, and what judges."""
    from radiogen.phantom.data_set import PhantomSettings

    train, test, shifted = seeds
    common = {"test_cases": 0, "effect": 2.0}
    return {"train": PhantomSettings(cases=train_cases, seed=train, **common),
            "test": PhantomSettings(cases=test_cases, seed=test, **common),
            "shifted": PhantomSettings(cases=test_cases, seed=shifted, shift="strong", **common)}


def train_locator(folder: Path, parallel_folds: int = 1, workers: int | None = None, **changes: Any) -> Path:
    """Train what is missing of the locator on the phantom `train`; returns its folder. changes: of the recipe."""
    from radiogen.training import workflow
    from radiogen.training.locator.training import note_cases
    from radiogen.training.recipe.recipes import LOCATOR_3D
    from radiogen.training.runs import choose_folds

    recipe, place = LOCATOR_3D.replace(**changes), folder / "models" / RUN
    run = workflow.begin_run(folder / "train", recipe, place, folder / "cache", workers=workers)
    note_cases([run])
    workflow.train(run, choose_folds(recipe.split.folds, "all"), parallel_folds)
    return place


def judge(folder: Path, name: str, workers: int | None = None) -> "pd.DataFrame":
    """The table of predicted masks (`quality.COLUMNS`) of the phantom `name`, none of whose cases trained."""
    from radiogen.dataset.fingerprint import data_fingerprint
    from radiogen.dataset.layout import case_ids
    from radiogen.training.locator.networks import open_locator
    from radiogen.training.locator.predicted_masks import predict_masks
    from radiogen.training.locator.quality import judge_masks
    from radiogen.training.recipe.settings import DataSettings

    locator = open_locator(DataSettings(3, ("T1wCE",), 1, mask=f"locator:{RUN}"), folder / "models")
    data = folder / name
    located = predict_masks(data, locator, folder / "cache", data_fingerprint(data), workers=workers)
    return judge_masks(data, located, case_ids(data, "train"), MARGIN_MM, workers=workers)


def table_lines(found: "dict[str, pd.DataFrame]", train_cases: int) -> list[str]:
    """The figures as a Markdown table, a row a phantom."""
    from radiogen.training.locator.quality import summarise

    lines = [f"| locator of {train_cases} phantoms, judged on | cases | masks | Dice, median (quartiles) | error of "
             f"the volume, median | boxes' middles, median mm | boxes' sides, median of the largest, mm | whole tumour "
             f"in the crop ({MARGIN_MM:g} mm) | of those with a mask |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, table in found.items():
        figures = summarise(table, MARGIN_MM)
        dice, cases, masks = figures.dice, figures.cases, figures.predicted
        cells = [TITLES[name], cases, masks] + ([
            f"{dice['median']:.3f} ({dice['low']:.3f} to {dice['high']:.3f})",
            f"{figures.volume_error['median']:.1%}", f"{figures.centres_mm['median']:.1f}",
            f"{figures.box_mm['median']:.1f}"] if dice else ["none"] * 4)
        lines.append("| " + " | ".join(map(str, [
            *cells, f"{figures.wholly_inside} of {cases} ({figures.wholly_inside / cases:.1%})",
            f"{figures.wholly_inside_of_predicted} of {masks}"])) + " |")
    return lines


def missed_goals(found: "dict[str, pd.DataFrame]") -> list[str]:
    """A line for each goal that is missed: the median Dice in the phantom of another seed, crops in both."""
    from radiogen.training.locator.quality import summarise

    lines = []
    for name, table in found.items():
        figures = summarise(table, MARGIN_MM)
        dice, share = figures.dice, figures.wholly_inside / figures.cases
        if name == "test" and (dice is None or dice["median"] < LEAST_DICE):
            lines.append(f"missed: median Dice of {LEAST_DICE:.2f}")
        if share < LEAST_INSIDE[name]:
            lines.append(f"missed: {TITLES[name]}: the whole tumour in {LEAST_INSIDE[name]:.0%} of the crops")
    return lines


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
