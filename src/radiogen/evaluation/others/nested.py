"""Nested cross-validation of learners on a table of features: nothing that a scored case could tell chooses anything.

In: features, labels, folds by patient. Out: out-of-fold probabilities by learner. Inside the training cases of each
outer fold, inner folds by patient choose each learner's settings and the learner itself (`CHOSEN`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.core.auc import auc
from radiogen.evaluation.others.learners import (
    Setting,
    fit_predict,
    separation,
    settings_of,
    split_part,
)
from radiogen.evaluation.others.study_options import LOGISTIC
from radiogen.runs.folds import HOLDOUT

CHOSEN = "chosen"
"""Of each outer fold the learner that is best in its inner folds."""
INNER_FOLDS = 4


@dataclass(frozen=True)
class Cases:
    """inputs: (cases, features), NaN where missing; labels: bool, (cases,); patients: str, (cases,); folds: str,
    (cases,), a number or holdout, which trains nothing; names: of the features."""

    inputs: NDArray[np.float64]
    labels: NDArray[np.bool_]
    patients: np.ndarray
    folds: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Nested:
    """probabilities: by learner, (cases,). choices: a row an outer fold and learner: `fold, learner, features,
    strength, inner_auc, names`, the selected features, best first."""

    probabilities: dict[str, NDArray[np.float64]]
    choices: pd.DataFrame


def nested(cases: Cases, learners: Sequence[str], *, fixed: int | None = None, seed: int = 42) -> Nested:
    """Nested cross-validation of `learners`, and of their choice; fixed: so many features are selected, no others."""
    found = {name: np.full(len(cases.labels), np.nan) for name in learners}
    rows = []
    for fold in sorted(set(cases.folds), key=lambda name: (name == HOLDOUT, name)):
        train, scored = _outer_split(cases.folds, fold)
        part = split_part(cases.inputs, cases.labels, train, scored)
        for name, (setting, area) in _inner_choice(cases, train, learners, fixed, seed).items():
            found[name][scored] = fit_predict(part, setting, seed)
            names = [cases.names[part.kept[number]] for number in part.order[:setting.features]]
            rows.append({"fold": fold, "learner": name, "features": setting.features or len(part.kept),
                         "strength": setting.strength if name == LOGISTIC else np.nan, "inner_auc": area,
                         "names": "; ".join(names)})
    choices = pd.DataFrame(rows)
    if len(learners) > 1:
        best = choices.loc[choices.groupby("fold")["inner_auc"].idxmax()].set_index("fold")["learner"]
        found[CHOSEN] = np.array([found[best[fold]][number] for number, fold in enumerate(cases.folds)])
    return Nested(found, choices)


def selected_before(cases: Cases, features: int, *, seed: int = 42) -> NDArray[np.float64]:
    """The wrong way, to be shown beside the right one: features are selected on all cases, scored ones among them.

    Logistic regression on the `features` best of all, C = 1, cross-validated on the same folds. This is leakage.
    """
    everyone = np.arange(len(cases.labels))
    whole = split_part(cases.inputs, cases.labels, everyone, everyone)
    order = whole.kept[np.argsort(-separation(whole.train, cases.labels), kind="stable")]
    found = np.full(len(cases.labels), np.nan)
    for fold in sorted(set(cases.folds)):
        train, scored = _outer_split(cases.folds, fold)
        part = split_part(cases.inputs, cases.labels, train, scored, order)
        found[scored] = fit_predict(part, Setting(LOGISTIC, features), seed)
    return found


def permute_by_patient(cases: Cases, random: np.random.Generator) -> Cases:
    """The cases with labels exchanged among the patients of each fold; a patient's cases keep one label.

    The label of a patient with cases of both classes is that of the first.
    """
    labels = cases.labels.copy()
    for fold in sorted(set(cases.folds) - {HOLDOUT}):
        inside = np.flatnonzero(cases.folds == fold)
        names, first, place = np.unique(cases.patients[inside], return_index=True, return_inverse=True)
        labels[inside] = random.permutation(cases.labels[inside][first])[place]
    return Cases(cases.inputs, labels, cases.patients, cases.folds, cases.names)


def inner_folds(labels: NDArray[np.bool_], patients: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training and scored rows of each inner fold, by patient, stratified; [] where a class has one case alone."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    count = min(INNER_FOLDS, int(labels.sum()), int((~labels).sum()))
    if count < 2:
        return []
    repeated = len(set(patients)) < len(patients)
    splitter = (StratifiedGroupKFold if repeated else StratifiedKFold)(count, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels, patients if repeated else None))


def _outer_split(folds: np.ndarray, fold: str) -> tuple[np.ndarray, np.ndarray]:
    """Training and scored rows of an outer fold, or of the holdout, which trains nothing."""
    return np.flatnonzero((folds != fold) & (folds != HOLDOUT)), np.flatnonzero(folds == fold)


def _inner_choice(cases: Cases, train: np.ndarray, learners: Sequence[str], fixed: int | None, seed: int
                  ) -> dict[str, tuple[Setting, float]]:
    """By learner the setting whose mean AUC over the inner folds is highest, of equals the simplest, and that AUC."""
    inner = inner_folds(cases.labels[train], cases.patients[train], seed)
    parts = [split_part(cases.inputs, cases.labels, train[own], train[judged]) for own, judged in inner]
    truths = [cases.labels[train[judged]] for _, judged in inner]
    found = {}
    for name in learners:
        tried = settings_of(name, cases.inputs.shape[1], fixed)
        if len(tried) == len(learners) == 1:  # there is nothing to choose
            found[name] = (tried[0], np.nan)
            continue
        areas = np.array([np.nanmean([0.5, *(auc(truth, fit_predict(part, setting, seed))
                                             for part, truth in zip(parts, truths, strict=True))][bool(parts):])
                          for setting in tried])
        best = int(np.argmax(areas))
        found[name] = (tried[best], float(areas[best]))
    return found
