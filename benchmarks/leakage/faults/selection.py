"""Faults of selection, on labels without meaning: the best of many looks, and thresholds chosen on the scored cases."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.leakage.faults.fault import RUN, Draw
from benchmarks.leakage.faults.learners import train_with_seed
from benchmarks.leakage.faults.run_folder import write_look, write_run
from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.evaluation.audit.looks import record_looks
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.judge import write_prediction_runs
from radiogen.evaluation.stats.cross_validation import within_folds
from radiogen.evaluation.stats.metrics import scored_logits
from radiogen.evaluation.stats.thresholds import youden_threshold
from radiogen.runs import layout
from radiogen.runs.folds import fold_names, make_folds
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, holdout, out_of_fold, scored, scored_folds
from radiogen.runs.records import write_facts
from radiogen.task import ID, LABEL

SEEDS, LOOKS, MEMBERS = 20, 50, 5
HELD_OUT = 0.4


def best_of_seeds(models: Path, draw: Draw) -> None:
    """Twenty seeds are trained and scored in one models folder; the best is shown."""
    _show(models, draw, _best(_looks(models, draw, SEEDS)))


def best_of_seeds_elsewhere(models: Path, draw: Draw) -> None:
    """The same, and the other nineteen were scored in another folder, or by another program."""
    best = _best(_looks(models / "elsewhere", draw, SEEDS))
    shutil.rmtree(models / "elsewhere")
    _show(models, draw, best)


def best_of_seeds_taken_out(models: Path, draw: Draw) -> None:
    """The same, and the entries of the other nineteen are taken out of the ledger, their runs deleted."""
    best_of_seeds(models, draw)
    record_looks(open_predictions(models, RUN))
    lines = (models / layout.LEDGER).read_text(encoding="utf-8").splitlines(keepends=True)
    own = [line for line in lines if json.loads(line)["run"] == RUN]
    files.write_text(models / layout.LEDGER, "".join(own))
    for folder in models.glob("seed-*"):
        shutil.rmtree(folder)


def best_ensemble(models: Path, draw: Draw) -> None:
    """Fifty seeds are scored, and the mean of the best five is shown."""
    looks = _looks(models, draw, LOOKS)
    chosen = sorted(looks, key=lambda name: -_area(looks[name]))[:MEMBERS]
    mean = np.mean([looks[name]["probability"] for name in chosen], axis=0)
    table = complete(looks[chosen[0]].assign(probability=mean))
    shutil.rmtree(models / RUN)
    for name in (RUN, *chosen):  # an ensemble's arrays are its members'
        write_run(models / name, replace(draw.tables, predictions=looks.get(name, table)), draw.source)
    (models / RUN / layout.RECIPE).unlink()
    for folder in layout.fold_folders(models / RUN).values():
        shutil.rmtree(folder)
    write_facts(models / RUN, {"members": chosen, "method": "mean", "data": str(draw.source.data)})


def best_holdout(models: Path, draw: Draw) -> None:
    """Twenty runs are judged by a holdout of two fifths alone; the best of them is shown."""
    folds = make_folds(draw.tables.folds[[ID, LABEL]], holdout_fraction=HELD_OUT, seed=draw.number)
    found = {}
    for number in range(SEEDS):
        table = train_with_seed(draw.source.features, folds, 100 * draw.number + number)
        found[f"seed-{number}"] = _look(models, f"seed-{number}", holdout(table), draw)
    best = max(found.values(), key=lambda table: auc(*scored(table)))
    write_run(models / RUN, replace(draw.tables, folds=folds, predictions=best), draw.source)


def moved_threshold(models: Path, draw: Draw) -> None:
    """Each fold's probabilities are moved so that the threshold which is best on its scored cases becomes 0.5."""
    _show(models, draw, _at_best_threshold(draw))


def calls(models: Path, draw: Draw) -> None:
    """A table of another program has calls alone, 0 or 1, by a threshold chosen on the scored cases of each fold."""
    table = out_of_fold(_at_best_threshold(draw))
    path = files.write_csv(models / f"{RUN}.csv", pd.DataFrame(
        {"id": table[ID], "fold": table["fold"], "label": table[LABEL], "probability": table["predicted"]}))
    shutil.rmtree(models / RUN)
    write_prediction_runs([path], models, Naming())


def right_share(table: pd.DataFrame) -> float:
    """The share of out-of-fold cases that are called right at 0.5."""
    judged = out_of_fold(table)
    return float(((judged["probability"] >= 0.5) == (judged[LABEL] == 1)).mean())


def _at_best_threshold(draw: Draw) -> pd.DataFrame:
    table = draw.tables.predictions
    probabilities, place = table["probability"].to_numpy(float).copy(), table["fold"].to_numpy()
    for name in fold_names(draw.tables.folds):
        inside = place == name
        best = youden_threshold((table[LABEL] == 1).to_numpy(bool)[inside], probabilities[inside])
        shift = scored_logits(np.array([best]))[0] - 1e-9
        probabilities[inside] = expit(scored_logits(probabilities[inside]) - shift)
    return complete(table.assign(probability=probabilities))


def _show(models: Path, draw: Draw, table: pd.DataFrame) -> None:
    write_run(models / RUN, replace(draw.tables, predictions=table), draw.source)


def _looks(models: Path, draw: Draw, count: int) -> dict[str, pd.DataFrame]:
    """Runs `seed-<number>` under `models`, each scored and on record; their predictions by name."""
    return {name: _look(models, name, train_with_seed(draw.source.features, draw.tables.folds,
                                                      100 * draw.number + number), draw)
            for number, name in enumerate(f"seed-{number}" for number in range(count))}


def _look(models: Path, name: str, table: pd.DataFrame, draw: Draw) -> pd.DataFrame:
    write_look(models / name, table, draw.source)
    record_looks(open_predictions(models, name))
    return table


def _best(looks: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return max(looks.values(), key=_area)


def _area(table: pd.DataFrame) -> float:
    """The AUC that is looked at: out-of-fold, within folds."""
    judged = out_of_fold(table)
    return within_folds(*scored(judged), scored_folds(judged)).value
