"""What can be said of predictions that no training of this package made, and what cannot.

In: a run's `Origin` and the findings of the leakage review, which looks for files that such a run cannot have. Out:
findings in which those are replaced by what is missing here: training, weights, arrays, folds, patients.
"""

from collections.abc import Sequence

from radiogen.evaluation.audit.findings import Code, ReviewFinding
from radiogen.evaluation.others.origin import Origin

_OF_FILES = (Code.PATIENTS_UNCHECKED, Code.PIXELS_UNCHECKED)


def review_origin(origin: Origin | None, found: Sequence[ReviewFinding]) -> list[ReviewFinding]:
    """`found`, with what the origin adds and without what it cannot have; unchanged for a run that was trained here."""
    if origin is None:
        return list(found)
    gone = _OF_FILES if origin.patients and origin.folds else (*_OF_FILES, Code.PATIENTS_APART)
    findings = [one for one in found if one.code not in gone]
    if not origin.patients:
        findings.append(ReviewFinding(Code.PATIENTS_UNNAMED))
    return findings + (_of_predictions(origin) if origin.kind == "predictions" else _of_features(origin))


def _of_predictions(origin: Origin) -> list[ReviewFinding]:
    findings = [ReviewFinding(Code.TRAINING_UNSEEN, {"file": origin.file}), ReviewFinding(Code.PIXELS_UNSEEN)]
    if not origin.folds:
        findings.append(ReviewFinding(Code.FOLDS_UNKNOWN))
    if origin.validation:
        findings.append(ReviewFinding(Code.VALIDATION_CASES))
    if origin.calls:
        findings.append(ReviewFinding(Code.CALLS_ALONE))
    if origin.scores == "any":
        findings.append(ReviewFinding(Code.SCORES_RANKED))
    return findings


def _of_features(origin: Origin) -> list[ReviewFinding]:
    if origin.select_before:
        findings = [ReviewFinding(Code.FEATURES_SELECTED_BEFORE, {"features": origin.features})]
    else:
        findings = [ReviewFinding(Code.TRAINING_NESTED, {"learner": origin.learner})]
    if origin.same_features:
        findings.append(ReviewFinding(Code.SAME_FEATURES_ACROSS, {"pairs": origin.same_features}))
    if origin.near_label:
        findings.append(ReviewFinding(Code.FEATURE_NEAR_LABEL, {"auc": origin.near_label}))
    if not origin.same_features and not origin.near_label:
        findings.append(ReviewFinding(Code.FEATURES_APART, {"features": origin.features}))
    return findings
