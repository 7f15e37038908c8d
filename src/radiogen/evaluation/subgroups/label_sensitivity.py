"""How much a run's AUC depends on labels that are not certain: they are dropped, flipped, or chosen at the worst.

In: predictions and the patients' column `label_uncertain`. Out: a row a treatment of the uncertain labels. Training is
not repeated: what a network would have learnt from other labels only another training can show.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.core.auc import auc
from radiogen.dataset.patients import UNCERTAIN
from radiogen.evaluation.stats.intervals import bootstrap_interval
from radiogen.runs.predictions import scored
from radiogen.task import ID, LABEL

AS_THEY_ARE, DROPPED, FLIPPED = "as they are", "uncertain dropped", "uncertain flipped"
LOWEST, HIGHEST = "lowest over all choices", "highest over all choices"
COLUMNS = ["labels", "cases", "positive", "uncertain", "auc", "low", "high"]
_YES = ("1", "1.0", "yes", "true", "y")


def uncertain_cases(patients: pd.DataFrame | None) -> list[str]:
    """The ids of the cases whose label is marked as uncertain; [] where the table has no such column."""
    if patients is None or UNCERTAIN not in patients:
        return []
    return patients.loc[patients[UNCERTAIN].astype(str).str.casefold().isin(_YES), ID].tolist()


def label_sensitivity(predictions: pd.DataFrame, patients: pd.DataFrame | None) -> pd.DataFrame | None:
    """`COLUMNS`, a row a treatment of the uncertain labels; None where none of the labelled cases is uncertain.

    LOWEST and HIGHEST are the ends of the AUC over every choice of the uncertain labels; their intervals are for these
    labels. The interval is the patient bootstrap's.
    """
    known = predictions[predictions[LABEL].notna()]
    doubtful = known[ID].isin(uncertain_cases(patients)).to_numpy()
    if not doubtful.any():
        return None
    rows = []
    for name, labels, kept in _treatments(*scored(known), doubtful):
        probabilities = known["probability"].to_numpy(float)[kept]
        low, high = bootstrap_interval(labels[kept], probabilities)
        rows.append({"labels": name, "cases": int(kept.sum()), "positive": int(labels[kept].sum()),
                     "uncertain": int((doubtful & kept).sum()), "auc": auc(labels[kept], probabilities), "low": low,
                     "high": high})
    return pd.DataFrame(rows, columns=COLUMNS)


def _treatments(labels: NDArray[np.bool_], probabilities: NDArray[np.float64], doubtful: NDArray[np.bool_]
                ) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Name, labels and which cases count, of each treatment."""
    everyone = np.ones(len(labels), dtype=bool)
    yield AS_THEY_ARE, labels, everyone
    yield DROPPED, labels, ~doubtful
    yield FLIPPED, labels ^ doubtful, everyone
    for name, sign in ((LOWEST, -1), (HIGHEST, 1)):
        yield name, _extreme(labels, probabilities, doubtful, sign), everyone


def _extreme(labels: NDArray[np.bool_], probabilities: NDArray[np.float64], doubtful: NDArray[np.bool_], sign: int
             ) -> NDArray[np.bool_]:
    """The labels with the highest (sign 1) or lowest (-1) AUC.

    For a given number of positives among the uncertain cases the AUC is highest where they have the highest
    probabilities, so one choice a number is tried.
    """
    places = np.flatnonzero(doubtful)
    ordered = places[np.argsort(-sign * probabilities[places], kind="stable")]
    best, reached = labels, -np.inf
    for count in range(len(ordered) + 1):
        chosen = labels.copy()
        chosen[ordered] = np.arange(len(ordered)) < count
        area = sign * auc(chosen, probabilities)
        if area > reached:
            best, reached = chosen, area
    return best
