"""Everything that is said of a run on one external cohort, as frozen data: text, page and JSON are renderings of it.

Read first: `ExternalAssessment`; judge.py computes one. Nothing here is a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from radiogen.evaluation.stats.calibration import Calibration
from radiogen.evaluation.stats.shares import Share
from radiogen.evaluation.stats.verdicts import Comparison, Verdict
from radiogen.runs.external.cohorts import CohortFacts

INSIDE = "inside"
"""What the run's own cohort is called beside another one."""


@dataclass(frozen=True)
class CohortFigures:
    """A run on one cohort, inside (out-of-fold) or outside.

    verdict: against chance, with the AUC. sensitivity, specificity: at a threshold that these cases did not choose:
    inside that of the other folds, outside that of all folds. measures: `metrics.measure`.
    """

    verdict: Verdict
    sensitivity: Share
    specificity: Share
    calibration: Calibration
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Looks:
    """The record of looks at this cohort, by any run of the models folder.

    rows: `looks.read_looks`, those at its data set as it is. judged: how many of them predicted, by `runs`
    runs; number: which of them this one is, 0 where it is not on record. intact: whether the record is as it was
    written.
    """

    rows: pd.DataFrame
    judged: int
    runs: int
    number: int
    intact: bool


@dataclass(frozen=True)
class ExternalAssessment:
    """What is said of a run on one cohort.

    classes: what labels 0 and 1 are called there. predictions: of the cohort. threshold: frozen, from the run's own
    folds. difference: outside less inside, of different patients. groups: `groups.group_table` of both cohorts. shift:
    `shift.shift_table`. image_free: models without images, trained inside: `model, inside_auc, inside_low, inside_high,
    outside_auc, outside_low, outside_high`. changed: fields of the shift with an adjusted p below 0.05; large: those
    whose PSI is by `shift.LARGE` or more above what chance makes of it. intensities: whether they are known of both.
    """

    name: str
    facts: CohortFacts
    classes: tuple[str, str]
    predictions: pd.DataFrame
    inside: CohortFigures
    outside: CohortFigures
    threshold: float
    difference: Comparison
    groups: pd.DataFrame
    shift: pd.DataFrame
    changed: int
    large: int
    intensities: bool
    image_free: pd.DataFrame
    looks: Looks


@dataclass(frozen=True)
class ExternalValidation:
    """cohorts: judged ones, by date; stale: names of those that other networks than the run's own have predicted."""

    cohorts: tuple[ExternalAssessment, ...] = ()
    stale: tuple[str, ...] = ()
