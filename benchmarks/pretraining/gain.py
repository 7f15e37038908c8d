"""What pretraining on images without labels gains, on phantoms of effect 2 with few labels: paired, three seeds.

In: the record, a row a case of each pair of trainings. Out: phantoms, arrays and runs under --folder, new rows of the
record, a Markdown table. Of each seed one phantom has labels, and another one, of other patients, has none: an encoder
learns from that, and the same folds are trained with it and without. What is trained or recorded is not trained again,
so that the hours may be split and spread over machines; `--tables-only` trains nothing and the table says what is
missing. The objective was chosen on phantoms of seed 1 (`choice.py`).
"""

if not __package__:  # run as a file
    import environment  # noqa: F401

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tyro

from radiogen.core.errors import run_command

if TYPE_CHECKING:
    from benchmarks.accuracy.study_trials import Trial
    from radiogen.pretraining.settings import PretrainingSettings
    from radiogen.training.recipe.recipe import Recipe

EFFECT, SEEDS, CASES, UNLABELLED = 2.0, (42, 101, 202), (50, 200), 350
APART = 1000
"""What is added to a seed for its phantom without labels."""
COSTS = "processor_seconds.json"
_DIGITS = 6


class Pair(NamedTuple):
    """The same cases scored by networks without pretraining and with it. labels, hidden, without, given: (cases,).

    hours: of the processor, without; with pretraining, which counts in full in each pair.
    """

    labels: np.ndarray
    hidden: np.ndarray
    without: np.ndarray
    given: np.ndarray
    hours: tuple[float, float]


def main(folder: Path = Path("input/pretraining"), seeds: tuple[int, ...] = SEEDS, cases: tuple[int, ...] = CASES,
         tables_only: bool = False, record: Path = Path("docs/pretraining.csv"),
         output: Path | None = None, workers: int | None = None) -> None:
    """Train what is missing, few labels first and one seed after another, and print the table.

    Args:
        folder: Where phantoms, arrays and runs are kept.
        seeds: Of the phantoms.
        cases: Labelled cases.
        tables_only: Train nothing.
        record: Table of what every pair of trainings predicted; a pair that is in it is taken from it, a new one is
            added.
        output: Markdown file to write the table to as well.
        workers: Processes for making phantoms and arrays (default: as many as cores may be used).
    """
    from radiogen.core import files
    from radiogen.pretraining.settings import PretrainingSettings

    settings, recipe = PretrainingSettings(), best()
    for count in () if tables_only else cases:
        for seed in seeds:
            if recorded(record, seed, count, recipe, settings):
                continue
            for name in ("", pretrained(folder, seed, UNLABELLED, settings, recipe, workers)):
                trained(folder, arm(seed, count, recipe, name), workers)
            keep(record, folder, seed, count, recipe, settings)
            print("\n".join(table(record, (seed,), (count,), recipe, settings)[2:]), flush=True)
    text = "\n".join(table(record, seeds, cases, recipe, settings))
    print(text)
    if output:
        files.write_text(output, f"{text}\n")


def best() -> "Recipe":
    """The recipe that docs/accuracy.md calls the best, without a holdout."""
    from benchmarks.accuracy.study_trials import small

    return small("phantom-3d")


def arm(seed: int, cases: int, recipe: "Recipe", name: str = "") -> "Trial":
    """A training on a labelled phantom, with the pretraining of this name or without."""
    from benchmarks.accuracy.study_trials import Trial, phantom

    weights = f"pretrained:{name}" if name else None
    return Trial("pretraining", f"{cases}", name or "without", phantom(EFFECT, cases, seed=seed),
                 recipe.replace(weights=weights))


def pretraining_name(seed: int, settings: "PretrainingSettings", unlabelled: int = UNLABELLED) -> str:
    """What the pretraining for the labelled phantom of this seed is called: by all that it depends on."""
    own = f"{settings.objective}-{settings.epochs}-{settings.batch_size}-{settings.learning_rate:g}-seed-{seed}"
    return own if unlabelled == UNLABELLED else f"{own}-of-{unlabelled}"


