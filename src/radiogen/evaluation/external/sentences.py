"""A run on another hospital's cases in words: the sentences that text and page share, and the tables beside them.

In: an `ExternalAssessment`. Out: headings with sentences without a full stop, and tables of numbers. Nothing is
computed here.
"""

import numpy as np
import pandas as pd

from radiogen.core.wording import command
from radiogen.evaluation.clinical.sentences import share_text
from radiogen.evaluation.external.assessment import CohortFigures, ExternalAssessment, Looks
from radiogen.evaluation.external.shift import LARGE
from radiogen.evaluation.stats.intervals import Estimate
from radiogen.evaluation.stats.shares import Share
from radiogen.evaluation.text_tables import field_text
from radiogen.evaluation.wording import comparison_sentence, reach_sentence, verdict_sentence
from radiogen.runs import layout

Line = tuple[str, str]
_WAYS = {"patient": f"names ({layout.PATIENTS})", "files": "hashes of files", "array": "hashes of arrays",
         "picture": "perceptual hashes", "series": "perceptual hashes along the patient's axes",
         "weights": f"what the initial weights have seen ({layout.SEEN_CASES})"}


def external_lines(judged: ExternalAssessment) -> list[Line]:
    """What is said of a run on one cohort, each sentence with its heading."""
    return [("outside", _outside(judged)), ("inside", f"out-of-fold, {verdict_sentence(judged.inside.verdict)}"),
            ("difference", f"outside less inside: {comparison_sentence(judged.difference)}"),
            ("threshold", _threshold(judged)), ("calibration", _calibration(judged)), ("groups", _groups(judged)),
            ("shift", _shift(judged)), ("no image", _image_free(judged)), ("overlap", _overlap(judged)),
            ("looks", looks_sentence(judged.looks))]


def claim_sentence(judged: ExternalAssessment) -> str:
    """The answer to CLAIM's item on external data for one cohort."""
    found, gap = judged.outside.verdict, judged.difference.estimate
    return (f"{judged.name}: {found.cases} cases, AUC {found.estimate.value:.3f} ({found.estimate.low:.3f} to "
            f"{found.estimate.high:.3f}), outside less inside {gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}); "
            f"{looks_sentence(judged.looks)}")


def looks_sentence(looks: Looks) -> str:
    """Which look this is, and whether the record can be believed."""
    number = f"look {looks.number} of {looks.judged}" if looks.number else "this look is not on record"
    text = f"{number} at this cohort, by {looks.runs} run{'s' if looks.runs != 1 else ''}"
    refused = len(looks.rows) - looks.judged
    text += f"; {refused} refused for an overlap" if refused else ""
    return text if looks.intact else f"{text}; the record was changed after it was written"


def stale_sentence(run: str, cohort: str) -> str:
    """Of a cohort that other networks have predicted."""
    return (f"{run} on {cohort}: predicted by other networks than the run has now; validate again: "
            f"{command('validate')} {run} --data FOLDER")


def measures_table(judged: ExternalAssessment) -> pd.DataFrame:
    """`measure, inside, inside_low, inside_high, outside, outside_low, outside_high`."""
    columns = ("", "_low", "_high")
    rows = [{"measure": name, **{f"{place}{end}": value for place, cells in (("inside", inside), ("outside", outside))
                                 for end, value in zip(columns, cells, strict=True)}}
            for (name, inside), (_, outside) in zip(_measures(judged.inside), _measures(judged.outside), strict=True)]
    return pd.DataFrame(rows)


def _measures(figures: CohortFigures) -> list[tuple[str, tuple[float, float, float]]]:
    fitted = figures.calibration
    parts: list[tuple[str, Estimate | Share]] = [
        ("AUC", figures.verdict.estimate), ("sensitivity", figures.sensitivity), ("specificity", figures.specificity),
        ("calibration slope", fitted.slope), ("calibration intercept", fitted.intercept),
        ("calibration in the large", fitted.in_the_large)]
    return [*((name, (one.value, one.low, one.high)) for name, one in parts),
            ("Brier score", (figures.measures["brier"], np.nan, np.nan))]


