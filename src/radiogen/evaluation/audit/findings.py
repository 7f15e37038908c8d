"""What the leakage review can find: a code with its values, its severity and the check that it belongs to.

`POLICY` is the whole list. A finding holds facts alone; finding_text.py says them in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from types import MappingProxyType
from typing import Any


class Severity(StrEnum):
    """How much a finding matters, the gravest first; the value is what a reader is shown."""

    ALARM = "alarm"
    NOTE = "note"
    NOT_CHECKED = "not checked"
    PASSED = "passed"


class Check(StrEnum):
    """What was looked at; the value is what a reader is shown."""

    PATIENTS = "patients"
    PIXELS = "pixels"
    NETWORKS = "networks"
    LINEAGE = "lineage"
    FIRST_WEIGHTS = "initial weights"
    TRAINING = "training"
    FEATURES = "features"
    HOLDOUT = "holdout"
    LOOKS = "looks"
    AUC = "implausible AUC"


class Code(Enum):
    """What was found; in parentheses the names of its values."""

    PATIENT_TWICE = auto()
    """In more than one row of the folds (patients)."""
    PATIENT_IN_TEST = auto()
    """In the training and in the test set (patients)."""
    PATIENT_IN_OTHER_FOLD = auto()
    """Predicted in another fold than that of the training (patients)."""
    PATIENT_IN_NO_FOLD = auto()
    """Predicted but in no fold (patients)."""
    PATIENT_SPLIT = auto()
    """Cases of one patient in several folds or in training and test (splits: cases and their places by patient)."""
    PATIENTS_APART = auto()
    """Each patient is in one fold (patients: their number)."""
    PATIENTS_UNCHECKED = auto()
    """A table is missing (file)."""
    SAME_PIXELS_ACROSS = auto()
    """Two cases with the same array on both sides of a split (pairs of case and fold)."""
    SAME_PIXELS_WITHIN = auto()
    """Two cases with the same array in one fold (pairs)."""
    NEAR_PIXELS_ACROSS = auto()
    """At most `limit` of the `bits` of their perceptual hashes differ, on both sides (pairs, limit, bits)."""
    NEAR_PIXELS_WITHIN = auto()
    """The same in one fold (pairs, limit, bits)."""
    PIXELS_APART = auto()
    """No two cases have the same or nearly the same pixels (cases, limit, bits)."""
    PIXELS_UNCHECKED = auto()
    """A table is missing (file)."""
    COPIES_UNCHECKED = auto()
    """So many cases have a hash of an earlier version, without a thumbnail (cases)."""
    WEIGHTS_RECORDED = auto()
    """Each network is the file that training of its fold wrote (networks)."""
    WEIGHTS_UNRECORDED = auto()
    """Weights without a recorded hash (runs: folds by run)."""
    LINEAGE_SAME_FOLDS = auto()
    """Began with networks of runs with the same folds (lineage)."""
    LINEAGE_OTHER_FOLDS = auto()
    """Began with networks of a run with other folds (run)."""
    LINEAGE_WRONG_FOLD = auto()
    """A fold began with another fold's network (run, fold, source_fold)."""
    LINEAGE_WRONG_NETWORK = auto()
    """A fold began with a network that the record does not name (run, fold)."""
    LINEAGE_UNRECORDED = auto()
    """Folds began with networks of runs that the record does not name (sources: run by fold)."""
    ANCESTOR_FOLDS_CHANGED = auto()
    """The run that it began with has other folds now than were recorded (run)."""
    FIRST_WEIGHTS_SAW = auto()
    """Began with weights that were trained on scored cases (run, weights, patients)."""
    FIRST_WEIGHTS_SAW_NAMESAKES = auto()
    """The same, but under the name of another cohort (run, weights, patients, cohorts)."""
    FIRST_WEIGHTS_SAW_IMAGES = auto()
    """Began with weights that had seen images of scored cases and none of their labels (run, weights, patients)."""
    FIRST_WEIGHTS_UNSEEN = auto()
    """None of the cases that they were trained on is scored (run, weights, seen: their number)."""
    FIRST_WEIGHTS_PHOTOGRAPHS = auto()
    """Began with ImageNet's weights (run)."""
    FIRST_WEIGHTS_UNKNOWN = auto()
    """Nobody said what they were trained on (run, weights, file)."""
    FIRST_WEIGHTS_OTHER_IDS = auto()
    """The cases that they were trained on are called otherwise than this task's (run, weights, file, example)."""
    PATIENTS_UNNAMED = auto()
    """No table says which cases are of one patient."""
    FOLDS_UNKNOWN = auto()
    """Predictions without folds: one set, which no training is said to have seen."""
    PIXELS_UNSEEN = auto()
    """Predictions without images."""
    TRAINING_UNSEEN = auto()
    """Only a table of predictions is known (file)."""
    TRAINING_NESTED = auto()
    """Fitted here, features and settings chosen inside the training folds (learner)."""
    FEATURES_SELECTED_BEFORE = auto()
    """Features were selected on all cases, on purpose (features: their number)."""
    VALIDATION_CASES = auto()
    """The scored cases are a validation set's."""
    CALLS_ALONE = auto()
    """No probability but 0 and 1."""
    SCORES_RANKED = auto()
    """The probabilities are ranks of scores."""
    SAME_FEATURES_ACROSS = auto()
    """Two cases with the same features in different folds (pairs of case and fold)."""
    FEATURE_NEAR_LABEL = auto()
    """Features that alone nearly are the label (auc by feature)."""
    FEATURES_APART = auto()
    """Neither of both (features: their number)."""
    HOLDOUT_SCORED_ONCE = auto()
    """(dates)"""
    HOLDOUT_SCORED_AGAIN = auto()
    """Scored with different predictions (dates)."""
    HOLDOUT_UNSCORED = auto()
    """A table is missing (file)."""
    LOOKED_ONCE = auto()
    """The first look at these cases (cohort, cases, number, looks, scored, best, p, p_best: `LooksAtSet`)."""
    LOOKED_BEFORE = auto()
    """One of several looks at these cases (as LOOKED_ONCE)."""
    LOOKS_BY_CHANCE = auto()
    """By itself better than chance, and no better than the best of so many looks is by chance (as LOOKED_ONCE)."""
    LEDGER_ALTERED = auto()
    """An entry of the ledger was changed, moved or taken out (file)."""
    LOOKS_REMOVED = auto()
    """Runs have recorded looks that the ledger has no more (file, names)."""
    LOOKS_UNRECORDED = auto()
    """Runs were judged and the ledger has no look of them (file, names)."""
    LOOKS_UNCHECKED = auto()
    """There is no ledger, or none of its looks is at these cases (file)."""
    AUC_SUSPICIOUS = auto()
    """Above the limit (auc by set, limit)."""
    AUC_BELOW_LIMIT = auto()
    """(limit)"""
    AUC_UNLIMITED = auto()
    """No limit is set for this data set."""


