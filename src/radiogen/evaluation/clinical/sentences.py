"""What predictions would mean for patients, in words: the sentences and tables that text and page share.

In: a `ClinicalAssessment`. Out: headings with sentences without a full stop, and tables of numbers. Nothing is fitted
here.
"""

import numpy as np
import pandas as pd

from radiogen.evaluation.clinical.judge import AS_PREDICTED, CalibrationFigures, ClinicalAssessment
from radiogen.evaluation.stats.intervals import Estimate
from radiogen.evaluation.stats.shares import Share
from radiogen.task import Task


def clinical_lines(judged: ClinicalAssessment, task: Task) -> list[tuple[str, str]]:
    """What is said of a run's calibration, its error rates and its net benefit, each sentence with its heading."""
    return [("calibration", _calibration(judged)), ("error rates", _rates(judged, task)),
            ("net benefit", _benefit(judged))]


def calibration_table(judged: ClinicalAssessment) -> pd.DataFrame:
    """`probabilities, slope, slope_low, slope_high, intercept, intercept_low, intercept_high, brier,
    calibration_error`; one row as predicted, and one a recalibration."""
    return pd.DataFrame([{"probabilities": name if name == AS_PREDICTED else f"{name} recalibration",
                          **_columns("slope", one.calibration.slope),
                          **_columns("intercept", one.calibration.intercept),
                          "brier": one.brier, "calibration_error": one.calibration_error}
                         for name, one in judged.calibrations.items()])


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _calibration(judged: ClinicalAssessment) -> str:
    before, after = judged.calibrations[AS_PREDICTED], judged.calibrations["logistic"]
    return (f"as predicted, {_fitted(before)}; after logistic recalibration in the other folds, {_fitted(after)}. "
            "Right are slope 1 and intercept 0")


def _fitted(figures: CalibrationFigures) -> str:
    parts = [f"{name} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})" if np.isfinite(one.value)
             else f"{name} cannot be fitted" for name, one in (("slope", figures.calibration.slope),
                                                               ("intercept", figures.calibration.intercept))]
    return f"{', '.join(parts)}, Brier score {figures.brier:.3f}"


def _rates(judged: ClinicalAssessment, task: Task) -> str:
    rates = judged.rates
    return (f"called at thresholds chosen in the other folds: sensitivity {share_text(rates.sensitivity)}, specificity "
            f"{share_text(rates.specificity)}; of those called {task.positive} {share_text(rates.positive_value)} are, "
            f"of those called {task.negative} {share_text(rates.negative_value)}, where {rates.prevalence:.0%} of all "
            f"are {task.positive}")


def share_text(share: Share) -> str:
    """A share with its interval and its counts."""
    if not share.cases:
        return "not known"
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f}; {share.found} of {share.cases})"


def _benefit(judged: ClinicalAssessment) -> str:
    if not judged.better_at:
        return "at no threshold larger than that of treating all patients alike"
    return (f"after recalibration, larger than that of treating all patients alike at thresholds from "
            f"{min(judged.better_at):.2f} to {max(judged.better_at):.2f}, by up to {judged.largest_gain:.3f} true "
            "positives a patient")