def _outside(judged: ExternalAssessment) -> str:
    found = judged.outside.verdict
    text = (f"{found.cases} cases of {judged.name}, {found.positives} {judged.classes[1]}: {verdict_sentence(found)}. "
            f"{reach_sentence(found)}")
    if judged.facts.without_label:
        count = len(judged.facts.without_label)
        text += (f". {count} {'cases' if count > 1 else 'case'} without a label {'are' if count > 1 else 'is'} "
                 f"predicted and not judged ({layout.UNLABELLED})")
    if judged.facts.leave_out:
        text += f". Left out by hand: {', '.join(judged.facts.leave_out)}"
    if judged.facts.ceiling is not None:
        text += f". The cohort is a phantom: no method does better than {judged.facts.ceiling:.3f}"
    return text


def _threshold(judged: ExternalAssessment) -> str:
    parts = [f"sensitivity {share_text(one.sensitivity)}, specificity {share_text(one.specificity)}"
             for one in (judged.outside, judged.inside)]
    return (f"frozen at {judged.threshold:.3f}, from the run's own folds: {parts[0]}; inside, at those of the other "
            f"folds: {parts[1]}. Inside one network scored each case, outside their mean, which is less extreme: a "
            "part of the difference may be that")


def _calibration(judged: ExternalAssessment) -> str:
    parts = [", ".join(f"{name} {_estimate(one)}" for name, one in (
        ("slope", fitted.slope), ("intercept", fitted.intercept), ("in the large", fitted.in_the_large)))
        for fitted in (judged.outside.calibration, judged.inside.calibration)]
    return f"{parts[0]}; inside: {parts[1]}. Right are slope 1, intercept 0"


def _estimate(estimate: Estimate) -> str:
    if np.isnan(estimate.value):
        return "cannot be fitted"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _groups(judged: ExternalAssessment) -> str:
    outside = judged.groups[judged.groups["cohort"] == judged.name]
    if outside.empty:
        return f"site, sex and age are not known: the data set has no {layout.PATIENTS}"
    parts = [f"{row['by']} {row['group']}, {row['cases']} cases: " + (
        "too few" if row["too_small"] else f"AUC {row['auc']:.3f} ({row['low']:.3f} to {row['high']:.3f})")
        for row in outside.to_dict("records")]
    return "; ".join(parts)


def _shift(judged: ExternalAssessment) -> str:
    tested = int(judged.shift["p"].notna().sum())
    text = (f"{judged.changed} of {tested} numbers of geometry, intensity and patients differ (Kolmogorov-Smirnov, p "
            f"adjusted below 0.05); {judged.large} of {len(judged.shift)} fields have a stability index that is "
            f"by {LARGE:g} or more above chance")
    largest = judged.shift.sort_values("psi", ascending=False, kind="stable").head(3)
    largest = largest.assign(field=field_text(largest["field"]))
    named = ", ".join(f"{' '.join(filter(None, (row['sequence'], row['field'])))} ({row['psi']:.2f})"
                      for row in largest.to_dict("records"))
    text += f", the largest {named}" if named else ""
    return text if judged.intensities else f"{text}. Raw intensities were not compared"


def _image_free(judged: ExternalAssessment) -> str:
    if judged.image_free.empty:
        return "not checked: the geometry of a cohort is not known"
    parts = [f"{row['model']} AUC {row['inside_auc']:.3f} inside, {row['outside_auc']:.3f} outside"
             for row in judged.image_free.to_dict("records")]
    return f"models without images, trained inside: {'; '.join(parts)}"


def _overlap(judged: ExternalAssessment) -> str:
    found = judged.facts.overlap
    checked, unchecked = ([_WAYS[way] for way in found[name]] for name in ("checked", "unchecked"))
    text = f"nobody is in both cohorts by {', '.join(checked)} (up to {found['limit']} bits of 256)"
    text += f"; not checked: {', '.join(unchecked)}" if unchecked else ""
    same = found["same_ids"]
    return f"{text}; {same} case ids are in both, which alone means nothing" if same else text
