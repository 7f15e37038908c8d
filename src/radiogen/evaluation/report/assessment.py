"""Everything that is said of one or several runs, as frozen data: text, page and JSON are renderings of it.

Read first: `Assessment`; assess.py computes one. Tables are those of stats/ and audit/, floats with all their digits,
what cannot be computed NaN. Nothing here is a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from radiogen.evaluation.audit.confounds import Conclusion, Confounds
from radiogen.evaluation.audit.findings import ReviewFinding, Severity
from radiogen.evaluation.audit.looks import LooksReview
from radiogen.evaluation.audit.run_verdict import RunVerdict, judge_run
from radiogen.evaluation.clinical.judge import ClinicalAssessment
from radiogen.evaluation.external.assessment import ExternalValidation
from radiogen.evaluation.report.provenance import RunProvenance
from radiogen.evaluation.stats.label_permutation import PermutationTest
from radiogen.evaluation.stats.shares import Share
from radiogen.evaluation.stats.verdicts import Comparison, Outcome, Verdict
from radiogen.runs.explained import Explained
from radiogen.runs.located.crop_masks import CropMasks
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.tuned.tuning import Tuning

SetName = Literal["out-of-fold", "holdout"]
OUT_OF_FOLD: SetName = "out-of-fold"
HOLDOUT: SetName = "holdout"


@dataclass(frozen=True)
class Patients:
    """How many patients there are, and what they were used for.

    labelled: with a label; positive: of these; in_folds, held_out: of the labelled ones, in `folds` folds and in the
    holdout. unlabelled: of the test set, only predicted.
    """

    labelled: int
    positive: int
    in_folds: int
    folds: int
    held_out: int
    unlabelled: int


@dataclass(frozen=True)
class ConfusionMatrix:
    """counts[truth][call]: how many cases of each class (0, then 1) were called what."""

    counts: tuple[tuple[int, int], tuple[int, int]]

    @property
    def cases(self) -> int:
        """All of them."""
        return sum(map(sum, self.counts))

    @property
    def right(self) -> int:
        """Those that were called what they are."""
        return self.counts[0][0] + self.counts[1][1]


@dataclass(frozen=True)
class Calls:
    """Calls at the threshold of 0.5.

    right: how many are right; commonest: how many would be right if all were called as the commoner class. sensitivity
    and specificity: of class 1, with Wilson's intervals.
    """

    matrix: ConfusionMatrix
    commonest: int
    sensitivity: Share
    specificity: Share


@dataclass(frozen=True)
class SetAssessment:
    """The cases of cross-validation pooled, or the holdout. measures: `metrics.measure`."""

    name: SetName
    verdict: Verdict
    measures: Mapping[str, float]
    calls: Calls


@dataclass(frozen=True)
class Ceiling:
    """Of a phantom: the best AUC that any method can reach, or None with the reason ("" where none is given)."""

    data: str
    auc: float | None
    reason: str


@dataclass(frozen=True)
class RunAssessment:
    """What is said of one run.

    run: its folder, records and predictions. provenance: how it was made; provenance_table: a row a prediction.
    sets: those that have cases, out-of-fold first. fold_metrics, thresholds: `metrics.fold_table`,
    `thresholds.threshold_table`. matrices: by fold, the holdout last. slices: a 2D run's measures per slice, else None.
    confounds: None where no geometry is known or fewer than two folds are predicted. findings: of the leakage review,
    alarms first. histories: of training, by fold. explained: images for the page, if any. external: on other cohorts.
    label_sensitivity: as `label_sensitivity` makes it, None where no label is marked as uncertain.
    looks: what the ledger says of its cases.
    clinical: what the predictions would mean for patients; None with fewer than two folds.
    cohort_difference: of a run on a table of features that was tested on another cohort: the AUC there less that of
    cross-validation; else None. without_doubtful: of `main`, less the cases that a network may have seen (audit/
    doubtful.py); None where there are none. tuning: of a tuned procedure, what its searches found. masks: those that a
    locator predicted, where the run crops by them.
    """

    run: PredictedRun
    provenance: RunProvenance
    provenance_table: pd.DataFrame
    patients: Patients
    sets: tuple[SetAssessment, ...]
    fold_metrics: pd.DataFrame
    thresholds: pd.DataFrame
    matrices: Mapping[str, ConfusionMatrix]
    slices: Mapping[str, float] | None
    confounds: Confounds | None
    findings: tuple[ReviewFinding, ...]
    permutations: tuple[PermutationTest, ...]
    ceiling: Ceiling | None
    histories: Mapping[str, pd.DataFrame]
    explained: Explained | None
    external: ExternalValidation = ExternalValidation()
    label_sensitivity: pd.DataFrame | None = None
    looks: LooksReview = LooksReview()
    clinical: ClinicalAssessment | None = None
    cohort_difference: Comparison | None = None
    without_doubtful: Verdict | None = None
    tuning: Tuning | None = None
    masks: CropMasks | None = None

    @property
    def name(self) -> str:
        """The run's."""
        return self.run.name

    @property
    def main(self) -> SetAssessment:
        """The set that the run is judged by: out-of-fold, or where there is none the holdout."""
        return self.sets[0]

    @property
    def held_out(self) -> SetAssessment | None:
        """The holdout, where it stands beside cross-validation."""
        return next((one for one in self.sets[1:] if one.name == HOLDOUT), None)

    @property
    def verdict(self) -> RunVerdict:
        """What is finally said of the run: text, page and JSON format this."""
        held = self.held_out
        return judge_run(self.main.verdict.outcome, None if held is None else held.verdict.outcome,
                         None if self.confounds is None else self.confounds.conclusions, self.findings,
                         self.permutations,
                         None if self.without_doubtful is None else self.without_doubtful.outcome)

    @property
    def outcome(self) -> Outcome:
        """The outcome of `verdict`."""
        return self.verdict.outcome

    @property
    def conclusions(self) -> tuple[Conclusion, ...]:
        """What the comparison with the acquisition adds to the verdict; () where it was not made."""
        return self.confounds.conclusions if self.confounds is not None else ()

    @property
    def warnings(self) -> tuple[ReviewFinding, ...]:
        """The alarms and notes of the leakage review."""
        return tuple(one for one in self.findings if one.severity in (Severity.ALARM, Severity.NOTE))

    def of_severity(self, severity: Severity) -> tuple[ReviewFinding, ...]:
        """The findings of one severity."""
        return tuple(one for one in self.findings if one.severity is severity)


@dataclass(frozen=True)
class RunDifference:
    """`run` against `other` on the cases that both scored out of fold."""

    run: str
    other: str
    comparison: Comparison


@dataclass(frozen=True)
class Assessment:
    """What is said of runs; the last one named is the one that the report is about.

    summary: `metrics.summary_table`, a row a run, and `out_of_fold_within_fold_auc, _low, _high`. differences: the last
    run against each other one. seeds: `seeds.seed_table`. ensemble: `ensembles.ensemble_table` of the last run, where
    it is an ensemble. resolvability: `power.resolvability_table` of the last run's cases. image_free_auc: of the best
    image-free model of any run, None where none was made. site_folds: `site_fold_table`, without rows where no run
    leaves sites out.
    """

    runs: tuple[RunAssessment, ...]
    summary: pd.DataFrame
    differences: tuple[RunDifference, ...]
    seeds: pd.DataFrame
    ensemble: pd.DataFrame | None
    resolvability: pd.DataFrame
    image_free_auc: float | None
    site_folds: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def last(self) -> RunAssessment:
        """The run that the report is about."""
        return self.runs[-1]
