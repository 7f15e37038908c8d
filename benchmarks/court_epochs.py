"""The last exhibit of the data court: a learner whose epoch is chosen on the very fold that is then scored.

In: features, folds, labels that mean nothing, drawn again and again. Out: how often such a run is taken for a finding,
by shuffling the scored labels and by the null mirror, and how good the epoch is that is chosen inside the training
folds instead. The learner is a logistic regression by stochastic steps that are too long, so that its epochs differ as
a network's do.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from radiogen.core.progress import progress
from radiogen.dataset.labels import ID, LABEL
from radiogen.evaluation.stats.intervals import permutation_p
from radiogen.evaluation.stats.label_permutation import one_sided_p
from radiogen.evaluation.stats.metrics import auc
from radiogen.runs.folds import HOLDOUT, fold_names

EPOCHS, BATCH, STEP = 60, 8, 0.5
INNER_SHARE = 0.25


@dataclass(frozen=True)
class Choice:
    """AUCs of the drawings, out-of-fold, (draws,): `chosen` on the scored folds, `nested` inside the training folds.

    shuffled and mirrored: bool (draws,), whether `chosen` has p <= 0.05 by shuffled labels with the predictions as they
    are, and by the null mirror, whose draws are the other drawings.
    """

    chosen: np.ndarray
    nested: np.ndarray
    shuffled: np.ndarray
    mirrored: np.ndarray


def judge_choice(features: pd.DataFrame, folds: pd.DataFrame, *, draws: int = 100, seed: int = 42) -> Choice:
    """Train and choose on labels permuted within folds, `draws` times, so that there is nothing to be found."""
    random = np.random.default_rng([seed, 8])
    inputs, place = features.loc[folds[ID]].to_numpy(), folds["fold"].to_numpy()
    labels, judged = folds[LABEL].to_numpy(int), place != HOLDOUT
    chosen, nested, shuffled = np.empty(draws), np.empty(draws), np.empty(draws, dtype=bool)
    for draw in progress(range(draws), "epochs", draws, "drawing"):
        drawn = permuted(labels, place, random)
        truth = drawn[judged] == 1
        told = choose_epochs(inputs, drawn, place, inner=False, seed=seed + draw)[judged]
        chosen[draw] = auc(truth, told)
        nested[draw] = auc(truth, choose_epochs(inputs, drawn, place, inner=True, seed=seed + draw)[judged])
        shuffled[draw] = chosen[draw] > 0.5 and permutation_p(truth, told, draws=500) <= 0.05
    mirrored = [one_sided_p(area, np.delete(chosen, draw)) <= 0.05 for draw, area in enumerate(chosen)]
    return Choice(chosen, nested, shuffled, np.array(mirrored))


def choose_epochs(inputs: np.ndarray, labels: np.ndarray, place: np.ndarray, *, inner: bool, seed: int) -> np.ndarray:
    """Probabilities of every case of a fold, (cases,), by the epoch that was best; NaN on the holdout.

    inputs: (cases, features); place: fold names. inner: best on a quarter of the training cases, which then train
    nothing; else on the scored fold itself.
    """
    probabilities = np.full(len(labels), np.nan)
    for name in fold_names(pd.DataFrame({"fold": place})):
        random = np.random.default_rng([seed, int(name)])
        scored = place == name
        train = np.flatnonzero(~scored & (place != HOLDOUT))
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


def permuted(labels: np.ndarray, place: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The labels exchanged within each fold, so that its share of methylated cases stays."""
    drawn = labels.copy()
    for name in np.unique(place):
        drawn[place == name] = random.permutation(labels[place == name])
    return drawn


def _epochs(values: np.ndarray, labels: np.ndarray, train: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What the learner says of every case after each epoch, (EPOCHS, cases)."""
    weights, told = np.zeros(values.shape[1] + 1), np.empty((EPOCHS, len(values)))
    values = np.hstack([values, np.ones((len(values), 1))]) / np.sqrt(values.shape[1])
    for epoch in range(EPOCHS):
        for batch in np.array_split(random.permutation(train), max(1, len(train) // BATCH)):
            error = labels[batch] - _sigmoid(values[batch] @ weights)
            weights = weights + STEP * error @ values[batch]
        told[epoch] = _sigmoid(values @ weights)
    return told


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
