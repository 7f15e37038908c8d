"""Faults in the labels: tied to something else, wrong in part, or exchanged before the training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.leakage.epoch_choice import permuted
from benchmarks.leakage.faults.fault import RUN, Draw
from benchmarks.leakage.faults.learners import fold_models, own_scores, train_clean
from benchmarks.leakage.faults.run_folder import with_scores, write_run
from radiogen.runs.folds import make_folds
from radiogen.task import ID, LABEL

TIED = 0.9
"""The share of labels that follow the trait which they are tied to."""
WRONG = 0.05


def tied_to_plane(models: Path, draw: Draw) -> None:
    """Cases whose FLAIR is not axial have label 1."""
    geometry, cases = draw.tables.geometry, draw.tables.folds[ID]
    planes = geometry[geometry["sequence"] == "FLAIR"].set_index(ID)["plane"].reindex(cases)
    _train_again(models, draw, tied(draw, (planes != "axial").to_numpy(), 1), draw.source.features)


def tied_to_id(models: Path, draw: Draw) -> None:
    """Cases with ids above the median have label 1."""
    number = draw.tables.folds[ID].astype(int)
    _train_again(models, draw, tied(draw, (number > number.median()).to_numpy(), 2), draw.source.features)


def tied_to_slices(models: Path, draw: Draw) -> None:
    """Cases whose T1w has more slices than the median have label 1."""
    _train_again(models, draw, tied(draw, above_median(draw, "T1w", "slices"), 3), draw.source.features)


def mirrored_scanner(models: Path, draw: Draw) -> None:
    """One scanner, with a larger T1wCE matrix, mirrors its images, and its cases have label 1."""
    affected = above_median(draw, "T1wCE", "rows")
    _train_again(models, draw, tied(draw, affected, 4), _changed(draw, affected, draw.source.mirrored))


def mirrored_at_random(models: Path, draw: Draw) -> None:
    """Half of the cases are mirrored, whatever their label; nothing in their geometry shows it."""
    affected = draw.random(5).permutation(len(draw.tables.folds)) % 2 == 0
    _train_again(models, draw, draw.tables.folds[LABEL].to_numpy(), _changed(draw, affected, draw.source.mirrored))


def burnt_in_mark(models: Path, draw: Draw) -> None:
    """A bright square in the corner of every image of label 1."""
    labels = draw.tables.folds[LABEL].to_numpy()
    _train_again(models, draw, labels, _changed(draw, labels == 1, draw.source.marked))


def swapped(models: Path, draw: Draw) -> None:
    """One label in twenty is wrong, for training and judging alike."""
    labels = draw.tables.folds[LABEL].to_numpy().copy()
    wrong = draw.random(6).permutation(len(labels))[:round(WRONG * len(labels))]
    labels[wrong] = 1 - labels[wrong]
    _train_again(models, draw, labels, draw.source.features)


def permuted_in_training(models: Path, draw: Draw) -> None:
    """The training reads another row's label, within each fold, and the run is judged by the true ones."""
    folds = draw.tables.folds
    drawn = permuted(folds[LABEL].to_numpy(int), folds["fold"].to_numpy(), draw.random(7))
    inputs = draw.source.features.loc[folds[ID]].to_numpy()
    scores = own_scores(folds, fold_models(inputs, folds, labels=drawn))
    write_run(models / RUN, with_scores(draw.tables, scores), draw.source)


def tied(draw: Draw, trait: np.ndarray, purpose: int) -> np.ndarray:
    """Labels, (cases,), of which nine in ten follow the trait."""
    follows = draw.random(purpose).random(len(trait)) < TIED
    return np.where(follows, trait, ~trait).astype(int)


def above_median(draw: Draw, sequence: str, size: str) -> np.ndarray:
    """Whether a size of each case's series of this sequence lies above the median, bool (cases,)."""
    rows = draw.tables.geometry[draw.tables.geometry["sequence"] == sequence]
    sizes = rows.set_index(ID)[size].reindex(draw.tables.folds[ID])
    return (sizes > sizes.median()).to_numpy(bool)


def _changed(draw: Draw, affected: np.ndarray, changed: pd.DataFrame) -> pd.DataFrame:
    features, cases = draw.source.features.copy(), draw.tables.folds[ID][affected]
    features.loc[cases] = changed.loc[cases]
    return features


def _train_again(models: Path, draw: Draw, labels: np.ndarray, features: pd.DataFrame) -> None:
    """The run with these labels, in folds of their own, trained on these features."""
    table = draw.tables.folds[[ID]].assign(**{LABEL: labels})
    folds = make_folds(table, seed=draw.number)
    tables = replace(draw.tables, folds=folds, predictions=train_clean(features, folds))
    write_run(models / RUN, tables, draw.source)
