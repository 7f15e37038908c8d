"""What a run's predictions would mean for patients, computed once: calibration, error rates, net benefit.

In: a table of predictions. Out: a `ClinicalAssessment`; text, page and JSON are renderings of it. Nothing here is
fitted to the cases that it judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from radiogen.evaluation.clinical.decision_curve import decision_curve
from radiogen.evaluation.clinical.operating import ErrorRates, error_rates, predictive_value_table
from radiogen.evaluation.clinical.recalibration import METHODS, recalibrate
from radiogen.evaluation.stats.calibration import Calibration, calibration
from radiogen.evaluation.stats.metrics import brier, calibration_error
from radiogen.evaluation.stats.thresholds import called
from radiogen.runs.predictions import out_of_fold, scored
from radiogen.task import LABEL

AS_PREDICTED = "as predicted"
SMALLEST_GAIN = 1e-12
"""Less is the error of floating point."""


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
    folds; predictive_values: what these rates mean under other prevalences. benefit: `decision_curve` of the
    probabilities after logistic recalibration; better_at: the thresholds at which it exceeds that of treating all
    patients alike, largest_gain: by how much at most, NaN without one.
    """

    calibrations: Mapping[str, CalibrationFigures]
    rates: ErrorRates
    predictive_values: pd.DataFrame
    benefit: pd.DataFrame
    better_at: tuple[float, ...]
    largest_gain: float


def judge_clinical(predictions: pd.DataFrame) -> ClinicalAssessment | None:
    """Judge the out-of-fold cases; None where fewer than two folds are predicted, or a class is missing."""
    cases = out_of_fold(predictions)
    cases = cases[cases[LABEL].notna()]
    if cases["fold"].nunique() < 2 or cases[LABEL].nunique() < 2:
        return None
    tables = {AS_PREDICTED: cases} | {name: cases.assign(probability=recalibrate(cases, name)) for name in METHODS}
    labels, probabilities = scored(tables["logistic"])
    benefit = decision_curve(labels, probabilities)
    gain = benefit["model"] - benefit[["treat_all", "treat_none"]].max(axis=1)
    better = gain > SMALLEST_GAIN
    rates = error_rates(labels, called(cases).to_numpy(bool))
    return ClinicalAssessment({name: _figures(table) for name, table in tables.items()}, rates,
                              predictive_value_table(rates), benefit,
                              tuple(benefit.loc[better, "threshold"]), float(gain[better].max()))


def _figures(cases: pd.DataFrame) -> CalibrationFigures:
    labels, probabilities = scored(cases)
    return CalibrationFigures(calibration(labels, probabilities), brier(labels, probabilities),
                              calibration_error(labels, probabilities))
