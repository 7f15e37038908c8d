"""An `Assessment` from runs: every number that text, page and JSON show is computed here, once.

In: predicted runs. Out: an `Assessment`. Nothing is written; what a run lacks for a check (a run of another version, a
member that is gone) is left out or said to be unchecked, and is no error.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.layout import PHANTOM_RECORD
from radiogen.dataset.patients import read_patients
from radiogen.dataset.scanner import read_scanner
from radiogen.evaluation.audit.confounds import Confounds, judge_confounds
from radiogen.evaluation.audit.doubtful import doubtful_cases, verdict_without
from radiogen.evaluation.audit.findings import Check, ReviewFinding, Severity
from radiogen.evaluation.audit.known_inputs import Known
from radiogen.evaluation.audit.leakage import review_run
from radiogen.evaluation.audit.looks import LooksReview, judge_looks, review_looks
from radiogen.evaluation.clinical.judge import judge_clinical
from radiogen.evaluation.external.judge import judge_external
from radiogen.evaluation.others.origin import origin_of
from radiogen.evaluation.report.assessment import (
    HOLDOUT,
    OUT_OF_FOLD,
    Assessment,
    Calls,
    Ceiling,
    ConfusionMatrix,
    Patients,
    RunAssessment,
    RunDifference,
    SetAssessment,
    SetName,
)
from radiogen.evaluation.report.provenance import provenance_table, read_run_provenance
from radiogen.evaluation.stats.intervals import auc_interval
from radiogen.evaluation.stats.label_permutation import permutation_test
from radiogen.evaluation.stats.metrics import fold_table, measure, summary_table
from radiogen.evaluation.stats.power import fold_groups, resolvability_table
from radiogen.evaluation.stats.seeds import seed_table
from radiogen.evaluation.stats.shares import share_of
from radiogen.evaluation.stats.thresholds import threshold_table
from radiogen.evaluation.stats.verdicts import Comparison, compare, compare_cohorts, verdict
from radiogen.evaluation.subgroups.label_sensitivity import label_sensitivity
from radiogen.evaluation.subgroups.site_folds import site_fold_table
from radiogen.runs import layout
from radiogen.runs.explained import read_explained_cases
from radiogen.runs.fold_weights import Networks
from radiogen.runs.folds import TEST
from radiogen.runs.label_permutations import read_permutations
from radiogen.runs.located.crop_masks import read_crop_masks
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import THRESHOLD, holdout, out_of_fold, scored, scored_folds
from radiogen.runs.records import data_folder, with_members
from radiogen.runs.tables import read_slices
from radiogen.runs.training_records import read_histories
from radiogen.runs.tuned.tuning import read_tuning
from radiogen.task import ID, LABEL

SETS: Mapping[SetName, Callable[[pd.DataFrame], pd.DataFrame]] = {OUT_OF_FOLD: out_of_fold, HOLDOUT: holdout}


def assess(runs: Sequence[PredictedRun], networks: Networks | None = None) -> Assessment:
    """Assess runs, each by itself and the last one against the others.

    networks: hashes of weights that were checked before, as in `fold_weights.check_run`; each of the others is hashed.
    Raises UserError where a network is not the one that training of its fold wrote, or a record is damaged.
    """
    return join([assess_run(run, networks) for run in runs])


def join(runs: Sequence[RunAssessment]) -> Assessment:
    """The assessment of runs that are assessed each by itself."""
    predicted, last = [one.run for one in runs], runs[-1].run
    table = last.folder / layout.ENSEMBLE
    return Assessment(
        tuple(runs), _summary(runs),
        tuple(_difference(last, run) for run in predicted[:-1]), seed_table(predicted),
        pd.read_csv(table) if table.is_file() and last.facts.get("members") else None,
        resolvability_table(fold_groups(last.predictions)), _best_image_free(runs), site_fold_table(predicted))


def _summary(runs: Sequence[RunAssessment]) -> pd.DataFrame:
    """`summary_table`, and after the pooled AUC what the verdict rests on: within folds."""
    table = summary_table({one.name: one.run.predictions for one in runs}, auc_interval)
    inside = [one.main.verdict.estimate if one.main.name == OUT_OF_FOLD else None for one in runs]
    place = table.columns.get_loc("out_of_fold_auc_high") + 1
    for number, name in enumerate(("value", "low", "high")):
        column = f"out_of_fold_within_fold_{'auc' if name == 'value' else name}"
        table.insert(place + number, column, [np.nan if one is None else getattr(one, name) for one in inside])
    return table


def assess_run(run: PredictedRun, networks: Networks | None = None) -> RunAssessment:
    """Assess one run by itself; errors as in `assess`."""
    predictions, folder = run.predictions, run.folder
    parts = {name: cases for name, choose in SETS.items() if len(cases := choose(predictions))}
    judged = out_of_fold(predictions)
    groups = dict(sorted(judged.groupby("fold"), key=lambda pair: int(pair[0])))
    groups |= {HOLDOUT: parts[HOLDOUT]} if HOLDOUT in parts else {}
    looks = judge_looks(run)
    findings = _findings(run, networks, looks)
    provenance, area = read_run_provenance(folder, networks), auc(*scored(judged))
    return RunAssessment(
        run, provenance, provenance_table(run, provenance), _patients(predictions),
        tuple(_assess_set(name, cases) for name, cases in parts.items()), fold_table(predictions),
        threshold_table(predictions), {fold: _matrix(cases) for fold, cases in groups.items()}, _slices(run),
        _confounds(run),
        findings,
        tuple(permutation_test(within, areas, area) for within, areas in read_permutations(folder).items()),
        _ceiling(run), read_histories(folder), read_explained_cases(folder),
        judge_external(run, networks), label_sensitivity(judged, read_patients(folder)), looks,
        judge_clinical(predictions), _cohort_difference(run),
        verdict_without(next(iter(parts.values())), doubtful_cases(findings)), read_tuning(folder),
        read_crop_masks(folder))


def _findings(run: PredictedRun, networks: Networks | None, looks: LooksReview) -> tuple[ReviewFinding, ...]:
    """Those of the leakage review and of the ledger, alarms first; none on a holdout that is not there."""
    found = [*review_run(run.folder, run.predictions, networks), *review_looks(looks)]
    order = list(Severity)
    return tuple(sorted((one for one in found if one.check is not Check.HOLDOUT or len(holdout(run.predictions))),
                        key=lambda one: order.index(one.severity)))


def _assess_set(name: SetName, cases: pd.DataFrame) -> SetAssessment:
    labels, probabilities = scored(cases)
    negative, called = ~labels, probabilities >= THRESHOLD
    calls = Calls(_matrix(cases), max(int(labels.sum()), int(negative.sum())), share_of(called[labels]),
                  share_of(~called[negative]))
    return SetAssessment(name, verdict(labels, probabilities, scored_folds(cases)), measure(cases), calls)


def _matrix(cases: pd.DataFrame) -> ConfusionMatrix:
    labels, probabilities = scored(cases)
    called = probabilities >= THRESHOLD
    negative, positive = ((int((chosen & ~called).sum()), int((chosen & called).sum())) for chosen in (~labels, labels))
    return ConfusionMatrix((negative, positive))


def _patients(predictions: pd.DataFrame) -> Patients:
    known = predictions[predictions[LABEL].notna()]
    inside = out_of_fold(known)
    return Patients(len(known), int((known[LABEL] == 1).sum()), len(inside), inside["fold"].nunique(),
                    len(holdout(known)), int((predictions["fold"] == TEST).sum()))


def _slices(run: PredictedRun) -> dict[str, float] | None:
    slices = read_slices(run.folder)
    if slices is None or not {"fold", LABEL, "probability"} <= set(slices.columns):
        return None
    return measure(out_of_fold(slices[slices["fold"] != TEST]))


def _confounds(run: PredictedRun) -> Confounds | None:
    """By the run's own geometry, or that of an ensemble's first member that has one."""
    path = next((place / layout.GEOMETRY for place in with_members(run.folder)
                 if (place / layout.GEOMETRY).is_file()), None)
    if path is None or out_of_fold(run.predictions)["fold"].nunique() < 2:
        return None
    folds = run.predictions.loc[run.predictions["fold"] != TEST, [ID, LABEL, "fold"]]
    known = Known(read_scanner(path.parent), read_patients(path.parent))
    return judge_confounds(run.predictions, folds, read_geometry(path), known=known)


def _ceiling(run: PredictedRun) -> Ceiling | None:
    data = data_folder(run.folder, run.facts)
    if data is None or not (data / PHANTOM_RECORD).is_file():
        return None
    record = files.read_json(data / PHANTOM_RECORD)
    area = record.get("ceiling_auc")
    return Ceiling(str(run.facts["data"]), float(area) if isinstance(area, int | float) else None,
                   str(record.get("ceiling") or ""))


def _cohort_difference(run: PredictedRun) -> Comparison | None:
    """Of features that were tested on another cohort: its cases are the holdout."""
    origin, inside, outside = origin_of(run.facts), out_of_fold(run.predictions), holdout(run.predictions)
    if origin is None or not origin.cohort or inside.empty or outside.empty:
        return None
    return compare_cohorts(*scored(outside), *scored(inside), scored_folds(inside))


def _difference(run: PredictedRun, other: PredictedRun) -> RunDifference:
    pair = _judged(run.predictions).merge(_judged(other.predictions)[[ID, "probability"]], on=ID,
                                              suffixes=("", "_other"))
    labels, own = scored(pair)
    others = pair.loc[pair[LABEL].notna(), "probability_other"].to_numpy(float)
    return RunDifference(run.name, other.name, compare(labels, own, others, scored_folds(pair)))


def _judged(predictions: pd.DataFrame) -> pd.DataFrame:
    """The cases that a run is judged by: out of fold, or where there are none the holdout."""
    inside = out_of_fold(predictions)
    return inside if len(inside) else holdout(predictions)


def _best_image_free(runs: Sequence[RunAssessment]) -> float | None:
    """The AUC, out-of-fold, of the best image-free model of any run."""
    areas = [row["baseline_auc"] for one in runs if one.confounds is not None
             for row in one.confounds.gains.to_dict("records")
             if row["set"] == "out-of-fold" and row["model"] == one.confounds.best]
    return max(areas, default=None)
