"""A few standard learners for tables of features, each with the settings among which inner folds choose.

In: a `Part`, in which everything that is fitted without a label and the order of the features come from the training
cases alone. Out: probabilities of its scored cases. Classes weigh alike, so that a fold's prevalence changes no order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiogen.evaluation.others.study_options import CENTROID, FOREST, LOGISTIC

TITLES: Mapping[str, str] = {LOGISTIC: "logistic regression", CENTROID: "nearest centroid", FOREST: "random forest"}
COUNTS = (5, 20, 80)
"""Numbers of selected features that are tried."""
STRENGTHS = (0.1, 1.0)
"""Values of C of the logistic regression that are tried."""
TREES = {"n_estimators": 60, "min_samples_leaf": 5, "max_features": "sqrt", "class_weight": "balanced"}


@dataclass(frozen=True)
class Setting:
    """features: how many are selected, 0: all. strength: C of the logistic regression."""

    learner: str
    features: int = 0
    strength: float = 1.0


@dataclass(frozen=True)
class Part:
    """One split. train, scored: standardised, (cases, features); labels: bool, of the training cases. order: the
    features, the one that separates the classes best first; kept: their places in the whole table."""

    train: NDArray[np.float64]
    labels: NDArray[np.bool_]
    scored: NDArray[np.float64]
    order: NDArray[np.int64]
    kept: NDArray[np.int64]


def settings_of(learner: str, features: int, fixed: int | None = None) -> list[Setting]:
    """What is tried of a learner, the simplest first, with `features` in all; fixed: that many selected, no others."""
    counts = sorted({min(count, features) for count in ((fixed,) if fixed is not None else COUNTS)})
    if learner == FOREST:
        return [Setting(FOREST)]
    if learner == CENTROID:
        return [Setting(CENTROID, count) for count in counts]
    return [Setting(LOGISTIC, count, strength) for count in counts for strength in STRENGTHS]


def split_part(inputs: NDArray[np.float64], labels: NDArray[np.bool_], train: np.ndarray, scored: np.ndarray,
               order: np.ndarray | None = None) -> Part:
    """Standardise by the training cases, fill gaps by their mean, order features by them; inputs: (cases, features).

    train, scored: numbers of rows. order: numbers of features, best first, instead: chosen elsewhere, which leaks.
    """
    own, others = inputs[train], inputs[scored]
    counts = np.maximum((~np.isnan(own)).sum(axis=0), 1)
    mean = np.nansum(own, axis=0) / counts
    spread = np.sqrt(np.nansum((own - mean) ** 2, axis=0) / counts)
    kept = np.flatnonzero(spread > 1e-12 * np.maximum(1e-12, np.abs(mean)))
    own, others = (np.nan_to_num((part[:, kept] - mean[kept]) / spread[kept]) for part in (own, others))
    if order is None and labels[train].any() and not labels[train].all():
        ranked = np.argsort(-separation(own, labels[train]), kind="stable")
    else:
        places = {int(column): number for number, column in enumerate(kept)}
        ranked = np.array([places[int(column)] for column in (kept if order is None else order)
                           if int(column) in places], dtype=int)
    return Part(own, labels[train], others, ranked, kept)


def separation(inputs: NDArray[np.float64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far apart the classes are in each feature, the square of Student's t but for a factor; (features,)."""
    inside, outside = inputs[labels], inputs[~labels]
    within = inside.var(axis=0) * len(inside) + outside.var(axis=0) * len(outside)
    return (inside.mean(axis=0) - outside.mean(axis=0)) ** 2 / np.maximum(within, 1e-12)


def fit_predict(part: Part, setting: Setting, seed: int) -> NDArray[np.float64]:
    """Probabilities of the scored cases, (cases,); 0.5 where the training has one class or nothing that changes."""
    if part.labels.all() or not part.labels.any() or not len(part.kept):
        return np.full(len(part.scored), 0.5)
    chosen = part.order[:setting.features] if setting.features else np.arange(part.train.shape[1])
    train, scored = part.train[:, chosen], part.scored[:, chosen]
    if setting.learner == CENTROID:
        gap = (((scored - train[~part.labels].mean(axis=0)) ** 2).mean(axis=1)
               - ((scored - train[part.labels].mean(axis=0)) ** 2).mean(axis=1))
        return 1 / (1 + np.exp(-np.clip(gap, -30, 30)))
    if setting.learner == LOGISTIC:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=setting.strength, class_weight="balanced", max_iter=500)
    else:
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(**TREES, random_state=seed)
    return model.fit(train, part.labels).predict_proba(scored)[:, 1]
