"""How good a run is among the patients of one site, of one sex, of one age, inside and outside.

In: predictions and a table of patients. Out: a row a group. A group with fewer than `LEAST` cases of a class has no
AUC: a handful of patients would decide it.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.dataset.patients import AGE, SEX, SITE
from radiogen.evaluation.stats.intervals import auc_interval
from radiogen.runs.predictions import scored
from radiogen.task import ID, LABEL

LEAST = 10
AGE_GROUPS = ((0.0, 50.0, "under 50"), (50.0, 65.0, "50 to 64"), (65.0, np.inf, "65 and over"))
COLUMNS = ["cohort", "by", "group", "cases", "positive", "auc", "low", "high", "too_small"]


def group_table(cohort: str, predictions: pd.DataFrame, patients: pd.DataFrame | None) -> pd.DataFrame:
    """`COLUMNS`, a row a group of the cohort by site, sex and age, as far as known.

    patients: as `read_patients` returns it. too_small: fewer than `LEAST` cases of a class, the AUC is NaN then. The
    interval is DeLong's.
    """
    if patients is None:
        return pd.DataFrame(columns=COLUMNS)
    known = predictions[predictions[LABEL].notna()].merge(patients[[ID, SITE, SEX, AGE]], on=ID)
    rows = []
    for field, name, cases in _groups(known):
        labels, probabilities = scored(cases)
        small = bool(min(labels.sum(), (~labels).sum()) < LEAST)
        low, high = (np.nan, np.nan) if small else auc_interval(labels, probabilities)
        rows.append({"cohort": cohort, "by": field, "group": name, "cases": len(labels), "positive": int(labels.sum()),
                     "auc": np.nan if small else auc(labels, probabilities), "low": low, "high": high,
                     "too_small": small})
    return pd.DataFrame(rows, columns=COLUMNS)


def _groups(cases: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """By what cases are grouped, the group, its cases."""
    for field in (SITE, SEX):
        for name in sorted(set(cases[field]) - {""}):
            yield field, name, cases[cases[field] == name]
    for low, high, name in AGE_GROUPS:
        inside = cases[(cases[AGE] >= low) & (cases[AGE] < high)]
        if len(inside):
            yield AGE, name, inside
