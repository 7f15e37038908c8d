"""`assessment.json`: an `Assessment` for programs. docs/judgement.md describes every key.

In: an `Assessment`. Out: plain dictionaries, lists, numbers and text: floats as they were computed, NaN and infinite
ones as null, an enum as its name in small letters, a table as a list of rows. VERSION changes where a key changes its
meaning or goes; keys may be added.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from radiogen.evaluation.audit.confounds import Confounds
from radiogen.evaluation.audit.findings import ReviewFinding
from radiogen.evaluation.audit.run_verdict import RunVerdict
from radiogen.evaluation.external.assessment import ExternalAssessment
from radiogen.evaluation.report.assessment import Assessment, RunAssessment, SetAssessment
from radiogen.evaluation.report.provenance import RunProvenance, commands
from radiogen.evaluation.stats.intervals import DRAWS, LEVEL
from radiogen.evaluation.stats.label_permutation import PermutationTest
from radiogen.evaluation.stats.shares import Share
from radiogen.runs.predictions import THRESHOLD

VERSION = 2


def assessment_record(assessment: Assessment) -> dict[str, Any]:
    """The assessment as JSON takes it."""
    return plain({
        "version": VERSION, "positive_class": 1, "threshold": THRESHOLD, "confidence_level": LEVEL, "draws": DRAWS,
        "runs": [_run(one) for one in assessment.runs],
        "comparison": {
            "summary": assessment.summary, "differences": assessment.differences, "seeds": assessment.seeds,
            "ensemble": assessment.ensemble, "resolvability": assessment.resolvability,
            "image_free_auc": assessment.image_free_auc, "site_folds": assessment.site_folds}})


def plain(value: Any) -> Any:
    """A value of an assessment as JSON takes it."""
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.astype(object).to_dict("records")]
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def external_record(judged: ExternalAssessment) -> dict[str, Any]:
    """What is said of a run on one external cohort; its cases' predictions are in the cohort's own table."""
    return {one.name: plain(getattr(judged, one.name)) for one in fields(judged) if one.name != "predictions"}


def _run(assessed: RunAssessment) -> dict[str, Any]:
    return {
        "name": assessed.name,
        "verdict": {"set": assessed.main.name.replace("-", "_"), **_verdict(assessed.verdict)},
        "patients": assessed.patients,
        "sets": {one.name.replace("-", "_"): _set(one) for one in assessed.sets},
        "fold_metrics": assessed.fold_metrics, "thresholds": assessed.thresholds,
        "confusion_matrices": {name: one.counts for name, one in assessed.matrices.items()},
        "slices": assessed.slices, "clinical": assessed.clinical, "label_sensitivity": assessed.label_sensitivity,
        "acquisition": None if assessed.confounds is None else _acquisition(assessed.confounds),
        "findings": [_finding(one) for one in assessed.findings],
        "without_doubtful": assessed.without_doubtful, "tuning": assessed.tuning,
        "masks": assessed.masks,
        "label_permutations": [_permutation(one) for one in assessed.permutations],
        "external": {"cohorts": [external_record(one) for one in assessed.external.cohorts],
                     "stale": assessed.external.stale},
        "cohort_difference": assessed.cohort_difference,
        "looks": assessed.looks, "ceiling": assessed.ceiling, "provenance": _provenance(assessed.provenance)}


def _verdict(said: RunVerdict) -> dict[str, Any]:
    return {"outcome": said.outcome, "tone": said.tone, "by_numbers": said.by_numbers, "holdout": said.holdout,
            "conclusions": said.conclusions, "alarms": said.alarms,
            "label_permutations_reached": [{"within": one.within, "draws": len(one.areas), "p": one.p,
                                            "leaks": one.leaks}
                                           for one in said.reached],
            "not_checked": said.unchecked, "without_doubtful": said.without_doubtful}


def _set(part: SetAssessment) -> dict[str, Any]:
    return {"outcome": part.verdict.outcome, "cases": part.verdict.cases, "positives": part.verdict.positives,
            "auc": part.verdict.estimate, "significant": part.verdict.significant,
            "pooled_auc": part.verdict.pooled,
            "resolvable_auc": part.verdict.resolvable, "measures": part.measures, "right": part.calls.matrix.right,
            "commonest_right": part.calls.commonest, **_share("sensitivity", part.calls.sensitivity),
            **_share("specificity", part.calls.specificity)}


def _share(name: str, share: Share) -> dict[str, Any]:
    """A share by its name, its interval's ends and its counts beside it."""
    return {name: share.value, **{f"{name}_{part}": getattr(share, part) for part in ("low", "high", "found", "cases")}}


def _acquisition(found: Confounds) -> dict[str, Any]:
    return {"conclusions": found.conclusions, "best_model": found.best, "baseline": found.baseline,
            "comparison": found.comparison, "same_planes": found.same_planes, "beyond": found.beyond,
            "beyond_patient": found.beyond_patient, "same_sites": found.same_sites, "groups": found.groups,
            "at_chance": found.at_chance, "image_free": found.image_free, "gains": found.gains,
            "within_planes": found.within_planes, "correlations": found.correlations}


def _finding(finding: ReviewFinding) -> dict[str, Any]:
    return {"code": finding.code, "severity": finding.severity, "check": finding.check, "values": finding.values}


def _permutation(test: PermutationTest) -> dict[str, Any]:
    return {"within": test.within, "draws": len(test.areas), "mean_auc": float(test.areas.mean()),
            "median_auc": test.median, "highest_auc": test.highest,
            "auc": test.auc, "p": test.p, "chance_p": test.chance_p, "outcome": test.outcome}


def _provenance(made: RunProvenance) -> dict[str, Any]:
    return {"run": made.facts, "recipe": made.recipe, "environment": made.environment, "networks": made.networks,
            "lineage": made.lineage, "members": {name: _provenance(one) for name, one in made.members.items()},
            "commands": commands(made)}
