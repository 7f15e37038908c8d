"""Faults of the split: cases that their own network was trained on, and patients on both sides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.leakage.faults.fault import RUN, Draw
from benchmarks.leakage.faults.learners import fold_models, own_scores, train_clean
from benchmarks.leakage.faults.run_folder import Tables, write_run
from radiogen.dataset.patients import COLUMNS
from radiogen.runs import layout
from radiogen.runs.folds import HOLDOUT, fold_names, make_folds
from radiogen.runs.predictions import complete, write_predictions
from radiogen.runs.tables import write_folds
from radiogen.task import ID, LABEL

MOVED = 0.1
FOLLOW_UPS = 10
CHANGE = 0.3
"""How far a follow-up's features lie from the first examination's, in deviations of all patients."""
WEAK = 100.0
"""Inverse of a penalty so weak that the model remembers its training cases."""


def moved(models: Path, draw: Draw) -> None:
    """A tenth of the cases are scored by the next fold's network, which was trained on them; the folds tell."""
    write_run(models / RUN, _moved(draw), draw.source)


def moved_with_folds(models: Path, draw: Draw) -> None:
    """The same, and `folds.csv` is changed after the training so that both tables agree."""
    tables = _moved(draw)
    write_run(models / RUN, replace(tables, predictions=draw.tables.predictions), draw.source)
    write_folds(models / RUN, tables.predictions[[ID, LABEL, "fold"]])
    write_predictions(models / RUN / layout.PREDICTIONS, tables.predictions)


def follow_up_named(models: Path, draw: Draw) -> None:
    """Ten cases are follow-ups of other patients in the set; `patients.csv`, which came late, says so."""
    _follow_up(models, draw, named=True)


def follow_up_unnamed(models: Path, draw: Draw) -> None:
    """The same, and nothing names the patients."""
    _follow_up(models, draw, named=False)


def _moved(draw: Draw) -> Tables:
    folds, names = draw.tables.folds, fold_names(draw.tables.folds)
    inputs = draw.source.features.loc[folds[ID]].to_numpy()
    scores = fold_models(inputs, folds, WEAK)
    inside = np.flatnonzero(folds["fold"] != HOLDOUT)
    chosen = draw.random(11).permutation(inside)[:round(MOVED * len(inside))]
    place = folds["fold"].to_numpy(object).copy()
    probabilities = own_scores(folds, fold_models(inputs, folds))
    for row in chosen:
        after = (names.index(place[row]) + 1) % len(names)
        place[row], probabilities[row] = names[after], scores[after, row]
    return replace(draw.tables, predictions=complete(folds.assign(fold=place, probability=probabilities)))


def _follow_up(models: Path, draw: Draw, named: bool) -> None:
    random, cases = draw.random(12), draw.tables.folds[ID].to_numpy(str)
    firsts, later = random.permutation(cases)[:2 * FOLLOW_UPS].reshape(2, -1)
    features = draw.source.features.copy()
    shift = random.normal(size=(FOLLOW_UPS, features.shape[1])) * CHANGE * features.std().to_numpy()
    features.loc[later] = features.loc[firsts].to_numpy() + shift
    labels = draw.tables.folds.set_index(ID)[LABEL]
    labels.loc[later] = labels.loc[firsts].to_numpy()
    folds = make_folds(labels.reset_index(), seed=draw.number)
    patients = pd.DataFrame({ID: later, "patient": firsts, "site": "", "age": np.nan, "sex": ""}, columns=list(COLUMNS))
    write_run(models / RUN, replace(draw.tables, folds=folds, predictions=train_clean(features, folds),
                                    patients=patients if named else None), draw.source)
