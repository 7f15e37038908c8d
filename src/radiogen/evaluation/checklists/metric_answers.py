"""Which metrics a run reports, by the recommendations of Metrics Reloaded, which it does not, and why.

In: the assessment of a run. Out: answers by topic, as answers.py gives them. The recommendations are those for two
classes of whole images; figures are of the set that the run is judged by.
"""

import numpy as np

from radiogen.evaluation.checklists.answers import Answers
from radiogen.evaluation.clinical.sentences import share_text
from radiogen.evaluation.report.assessment import OUT_OF_FOLD, RunAssessment

_FOLDS, _SUMMARY, _CLINICAL = ((place,) for place in (
    ("#folds", "tables per fold"), ("#summary", "summary"), ("#clinical", "calibration and decisions")))


def metric_answers(assessed: RunAssessment) -> Answers:
    """By topic which metric is reported, and its figure, or why it is not."""
    return {**_problem(assessed), **_counting(assessed), **_ranking(assessed), **_clinical(assessed)}


def _problem(assessed: RunAssessment) -> Answers:
    main, task = assessed.main, assessed.run.task
    share = main.verdict.positives / main.verdict.cases
    return {
        "m_category": ("image-level classification, two classes, one call a patient", ()),
        "m_prevalence": (f"{share:.1%} of {main.verdict.cases} cases are {task.positive}. Whether that is so in the "
                         "target population is for the author to say; where it is not, read no figure that depends on "
                         "it", _SUMMARY),
        "m_calibrated": ("measured, for a probability is what the run gives", ()),
        "m_unit": ("patients: folds are made by patient, tests and intervals count patients", (
            ("#leakage", "leakage review"),)),
        "m_several": ("ranking (AUC), errors of each class, calibration; none stands for another", _SUMMARY),
        "m_pooled": ("the AUC is that within folds, each pair of cases of one fold counting once; all else with folds "
                     "pooled, and by fold with mean and deviation" if main.name == OUT_OF_FOLD else
                     "there is one set and no fold", _FOLDS)}


def _counting(assessed: RunAssessment) -> Answers:
    main = assessed.main
    calls, matrix = main.calls, main.calls.matrix
    return {
        "m_accuracy": (f"reported, {_figure(main.measures['accuracy'])} at 0.5, beside that of calling all cases "
                       f"alike, {calls.commonest / matrix.cases:.3f}; no verdict rests on it", _FOLDS),
        "m_balanced": ("not reported: sensitivity and specificity, whose mean it is, are, each by itself", ()),
        "m_cost": ("not reported: what an error costs nobody has said; net benefit shows a range of costs", ()),
        "m_matthews": ("not reported: it depends on the prevalence, and so on how the cases were collected", ()),
        "m_kappa": ("not reported: it depends on the prevalence, and two classes have no order to weigh", ()),
        "m_f1": (f"reported, {_figure(main.measures['f1'])} at 0.5, for it is in the tables of the field; no verdict "
                 "rests on it", _FOLDS),
        "m_likelihood": ("not reported: it follows from sensitivity and specificity", ())}


def _ranking(assessed: RunAssessment) -> Answers:
    main, found = assessed.main, assessed.main.verdict.estimate
    return {
        "m_auc": (f"reported, and the verdict rests on it: {_figure(found.value)} ({_figure(found.low)} to "
                  f"{_figure(found.high)})", _SUMMARY),
        "m_precision": (f"reported, {_figure(main.measures['average_precision'])}, to be read beside the share of "
                        f"positive cases, {main.verdict.positives / main.verdict.cases:.3f}, which is what chance "
                        "gives", _FOLDS),
        "m_brier": (f"reported, {_figure(main.measures['brier'])}", _FOLDS),
        "m_error": (f"reported, {_figure(main.measures['calibration_error'])}; no verdict rests on it", _FOLDS)}


def _clinical(assessed: RunAssessment) -> Answers:
    judged = assessed.clinical
    if judged is None:
        calls = assessed.main.calls
        missing = ("not reported: two folds with both classes are needed", ())
        return {"m_rates": (f"reported at 0.5: {share_text(calls.sensitivity)} and "
                            f"{share_text(calls.specificity)}", _FOLDS),
                "m_predictive": missing, "m_benefit": missing, "m_slope": missing}
    slope = judged.calibrations["as predicted"].calibration.slope
    shares = ", ".join(f"{share:.0%}" for share in judged.predictive_values["prevalence"])
    return {
        "m_rates": (f"reported, at thresholds of the other folds: {share_text(judged.rates.sensitivity)} and "
                    f"{share_text(judged.rates.specificity)}", _CLINICAL),
        "m_predictive": (f"reported, for the prevalence of these cases and for {shares}", _CLINICAL),
        "m_benefit": ("reported after recalibration, with the decision curve", _CLINICAL),
        "m_slope": (f"reported: slope {_figure(slope.value)} ({_figure(slope.low)} to {_figure(slope.high)}), 1 is "
                    "right; the diagram is beside it", _CLINICAL)}


def _figure(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "not known"
