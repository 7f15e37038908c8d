"""Which classes cannot be ruled out for a patient: class-conditional cross-conformal sets.

In: out-of-fold predictions and what each fold's network says of a new patient. Out: a p-value a class, and the set of
classes whose p-value exceeds 1 - coverage. Cross-conformal: Vovk, Ann. Math. Artif. Intell. 2015;74:9; class by class
(Mondrian): Vovk et al., Algorithmic Learning in a Random World, 2005. A network's word on the patient is compared with
its own words on the cases that it had not seen, so that folds of different calibration do no harm. What is promised is
that the true class of a new patient of the same population is in the set as often as `coverage` says, in each class by
itself; cross-conformal sets are proven to miss at most twice as often, and miss as often in practice.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from radiogen.core.types import FloatArray
from radiogen.runs.predictions import out_of_fold, scored
from radiogen.task import LABEL

COVERAGE = 0.9
"""Of each class by the sets, where nothing else is asked for."""


def class_p_values(predictions: pd.DataFrame, by_fold: Mapping[str, FloatArray | float]) -> FloatArray:
    """How unusual patients would be among the cases of class 0, and of class 1: the share that fits no better.

    predictions: of the run; by_fold: the patients' probabilities, (patients,) or one number, by the fold whose network
    gave them. Only the cases of these folds are compared. Returns (patients, 2): (fits no better + 1) / (cases + 1);
    NaN where a class has no such case.
    """
    judged = out_of_fold(predictions)
    judged = judged[judged[LABEL].notna()]
    patients = max((np.size(one) for one in by_fold.values()), default=0)
    no_better, cases = np.zeros((patients, 2)), np.zeros(2)
    for fold, probability in by_fold.items():
        labels, known = scored(judged[judged["fold"] == fold])
        own = np.atleast_1d(np.asarray(probability, float))
        for label, misfit, of_patient in ((0, known[~labels], own), (1, 1 - known[labels], 1 - own)):
            no_better[:, label] += (misfit[None] >= of_patient[:, None]).sum(axis=1)
            cases[label] += len(misfit)
    return np.where(cases > 0, (no_better + 1) / (cases + 1), np.nan)


def conformal_set(p_values: FloatArray, coverage: float = COVERAGE) -> tuple[int, ...] | None:
    """The classes that cannot be ruled out for one patient: none, one or both; None where a p-value is not known.

    p_values: (2,). With fewer than 1 / (1 - coverage) - 1 cases of a class it can never be ruled out.
    """
    if np.isnan(p_values).any():
        return None
    return tuple(label for label in (0, 1) if p_values[label] > 1 - coverage + 1e-12)