def pretrained(folder: Path, seed: int, unlabelled: int, settings: "PretrainingSettings", recipe: "Recipe",
               workers: int | None, name: str = "") -> str:
    """The name of the pretraining for a seed, made or resumed; the labels of its phantom are not read.

    name: where it is kept under `models`; "": `pretraining_name`.
    """
    from benchmarks.accuracy.studies import phantom_name
    from benchmarks.accuracy.study_trials import Trial, phantom
    from radiogen.phantom.data_set import write_phantom
    from radiogen.pretraining.workflow import begin_pretraining, pretrain
    from radiogen.runs.layout import ENCODER

    name = name or pretraining_name(seed, settings, unlabelled)
    place, models = Trial("", "", "", phantom(EFFECT, unlabelled, seed=APART + seed), None), folder / "models"
    if (models / name / ENCODER).is_file():
        return name
    data = folder / phantom_name(place)
    write_phantom(data, place.phantom, workers)
    began = time.process_time()
    pretrain(begin_pretraining([data], recipe, settings, models / name, folder / "cache", workers=workers))
    add_cost(folder, name, time.process_time() - began)
    return name


def trained(folder: Path, trial: "Trial", workers: int | None) -> None:
    """Train the trial's folds in this process, whose processor time counts, and predict; what is there is kept."""
    from benchmarks.accuracy.studies import begin, phantom_name, run_name
    from radiogen.inference.prediction import predict_run
    from radiogen.phantom.data_set import write_phantom
    from radiogen.runs.layout import PREDICTIONS
    from radiogen.training.fit import train_fold, untrained

    if (folder / "models" / run_name(trial) / PREDICTIONS).is_file():
        return
    data = folder / phantom_name(trial)
    if not (data / "train_labels.csv").is_file():
        write_phantom(data, trial.phantom, workers)
    run = begin(trial, folder, workers)
    for fold in untrained(run, [f"{fold}" for fold in range(trial.recipe.split.folds)]):
        began = time.process_time()
        train_fold(run, fold)
        add_cost(folder, run.folder.name, time.process_time() - began)
    predict_run(run)


def add_cost(folder: Path, name: str, seconds: float) -> None:
    """Add processor time to what a run or a pretraining took so far, in the folder's `COSTS`."""
    from radiogen.core import files

    path = folder / COSTS
    costs = files.read_json(path) if path.is_file() else {}
    files.write_json(path, {**costs, name: round(costs.get(name, 0.0) + seconds, 1)})


def table(record: Path, seeds: tuple[int, ...], cases: tuple[int, ...], recipe: "Recipe",
          settings: "PretrainingSettings") -> list[str]:
    """The lines of the Markdown table: a row a number of labelled cases and a seed, and one of all its seeds."""
    lines = ["| labelled cases, phantom | without | pretrained | gain (95 % interval) | rank correlation, without; "
             "pretrained | processor hours, without; pretrained |", "| --- | --- | --- | --- | --- | --- |"]
    for count in cases:
        found = {seed: pair for seed in seeds if (pair := recorded(record, seed, count, recipe, settings))}
        lines += [row(f"{count}, seed {seed}", [pair]) for seed, pair in found.items()]
        if len(found) > 1:
            lines.append(row(f"{count}, {len(found)} seeds", list(found.values())))
        missing = [f"{seed}" for seed in seeds if seed not in found]
        lines += [f"| {count}, seed {', '.join(missing)} | not trained | | | | |"] if missing else []
    return lines


def recorded(record: Path, seed: int, count: int, recipe: "Recipe", settings: "PretrainingSettings") -> Pair | None:
    """The pair as it is recorded; None where it is not, or was made by other recipes."""
    import pandas as pd

    if not record.is_file():
        return None
    table = pd.read_csv(record, dtype={"case": str, "runs": str})
    table = table[(table["seed"] == seed) & (table["labelled"] == count)
                  & (table["runs"] == _runs(seed, count, recipe, settings))]
    if table.empty:
        return None
    first = table.iloc[0]
    return Pair(table["label"].to_numpy(int) == 1, table["hidden"].to_numpy(float), table["without"].to_numpy(float),
                table["pretrained"].to_numpy(float), (float(first["hours_without"]), float(first["hours_pretrained"])))


