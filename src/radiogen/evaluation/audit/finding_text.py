"""The findings of the leakage review in words: a sentence of what was found, and what to do about it.

In: a `ReviewFinding`. Out: text. Nothing is ever read back from it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from radiogen.core.wording import parameter, shortened
from radiogen.evaluation.audit.doubtful import DOUBTED, finding_cases
from radiogen.evaluation.audit.findings import Check, Code, ReviewFinding, Severity
from radiogen.runs import layout
from radiogen.runs.fold_weights import unrecorded_text
from radiogen.runs.lineage import lineage_text

_RESTORE = f"restore {layout.RUN}, or train a new run"
_PREDICT = "predict again, with the folds of the training"
_NEAR = "nearly the same pixels (up to {limit} of {bits} bits differ, or the same once they are registered)"

_LOOKS = ("the {number} of {looks} at these {cases} {cohort} patients (highest AUC {best:.3f}); p = {p:.2g} "
          "by itself, {p_best:.2g} as one of {looks}")

_SENTENCES: Mapping[Code, str] = {
    Code.PATIENT_TWICE: f"{{patients}} in more than one row of {layout.FOLDS}",
    Code.PATIENT_IN_TEST: "{patients} in the training and in the test set",
    Code.PATIENT_IN_OTHER_FOLD: f"{{patients}} predicted in another fold than {layout.FOLDS} says, so by a network "
                                "that may have seen them",
    Code.PATIENT_IN_NO_FOLD: "{patients} predicted but in no fold",
    Code.PATIENT_SPLIT: "cases of one patient on both sides of a split: {splits}",
    Code.PATIENTS_APART: "{patients} patients, each in one fold",
    Code.PATIENTS_UNCHECKED: "{file} is missing",
    Code.SAME_PIXELS_ACROSS: "the same pixels on both sides of a split: {pairs}",
    Code.SAME_PIXELS_WITHIN: "the same pixels within a fold: {pairs}",
    Code.NEAR_PIXELS_ACROSS: f"{_NEAR} on both sides of a split: {{pairs}}",
    Code.NEAR_PIXELS_WITHIN: f"{_NEAR} within a fold: {{pairs}}",
    Code.PIXELS_APART: "{cases} cases, no two with the same or nearly the same pixels (up to {limit} of {bits} bits)",
    Code.PIXELS_UNCHECKED: "{file} is missing",
    Code.COPIES_UNCHECKED: "arrays of {cases} cases are of an earlier version, which kept no thumbnails: copies that "
                           "were moved, mirrored, turned or cut are not looked for",
    Code.WEIGHTS_RECORDED: "{networks} networks, each the file that training of its fold wrote",
    Code.WEIGHTS_UNRECORDED: "{runs}",
    Code.LINEAGE_SAME_FOLDS: "{lineage}, on the same folds",
    Code.LINEAGE_OTHER_FOLDS: "it began with networks of {run}, whose folds are others: they had seen cases that its "
                              "own networks judge",
    Code.LINEAGE_WRONG_FOLD: "fold {fold} began with the network of fold {source_fold} of {run}, which had seen its "
                             "cases",
    Code.LINEAGE_WRONG_NETWORK: f"fold {{fold}} began with another network than {layout.RUN} records of {{run}}",
    Code.LINEAGE_UNRECORDED: f"{{sources}}, and {layout.RUN} records none",
    Code.ANCESTOR_FOLDS_CHANGED: f"{{run}}, with whose networks it began, has other folds than {layout.RUN} records",
    Code.FIRST_WEIGHTS_SAW: "{patients} among the cases that {weights}, with which {run} began, was trained on",
    Code.FIRST_WEIGHTS_SAW_NAMESAKES: "{patients} also an id of another cohort ({cohorts}) that {weights}, with which "
                                      "{run} began, was trained on",
    Code.FIRST_WEIGHTS_SAW_IMAGES: "{patients} among the cases whose images, without labels, {weights} had seen, with "
                                   "which {run} began",
    Code.FIRST_WEIGHTS_UNSEEN: "{run} began with {weights}: none of the {seen} cases that it was trained on is scored",
    Code.FIRST_WEIGHTS_PHOTOGRAPHS: "{run} began with ImageNet's weights, whose photographs show no patient",
    Code.FIRST_WEIGHTS_UNKNOWN: "{run} began with {weights}, and no {file} says which cases that was trained on",
    Code.FIRST_WEIGHTS_OTHER_IDS: "{run} began with {weights}, whose {file} has no id as this data set writes them, "
                                  "such as {example}",
    Code.PATIENTS_UNNAMED: "no table says which cases are of one patient",
    Code.FOLDS_UNKNOWN: "there are no folds: that none of these cases trained the model is taken on trust",
    Code.PIXELS_UNSEEN: "there are no images, so a case that is there twice may be missed",
    Code.TRAINING_UNSEEN: "{file} is a table of predictions: what trained the model that scored a case, its weights, "
                          "what was chosen on the scored cases, and how good its training is on permuted labels cannot "
                          "be seen",
    Code.TRAINING_NESTED: "{learner}: features and settings were chosen inside the training folds",
    Code.FEATURES_SELECTED_BEFORE: "{features} features were selected on all cases, the scored ones among them: this "
                                   "AUC is made of leakage, and shown to be compared with the right one",
    Code.VALIDATION_CASES: "these are cases of a validation set: if they chose the epoch, the settings or the model, "
                           "the figures are too high",
    Code.CALLS_ALONE: "the probabilities are 0 and 1 alone: these are calls, and a threshold that was chosen on the "
                      "scored cases makes such an AUC of labels without meaning",
    Code.SCORES_RANKED: "the probabilities are ranks of scores: only the AUC means something, calls at 0.5 and "
                        "calibration do not",
    Code.SAME_FEATURES_ACROSS: "the same features on both sides of a split: {pairs}",
    Code.FEATURE_NEAR_LABEL: "{auc}: a feature that alone ranks nearly all cases may be the label itself, or made from "
                             "it",
    Code.FEATURES_APART: "{features} features; no two cases of different folds have the same, and none alone is nearly "
                         "the label",
    Code.HOLDOUT_SCORED_ONCE: "scored once by this run, on {dates}",
    Code.HOLDOUT_SCORED_AGAIN: "scored {count} times by this run with different predictions ({dates}): the last figure "
                               "is no longer that of unseen cases",
    Code.HOLDOUT_UNSCORED: "{file} is missing: it was not scored yet",
    Code.LOOKED_ONCE: "the first look at these {cases} {cohort} patients",
    Code.LOOKED_BEFORE: f"{_LOOKS}",
    Code.LOOKS_BY_CHANCE: f"{_LOOKS}: the best of so many looks at labels without meaning is as good",
    Code.LEDGER_ALTERED: "an entry of {file} was changed or taken out after it was written",
    Code.LOOKS_REMOVED: "{file} lacks looks that it had, by {names}",
    Code.LOOKS_UNRECORDED: "{names} judged without an entry in {file}, by an earlier version or after it was deleted",
    Code.LOOKS_UNCHECKED: "{file} has no look at these patients",
    Code.AUC_SUSPICIOUS: "{auc}: above {limit:.2f}, the limit that is set for this data set",
    Code.AUC_BELOW_LIMIT: "no AUC is above {limit:.2f}",
    Code.AUC_UNLIMITED: "no suspicious_auc is set for this data set"}

_REMEDIES: Mapping[Code, str] = {
    Code.PATIENT_TWICE: "keep one row a patient and train again",
    Code.PATIENT_IN_TEST: "take them out of the labels and train again",
    Code.PATIENT_IN_OTHER_FOLD: _PREDICT, Code.PATIENT_IN_NO_FOLD: _PREDICT,
    Code.PATIENT_SPLIT: "train a new run: its folds keep the cases of a patient together",
    Code.SAME_PIXELS_ACROSS: "look at both; if they are one patient, keep one case and train again",
    Code.NEAR_PIXELS_ACROSS: "look at both; if they are one patient, keep one case and train again",
    Code.SAME_PIXELS_WITHIN: "look at both; one patient would count twice",
    Code.NEAR_PIXELS_WITHIN: "look at both; one patient would count twice",
    Code.WEIGHTS_UNRECORDED: "train the run again where it has to be shown",
    Code.LINEAGE_OTHER_FOLDS: "train a new run from nothing",
    Code.ANCESTOR_FOLDS_CHANGED: "train a new run from nothing",
    Code.LINEAGE_WRONG_FOLD: _RESTORE, Code.LINEAGE_WRONG_NETWORK: _RESTORE, Code.LINEAGE_UNRECORDED: _RESTORE,
    Code.FIRST_WEIGHTS_SAW: "begin with other weights, or at random; or leave these cases out and train again",
    Code.FIRST_WEIGHTS_SAW_NAMESAKES: "see whether they are the same patients; if so, leave them out and train again",
    Code.FIRST_WEIGHTS_SAW_IMAGES: "no label leaks by that; say so beside the figures, or pretrain without these cases",
    Code.PATIENTS_UNNAMED: f"name a table of patients: {parameter('patients')} FILE",
    Code.FEATURES_SELECTED_BEFORE: "select features inside the training folds",
    Code.VALIDATION_CASES: "judge on cases that chose nothing",
    Code.CALLS_ALONE: "give the probabilities from which the calls were made",
    Code.SCORES_RANKED: "give probabilities where calls and calibration matter",
    Code.SAME_FEATURES_ACROSS: "look at both; if they are one patient, give them one patient in a table of patients",
    Code.FEATURE_NEAR_LABEL: "look at how it was made; if it follows the label, take it out",
    Code.HOLDOUT_SCORED_AGAIN: "report the first scoring, or say how many there were",
    Code.LOOKED_BEFORE: "report how many looks there were, and the p that accounts for them",
    Code.LOOKS_BY_CHANCE: "report all looks, or judge once on patients at whom nobody has looked",
    Code.LEDGER_ALTERED: "restore it", Code.LOOKS_REMOVED: "restore it",
    Code.AUC_SUSPICIOUS: "look for cases that share a patient, a burnt-in mark, labels tied to planes or ids, a choice "
                         "made on the scored folds; then judge on data of another hospital"}


_UNSEEN = (Check.PATIENTS, Check.PIXELS, Check.NETWORKS, Check.LINEAGE, Check.FIRST_WEIGHTS, Check.TRAINING,
           Check.FEATURES, Check.AUC)
"""Checks on which it depends whether networks had seen the patients whom they scored."""


def sentence(finding: ReviewFinding) -> str:
    """What was found."""
    return _SENTENCES[finding.code].format(**{name: _shown(name, value) for name, value in finding.values.items()},
                                           count=len(finding.values.get("dates", ())))


def remedy(finding: ReviewFinding) -> str:
    """What to do about it, "" where there is nothing to do."""
    return _REMEDIES.get(finding.code, "")


def unseen_sentence(findings: Iterable[ReviewFinding]) -> str:
    """Whether patients were scored by networks that had not seen them: only as far as the review bears it."""
    found = [one for one in findings if one.check in _UNSEEN]
    by_severity = {severity: list(dict.fromkeys(str(one.check) for one in found if one.severity is severity))
                   for severity in Severity}
    if any(one.code is Code.FIRST_WEIGHTS_SAW for one in found):
        return "Its networks began with weights that had seen scored patients (see the warnings)."
    if alarms := [name for name in by_severity[Severity.ALARM] if name != Check.AUC]:
        return f"An alarm says that networks had seen patients whom they scored: {', '.join(alarms)} (see Warnings)."
    if by_severity[Severity.ALARM]:
        return "By its tables no network had seen a patient whom it scored; an AUC this high makes that doubtful."
    if any(one.code in DOUBTED for one in found):
        return "A network may have seen a patient whom it scored (see the warnings)."
    images = [one for one in found if one.code is Code.FIRST_WEIGHTS_SAW_IMAGES]
    unseen = f"every patient was scored by networks that had not seen that patient{_but_images(images)}"
    unchecked = [name for name in by_severity[Severity.NOT_CHECKED] if name != Check.AUC]
    checked = [name for name in by_severity[Severity.PASSED] if name != Check.AUC]
    if unchecked:
        return f"As far as it was checked, {unseen}; not checked: {', '.join(unchecked)}."
    return f"By every check that was made ({', '.join(checked)}), {unseen}."


def _but_images(findings: Iterable[ReviewFinding]) -> str:
    """Words on the patients whose images were seen without labels; "" where there are none."""
    count = len({case for one in findings for case in finding_cases(one)})
    return f"'s label; images of {count} were seen without labels, in pretraining" if count else ""


def finding_row(finding: ReviewFinding) -> dict[str, str]:
    """The finding as `code, severity, check, sentence, remedy, cases`, the last with a space between ids."""
    return {"code": finding.code.name.lower(), "severity": str(finding.severity), "check": str(finding.check),
            "sentence": sentence(finding), "remedy": remedy(finding), "cases": " ".join(finding_cases(finding))}


def _shown(name: str, value: Any) -> Any:
    """A value as its sentence takes it."""
    if name == "patients" and not isinstance(value, int):
        return f"{shortened(value)} {'is' if len(value) == 1 else 'are'}"
    if name == "pairs":
        return shortened(
            [" and ".join(f"{one['case']} ({_place(one['fold'])})" for one in pair) for pair in value],
            more="more pairs")
    if name == "splits":
        return shortened([f"{patient} ({', '.join(f'{case} in {_place(fold)}' for case, fold in cases.items())})"
                          for patient, cases in value.items()])
    if name == "runs":
        return "; ".join(unrecorded_text(run, folds) for run, folds in value.items())
    if name == "sources":
        return ", ".join(f"fold {fold} began with a network of {run}" for fold, run in value.items())
    if name == "auc":
        return " and ".join(f"{part} {area:.3f}" for part, area in value.items())
    if name in ("dates", "cohorts"):
        return ", ".join(value)
    if name == "names":
        return shortened(value)
    if name == "number":
        return f"{_ordinal(value)} look" if value else "unrecorded look"
    return lineage_text(value) if name == "lineage" else value


def _ordinal(number: int) -> str:
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th')}"


def _place(fold: str) -> str:
    return f"fold {fold}" if fold.isdigit() else fold
