"""Faults inside the training, on labels without meaning: no table of predictions shows them.

Each run is trained again on permuted labels in the same way, as `--permutations 19` does.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.leakage.epoch_choice import choose_epochs
from benchmarks.leakage.faults.fault import RUN, Draw
from benchmarks.leakage.faults.learners import Training, fold_models, own_scores, train_clean, write_permutations
from benchmarks.leakage.faults.run_folder import write_run
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.predictions import complete
from radiogen.task import ID, LABEL

NOISE_FEATURES, CHOSEN = 1000, 20
WEAK = 1000.0
"""Inverse of the penalty of networks that label the cases for the next ones."""


def nothing(models: Path, draw: Draw) -> None:
    """No fault: the clean training, and the same on permuted labels."""
    _write(models, draw, train_clean)


def chosen_epoch(models: Path, draw: Draw) -> None:
    """The epoch is chosen on the very fold that is then scored."""
    _write(models, draw, train_chosen_epoch)


def features_before_folds(models: Path, draw: Draw) -> None:
    """The 20 best of 1,000 features of noise are chosen on all cases, before the folds."""
    _write(models, draw, train_features_before_folds)


def pseudo_labels(models: Path, draw: Draw) -> None:
    """Each network is trained on its scored cases, too, with the labels that all networks before gave them."""
    _write(models, draw, train_pseudo_labels)


def train_chosen_epoch(features: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Predictions of a training with that fault."""
    inputs, place = features.loc[folds[ID]].to_numpy(), folds["fold"].to_numpy()
    scores = choose_epochs(inputs, folds[LABEL].to_numpy(int), place, inner=False, seed=seed)
    return _without_holdout(folds, scores)


def train_features_before_folds(features: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Predictions of a training with that fault; the seed draws no other features, they belong to the cases."""
    table = np.random.default_rng(33).normal(size=(len(features), NOISE_FEATURES))
    inputs = pd.DataFrame(table, index=sorted(features.index)).loc[folds[ID]].to_numpy()
    judged, labels = (folds["fold"] != HOLDOUT).to_numpy(), folds[LABEL].to_numpy(float)
    own = inputs[judged] - inputs[judged].mean(axis=0)
    strength = np.abs((labels[judged] - labels[judged].mean()) @ own) / np.sqrt((own ** 2).sum(axis=0))
    chosen = np.argsort(-strength)[:CHOSEN]
    return _without_holdout(folds, own_scores(folds, fold_models(inputs[:, chosen], folds)))


def train_pseudo_labels(features: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Predictions of a training with that fault."""
    inputs, labels = features.loc[folds[ID]].to_numpy(), folds[LABEL].to_numpy(int)
    given = (fold_models(inputs, folds, WEAK).mean(axis=0) >= 0.5).astype(int)
    place = folds["fold"].to_numpy()
    second = np.stack([np.where(place == name, given, labels) for name in sorted(set(place) - {HOLDOUT}, key=int)])
    return _without_holdout(folds, own_scores(folds, fold_models(inputs, folds, WEAK, labels=second)))


def _write(models: Path, draw: Draw, train: Training) -> None:
    folds = draw.tables.folds
    table = train(draw.source.features, folds, draw.number)
    write_run(models / RUN, replace(draw.tables, predictions=table), draw.source)
    write_permutations(models / RUN, draw.source.features, folds, train, draw.number)


def _without_holdout(folds: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    return complete(folds.assign(probability=scores)[folds["fold"] != HOLDOUT])
