"""The learner of the leakage benchmark: a logistic regression a fold on the features of cubes, and what fits labels.

In: features, folds. Out: probabilities of every case by the model of every fold, from which each fault takes those
that it should not. Stands in for a network: it trains in milliseconds and overfits where its penalty is weak.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.accuracy.case_features import STRENGTH
from benchmarks.leakage.epoch_choice import permuted
from radiogen.core.auc import auc
from radiogen.runs.folds import HOLDOUT, fold_names
from radiogen.runs.label_permutations import FOLDS, write_draw
from radiogen.runs.predictions import complete, out_of_fold, scored
from radiogen.task import ID, LABEL

PERMUTATIONS = 19
"""Trainings on permuted labels: the least that can show p = 0.05."""

_STEPS = 25

Training = Callable[[pd.DataFrame, pd.DataFrame, int], pd.DataFrame]
"""From features, folds and a seed to predictions."""


def fold_models(inputs: np.ndarray, folds: pd.DataFrame, strength: float = STRENGTH,
                labels: np.ndarray | None = None, rows: np.ndarray | None = None) -> np.ndarray:
    """Probabilities of every case by the model of each fold, (folds, cases), which its own fold did not train.

    inputs: (cases, features), in the order of `folds`; labels: to train with, (cases,) or a row a fold, in which a
    fold's own cases count, too; rows: of the training cases those to use, again and again where they are repeated.
    """
    names, place = fold_names(folds), folds["fold"].to_numpy()
    given = folds[LABEL].to_numpy(int) if labels is None else labels
    answer = np.empty((len(names), len(folds)))
    for number, name in enumerate(names):
        own = given if given.ndim == 1 else given[number]
        train = np.flatnonzero((place != HOLDOUT) & ((place != name) | (given.ndim == 2)))
        answer[number] = fitted(inputs, own, train if rows is None else rows[np.isin(rows, train)], strength)
    return answer


def fitted(inputs: np.ndarray, labels: np.ndarray, train: np.ndarray, strength: float) -> np.ndarray:
    """Probabilities of all cases by a logistic regression on the cases `train`, with L2 penalty 1 / strength.

    Newton's steps on standardised features, in place of scikit-learn's, which take twenty times as long on so few.
    """
    from scipy.special import expit

    mean, deviation = inputs[train].mean(axis=0), inputs[train].std(axis=0)
    values = np.hstack([(inputs - mean) / np.where(deviation > 0, deviation, 1), np.ones((len(inputs), 1))])
    own, target = values[train], labels[train]
    penalty = np.append(np.full(inputs.shape[1], 1 / strength), 0)
    weights = np.zeros(values.shape[1])
    for _ in range(_STEPS):
        chance = expit(own @ weights)
        slope = own.T @ (chance - target) + penalty * weights
        curve = (own.T * np.maximum(chance * (1 - chance), 1e-6)) @ own + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return expit(values @ weights)


def own_scores(folds: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """Of `fold_models` each case's probability by its own fold's model, the holdout's by the mean, (cases,)."""
    place, answer = folds["fold"].to_numpy(), scores.mean(axis=0)
    for number, name in enumerate(fold_names(folds)):
        answer[place == name] = scores[number][place == name]
    return answer


def train_clean(features: pd.DataFrame, folds: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Predictions of a clean training; the seed changes nothing."""
    inputs = features.loc[folds[ID]].to_numpy()
    return complete(folds.assign(probability=own_scores(folds, fold_models(inputs, folds))))


def train_nearest(features: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Predictions of models that weigh their training cases by nearness, so that a copy's label is repeated."""
    inputs, place = features.loc[folds[ID]].to_numpy(), folds["fold"].to_numpy()
    values = (inputs - inputs.mean(axis=0)) / np.where(inputs.std(axis=0) > 0, inputs.std(axis=0), 1)
    near = np.exp(-((values[:, None] - values) ** 2).mean(axis=2) / 0.1) + 1e-9
    labels, answer = folds[LABEL].to_numpy(float), np.empty((len(fold_names(folds)), len(folds)))
    for number, name in enumerate(fold_names(folds)):
        train = np.flatnonzero((place != HOLDOUT) & (place != name))
        answer[number] = (near[:, train] @ labels[train]) / near[:, train].sum(axis=1)
    return complete(folds.assign(probability=own_scores(folds, answer)))


def train_with_seed(features: pd.DataFrame, folds: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Predictions of a training that depends on its seed: half of the features, cases drawn with replacement."""
    random = np.random.default_rng([seed, 31])
    chosen = random.permutation(features.shape[1])[:features.shape[1] // 2]
    inputs, rows = features.loc[folds[ID]].to_numpy()[:, chosen], random.integers(0, len(folds), len(folds))
    return complete(folds.assign(probability=own_scores(folds, fold_models(inputs, folds, rows=rows))))


def write_permutations(run, features: pd.DataFrame, folds: pd.DataFrame, train: Training, seed: int) -> None:
    """Train on permuted labels as `--permutations` does, and note each AUC in the run's table."""
    random = np.random.default_rng([seed, 32])
    for number in range(PERMUTATIONS):
        drawn = permuted(folds[LABEL].to_numpy(int), folds["fold"].to_numpy(), random)
        predictions = train(features, folds.assign(**{LABEL: drawn}), 1000 * (seed + 1) + number)
        write_draw(run, FOLDS, number, auc(*scored(out_of_fold(predictions))))