def keep(record: Path, folder: Path, seed: int, count: int, recipe: "Recipe", settings: "PretrainingSettings") -> None:
    """Add what both trainings of a pair predicted out-of-fold, and the hidden variable, in place of an earlier one."""
    import pandas as pd

    from benchmarks.accuracy.studies import phantom_column, run_name
    from radiogen.core import files
    from radiogen.runs.predictions import out_of_fold, read_predictions
    from radiogen.task import ID, LABEL

    name = pretraining_name(seed, settings)
    trials = [arm(seed, count, recipe, each) for each in ("", name)]
    one, other = (out_of_fold(read_predictions(folder / "models" / run_name(trial) / "predictions.csv")).sort_values(
        ID, ignore_index=True) for trial in trials)
    assert one[ID].equals(other[ID]) and one["fold"].equals(other["fold"])
    without, given = (costs_of(folder, [run_name(trial)]) for trial in trials)
    new = pd.DataFrame({
        "labelled": count, "seed": seed, "case": one[ID], "label": one[LABEL].astype(int),
        "hidden": phantom_column(trials[0], "latent").loc[one[ID]].to_numpy(), "without": one["probability"],
        "pretrained": other["probability"], "hours_without": without,
        "hours_pretrained": given + costs_of(folder, [name]), "runs": _runs(seed, count, recipe, settings)})
    kept = pd.read_csv(record, dtype={"case": str, "runs": str}) if record.is_file() else new[:0]
    kept = kept[(kept["labelled"] != count) | (kept["seed"] != seed)]
    joined = pd.concat([kept, new]).sort_values(["labelled", "seed", "case"], ignore_index=True)
    files.write_csv(record, joined.round(_DIGITS))


def _runs(seed: int, count: int, recipe: "Recipe", settings: "PretrainingSettings") -> str:
    """A hash of the names of both runs, which say all that they depend on."""
    import hashlib

    from benchmarks.accuracy.studies import run_name

    names = [run_name(arm(seed, count, recipe, name)) for name in ("", pretraining_name(seed, settings))]
    return hashlib.sha256(" ".join(names).encode()).hexdigest()[:10]


def row(name: str, pairs: list[Pair]) -> str:
    """A row: AUCs and their difference are of pairs of cases within a phantom, the interval over patients within each.

    The rank correlation of score and hidden variable is the mean over labels and phantoms; hours are a sum.
    """
    return f"| {name} | {' | '.join(gain_cells(pairs))} | {ranks_and_hours(pairs)} |"


def gain_cells(pairs: list[Pair], folds: list[np.ndarray] | None = None) -> tuple[str, str, str]:
    """Three cells: the AUC of both, and their difference with its interval.

    folds: (cases,), of each pair; where they are given, only cases of one fold are compared.
    """
    from radiogen.evaluation.stats.intervals import bootstrap_difference, stratified_auc

    labels, without, given = (np.concatenate([getattr(pair, part) for pair in pairs])
                              for part in ("labels", "without", "given"))
    strata = np.repeat([f"{number}" for number in range(len(pairs))], [len(pair.labels) for pair in pairs])
    if folds is not None:
        strata = np.char.add(np.char.add(strata, "-"), np.concatenate(folds))
    own, other = (stratified_auc(labels, scores, strata, draws=1).value for scores in (without, given))
    low, high = bootstrap_difference(labels, given, without, strata)
    return f"{own:.3f}", f"{other:.3f}", f"{other - own:+.3f} ({low:+.3f} to {high:+.3f})"


def ranks_and_hours(pairs: list[Pair]) -> str:
    """Two cells: the mean rank correlation of score and hidden variable, and the sum of the hours, of both."""
    from benchmarks.accuracy.studies import correlation

    ranks = [np.mean([correlation(pair.labels, scores, pair.hidden)[0] for pair, scores in
                      zip(pairs, each, strict=True)]) for each in zip(*[(pair.without, pair.given) for pair in pairs],
                                                                      strict=True)]
    hours = [sum(each) for each in zip(*[pair.hours for pair in pairs], strict=True)]
    spent = "; ".join("not measured" if np.isnan(each) else f"{each:.2f}" for each in hours)
    return f"{ranks[0]:.2f}; {ranks[1]:.2f} | {spent}"


def costs_of(folder: Path, names: list[str]) -> float:
    """Processor hours of these trainings together, NaN where one was not measured."""
    from radiogen.core import files

    costs = files.read_json(folder / COSTS) if (folder / COSTS).is_file() else {}
    return sum(costs.get(name, np.nan) for name in names) / 3600


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
