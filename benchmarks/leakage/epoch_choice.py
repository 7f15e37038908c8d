"""A learner whose epochs differ as a network's do, and the epoch that is taken: chosen on the scored fold, or inside.

In: features, labels, folds. Out: out-of-fold probabilities. The learner is a logistic regression by stochastic steps
that are too long. What is chosen on the scored fold is a fault of the leakage benchmark (faults/training.py).
"""

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.runs.folds import HOLDOUT, fold_names

EPOCHS, BATCH, STEP = 60, 8, 0.5
INNER_SHARE = 0.25


def choose_epochs(inputs: np.ndarray, labels: np.ndarray, fold_of: np.ndarray, *, inner: bool, seed: int) -> np.ndarray:
    """Probabilities of every case of a fold, (cases,), by the epoch that was best; NaN on the holdout.

    inputs: (cases, features); fold_of: the fold of each case. inner: best on a quarter of the training cases, which
    then train nothing; else on the scored fold itself.
    """
    probabilities = np.full(len(labels), np.nan)
    for name in fold_names(pd.DataFrame({"fold": fold_of})):
        random = np.random.default_rng([seed, int(name)])
        scored = fold_of == name
        train = np.flatnonzero(~scored & (fold_of != HOLDOUT))
        mean, deviation = inputs[train].mean(axis=0), inputs[train].std(axis=0) + 1e-9
        values = (inputs - mean) / deviation
        chooses = scored
        if inner:
            kept = random.permutation(train)
            chooses, train = kept[:round(INNER_SHARE * len(kept))], kept[round(INNER_SHARE * len(kept)):]
        epochs = _epochs(values, labels, train, random)
        areas = [auc(labels[chooses] == 1, epoch[chooses]) for epoch in epochs]
        probabilities[scored] = epochs[int(np.nanargmax(areas))][scored]
    return probabilities


def permuted(labels: np.ndarray, fold_of: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The labels permuted within each fold, so that its share of methylated cases stays."""
    drawn = labels.copy()
    for name in np.unique(fold_of):
        drawn[fold_of == name] = random.permutation(labels[fold_of == name])
    return drawn


def _epochs(values: np.ndarray, labels: np.ndarray, train: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The learner's probability of every case after each epoch, (EPOCHS, cases)."""
    weights, probabilities = np.zeros(values.shape[1] + 1), np.empty((EPOCHS, len(values)))
    values = np.hstack([values, np.ones((len(values), 1))]) / np.sqrt(values.shape[1])
    for epoch in range(EPOCHS):
        for batch in np.array_split(random.permutation(train), max(1, len(train) // BATCH)):
            error = labels[batch] - _sigmoid(values[batch] @ weights)
            weights = weights + STEP * error @ values[batch]
        probabilities[epoch] = _sigmoid(values @ weights)
    return probabilities


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