_OF_CHECK: Mapping[Check, Mapping[Severity, tuple[Code, ...]]] = {
    Check.PATIENTS: {
        Severity.ALARM: (Code.PATIENT_TWICE, Code.PATIENT_IN_TEST, Code.PATIENT_IN_OTHER_FOLD, Code.PATIENT_IN_NO_FOLD,
                         Code.PATIENT_SPLIT),
        Severity.NOT_CHECKED: (Code.PATIENTS_UNCHECKED, Code.PATIENTS_UNNAMED, Code.FOLDS_UNKNOWN),
        Severity.PASSED: (Code.PATIENTS_APART,)},
    Check.PIXELS: {
        Severity.ALARM: (Code.SAME_PIXELS_ACROSS,),
        Severity.NOTE: (Code.SAME_PIXELS_WITHIN, Code.NEAR_PIXELS_ACROSS, Code.NEAR_PIXELS_WITHIN),
        Severity.NOT_CHECKED: (Code.PIXELS_UNCHECKED, Code.COPIES_UNCHECKED, Code.PIXELS_UNSEEN),
        Severity.PASSED: (Code.PIXELS_APART,)},
    Check.NETWORKS: {
        Severity.NOT_CHECKED: (Code.WEIGHTS_UNRECORDED,), Severity.PASSED: (Code.WEIGHTS_RECORDED,)},
    Check.LINEAGE: {
        Severity.ALARM: (Code.LINEAGE_OTHER_FOLDS, Code.LINEAGE_WRONG_FOLD, Code.LINEAGE_WRONG_NETWORK,
                         Code.LINEAGE_UNRECORDED, Code.ANCESTOR_FOLDS_CHANGED),
        Severity.PASSED: (Code.LINEAGE_SAME_FOLDS,)},
    Check.FIRST_WEIGHTS: {
        Severity.ALARM: (Code.FIRST_WEIGHTS_SAW,), Severity.NOTE: (Code.FIRST_WEIGHTS_SAW_NAMESAKES,
                                                                        Code.FIRST_WEIGHTS_SAW_IMAGES),
        Severity.NOT_CHECKED: (Code.FIRST_WEIGHTS_UNKNOWN, Code.FIRST_WEIGHTS_OTHER_IDS),
        Severity.PASSED: (Code.FIRST_WEIGHTS_UNSEEN, Code.FIRST_WEIGHTS_PHOTOGRAPHS)},
    Check.TRAINING: {
        Severity.ALARM: (Code.FEATURES_SELECTED_BEFORE, Code.CALLS_ALONE),
        Severity.NOTE: (Code.VALIDATION_CASES, Code.SCORES_RANKED),
        Severity.NOT_CHECKED: (Code.TRAINING_UNSEEN,), Severity.PASSED: (Code.TRAINING_NESTED,)},
    Check.FEATURES: {
        Severity.ALARM: (Code.SAME_FEATURES_ACROSS,), Severity.NOTE: (Code.FEATURE_NEAR_LABEL,),
        Severity.PASSED: (Code.FEATURES_APART,)},
    Check.HOLDOUT: {
        Severity.NOTE: (Code.HOLDOUT_SCORED_AGAIN,), Severity.NOT_CHECKED: (Code.HOLDOUT_UNSCORED,),
        Severity.PASSED: (Code.HOLDOUT_SCORED_ONCE,)},
    Check.LOOKS: {
        Severity.ALARM: (Code.LOOKS_BY_CHANCE, Code.LEDGER_ALTERED, Code.LOOKS_REMOVED),
        Severity.NOTE: (Code.LOOKED_BEFORE,), Severity.NOT_CHECKED: (Code.LOOKS_UNRECORDED, Code.LOOKS_UNCHECKED),
        Severity.PASSED: (Code.LOOKED_ONCE,)},
    Check.AUC: {
        Severity.ALARM: (Code.AUC_SUSPICIOUS,), Severity.NOT_CHECKED: (Code.AUC_UNLIMITED,),
        Severity.PASSED: (Code.AUC_BELOW_LIMIT,)}}

POLICY: Mapping[Code, tuple[Severity, Check]] = MappingProxyType({
    code: (severity, check) for check, groups in _OF_CHECK.items() for severity, codes in groups.items()
    for code in codes})
"""Of each code its severity and its check."""


@dataclass(frozen=True)
class ReviewFinding:
    """What one check found; values: as `Code` says."""

    code: Code
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """By `POLICY`."""
        return POLICY[self.code][0]

    @property
    def check(self) -> Check:
        """By `POLICY`."""
        return POLICY[self.code][1]
