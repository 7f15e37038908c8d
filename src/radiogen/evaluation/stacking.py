"""How much each run should say in an ensemble, fitted where it is not judged.

In: labels, folds and a column of probabilities for each run. Out: probabilities, and the weights behind them. The
weights for a fold come from the out-of-fold probabilities of the other folds, those for holdout and test from all of
them (nested). Weights fitted to the very cases that are scored flatter the ensemble; they are worked out too, only to
show by how much.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.runs.folds import HOLDOUT, TEST

ROUNDS = 25
"""Draws of the greedy selection; a weight is a multiple of 1 / ROUNDS."""

Learner = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]
Speaker = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def stacking_weights(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and intercept of a logistic regression on the runs' logits (Wolpert, Neural Networks 1992;5:241).

    labels: bool, (cases,); probabilities: (cases, runs). An L2 penalty of strength 1 on logits as they are pulls the
    weights to 0 where the runs tell nothing.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels)) < 2:
        return np.full(probabilities.shape[1], 1 / probabilities.shape[1]), 0.0
    fitted = LogisticRegression(solver="newton-cholesky").fit(_logits(probabilities), labels)
    return fitted.coef_[0], float(fitted.intercept_[0])


def greedy_weights(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, float]:
    """Shares of the runs in a mean that grows by the run which lifts its AUC most (Caruana et al., ICML 2004, with
    replacement); of equals the first.

    Of the `ROUNDS` means on the way the best counts, the shortest of equals. The intercept is 0.
    """
    runs = probabilities.shape[1]
    chosen: list[int] = []
    total, best, best_area = np.zeros(len(labels)), [0], -np.inf
    for number in range(ROUNDS):
        areas = [auc(labels, (total + probabilities[:, run]) / (number + 1)) for run in range(runs)]
        if np.isnan(areas).any():
            return np.full(runs, 1 / runs), 0.0
        run = int(np.argmax(np.round(areas, 12)))
        total, chosen = total + probabilities[:, run], [*chosen, run]
        if areas[run] > best_area + 1e-12:
            best, best_area = list(chosen), areas[run]
    return np.bincount(best, minlength=runs) / len(best), 0.0


def stacked(probabilities: np.ndarray, weights: np.ndarray, intercept: float) -> np.ndarray:
    """What a stack with these weights says of cases, probabilities (cases, runs)."""
    return 1 / (1 + np.exp(-(_logits(probabilities) @ weights + intercept)))


def averaged(probabilities: np.ndarray, weights: np.ndarray, intercept: float = 0.0) -> np.ndarray:
    """The weighted mean of the runs' probabilities, (cases, runs)."""
    return np.clip(probabilities @ weights + intercept, 0.0, 1.0)


LEARNERS: dict[str, tuple[Learner, Speaker]] = {
    "stacking": (stacking_weights, stacked), "greedy": (greedy_weights, averaged)}


def nested(method: str, labels: np.ndarray, folds: np.ndarray, probabilities: pd.DataFrame
           ) -> tuple[np.ndarray, pd.DataFrame]:
    """Probabilities of the ensemble, (cases,), and a row of weights a fold; see the file's head.

    method: a name in `LEARNERS`. labels: float, NaN where unknown; folds: text; probabilities: a column a run.
    The table has `fold, cases` (that taught the weights), a column a run, `intercept`. Where no other fold could teach
    weights, every run counts alike.
    """
    learn, speak = LEARNERS[method]
    values, out_of_fold = probabilities.to_numpy(float), ~np.isin(folds, [HOLDOUT, TEST])
    joined, rows = np.full(len(folds), np.nan), []
    for name in sorted(set(folds)):
        inside, taught = folds == name, out_of_fold & (folds != name) & ~np.isnan(labels)
        if taught.any():
            weights, intercept = learn(labels[taught] == 1, values[taught])
        else:
            weights, intercept = np.full(values.shape[1], 1 / values.shape[1]), 0.0
        joined[inside] = speak(values[inside], weights, intercept)
        rows.append({"fold": name, "cases": int(taught.sum()), **dict(zip(probabilities.columns, weights, strict=True)),
                     "intercept": intercept})
    return joined, pd.DataFrame(rows)


def optimistic(method: str, labels: np.ndarray, probabilities: pd.DataFrame) -> np.ndarray:
    """Probabilities of the cases that also taught the weights, (cases,): not for judging, only for comparison."""
    learn, speak = LEARNERS[method]
    values = probabilities.to_numpy(float)
    return speak(values, *learn(labels == 1, values))


def _logits(probabilities: np.ndarray) -> np.ndarray:
    kept = np.clip(probabilities, 1e-4, 1 - 1e-4)
    return np.log(kept / (1 - kept))
