"""What a run's predictions would mean for patients, computed once: calibration, error rates, net benefit.

In: a table of predictions. Out: a `ClinicalAssessment`; text, page and JSON are renderings of it. Nothing here is
fitted to the cases that it judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from radiogen.evaluation.clinical.decision_curve import decision_curve
from radiogen.evaluation.clinical.operating import ErrorRates, error_rates
from radiogen.evaluation.clinical.recalibration import METHODS, recalibrate
from radiogen.evaluation.stats.calibration import Calibration, calibration
from radiogen.evaluation.stats.metrics import brier, calibration_error, scored
from radiogen.evaluation.stats.thresholds import called
from radiogen.runs.predictions import out_of_fold
from radiogen.task import LABEL

AS_PREDICTED = "as predicted"


@dataclass(frozen=True)
class CalibrationFigures:
    """calibration: slope and intercept. brier, calibration_error: `metrics.brier`, `metrics.calibration_error`."""

    calibration: Calibration
    brier: float
    calibration_error: float


@dataclass(frozen=True)
class ClinicalAssessment:
    """Of the out-of-fold cases.

    calibrations: by `AS_PREDICTED` and each of `recalibration.METHODS`. rates: at the thresholds chosen in the other
    folds. benefit: `decision_curve` of the probabilities after logistic recalibration.
    """

    calibrations: Mapping[str, CalibrationFigures]
    rates: ErrorRates
    benefit: pd.DataFrame


def judge_clinical(predictions: pd.DataFrame) -> ClinicalAssessment | None:
    """Judge the out-of-fold cases; None where fewer than two folds are predicted, or a class is missing."""
    cases = out_of_fold(predictions)
    cases = cases[cases[LABEL].notna()]
    if cases["fold"].nunique() < 2 or cases[LABEL].nunique() < 2:
        return None
    tables = {AS_PREDICTED: cases} | {name: cases.assign(probability=recalibrate(cases, name)) for name in METHODS}
    labels, probabilities = scored(tables["logistic"])
    return ClinicalAssessment({name: _figures(table) for name, table in tables.items()},
                              error_rates(labels, called(cases).to_numpy(bool)),
                              decision_curve(labels, probabilities))


def _figures(cases: pd.DataFrame) -> CalibrationFigures:
    labels, probabilities = scored(cases)
    return CalibrationFigures(calibration(labels, probabilities), brier(labels, probabilities),
                              calibration_error(labels, probabilities))
