"""A run inside and outside: every number that is said of it on another hospital's cases is computed here, once.

In: a predicted run and what it has written of external cohorts. Out: an `ExternalValidation`. Inside are the run's
out-of-fold cases, each judged by the one network that did not see it; outside all networks judge together. Nothing is
fitted to the outside: the threshold is the run's own, and calibration is measured and not mended.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from radiogen.core.auc import auc
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.patients import read_patients
from radiogen.evaluation.audit.image_free import IMAGE_FREE, image_free_predictions, transferred_predictions
from radiogen.evaluation.external.assessment import (
    INSIDE,
    CohortFigures,
    ExternalAssessment,
    ExternalValidation,
    Looks,
)
from radiogen.evaluation.external.shift import LARGE, Acquired, shift_table
from radiogen.evaluation.stats.calibration import calibration
from radiogen.evaluation.stats.intervals import LEVEL, auc_interval
from radiogen.evaluation.stats.metrics import measure
from radiogen.evaluation.stats.shares import share_of
from radiogen.evaluation.stats.thresholds import called, youden_threshold
from radiogen.evaluation.stats.verdicts import compare_cohorts, verdict
from radiogen.evaluation.subgroups.groups import group_table
from radiogen.runs import layout
from radiogen.runs.external.cohorts import (
    ExternalCohort,
    external_cohorts,
    read_cohort,
    read_intensities,
    run_networks,
)
from radiogen.runs.fold_weights import Networks
from radiogen.runs.ledger.looks import read_looks
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import out_of_fold, scored, scored_folds
from radiogen.runs.records import with_members
from radiogen.task import ID, LABEL


def judge_external(run: PredictedRun, networks: Networks | None = None) -> ExternalValidation:
    """Judge every external cohort that the run's own networks, or its members', have predicted.

    networks: as in `check_run`.

    Raises UserError where a table of a cohort or the record of looks is damaged.
    """
    found = external_cohorts(run.folder)
    if not found:
        return ExternalValidation()
    digest = run_networks(run.folder, networks)
    current = [name for name, facts in found.items() if facts.networks_sha256 == digest]
    return ExternalValidation(tuple(judge_cohort(run, read_cohort(run.folder, name)) for name in current),
                              tuple(name for name in found if name not in current))


def judge_cohort(run: PredictedRun, cohort: ExternalCohort) -> ExternalAssessment:
    """Judge a run on one cohort, which its own networks have predicted."""
    own = out_of_fold(run.predictions)
    own = own[own[LABEL].notna()]
    threshold = youden_threshold(*scored(own))
    geometry, patients, intensities = (_first(run.folder, read) for read in (
        _read_geometry, read_patients, read_intensities))
    shift = shift_table(Acquired(own, geometry, intensities, patients),
                        Acquired(cohort.predictions, cohort.geometry, cohort.intensities, cohort.patients))
    groups = [group_table(name, cases, table) for name, cases, table in (
        (INSIDE, own, patients), (cohort.name, cohort.predictions, cohort.patients))]
    groups = [table for table in groups if len(table)] or groups[:1]
    return ExternalAssessment(
        cohort.name, cohort.facts, cohort.task.classes, cohort.predictions, _figures(own, called(own)),
        _figures(cohort.predictions, cohort.predictions["probability"] >= threshold), threshold,
        compare_cohorts(*scored(cohort.predictions), *scored(own), scored_folds(own)),
        pd.concat(groups, ignore_index=True), shift,
        int((shift["p_adjusted"] < 1 - LEVEL).sum()), int((shift["psi"] - shift["psi_by_chance"] >= LARGE).sum()),
        intensities is not None and cohort.intensities is not None, _image_free(own, geometry, cohort),
        _looks(run.folder, cohort))


def _first(folder: Path, read: Callable[[Path], pd.DataFrame | None]) -> pd.DataFrame | None:
    """The run's own table, or that of an ensemble's first member that has one."""
    return next((table for place in with_members(folder) if (table := read(place)) is not None), None)


def _read_geometry(folder: Path) -> pd.DataFrame | None:
    path = folder / layout.GEOMETRY
    return read_geometry(path) if path.is_file() else None


def _figures(cases: pd.DataFrame, calls: pd.Series) -> CohortFigures:
    labels, probabilities = scored(cases)
    positive = calls.to_numpy(bool)
    return CohortFigures(verdict(labels, probabilities, scored_folds(cases)), share_of(positive[labels]),
                         share_of(~positive[~labels]), calibration(labels, probabilities), measure(cases))


def _image_free(own: pd.DataFrame, geometry: pd.DataFrame | None, cohort: ExternalCohort) -> pd.DataFrame:
    """A row a model that sees no image; none where a geometry is not known or there is but one fold."""
    columns = ["model", *(f"{place}_{name}" for place in (INSIDE, "outside") for name in ("auc", "low", "high"))]
    if geometry is None or own["fold"].nunique() < 2 or cohort.geometry.empty:
        return pd.DataFrame(columns=columns)
    folds = own[[ID, LABEL, "fold"]]
    inside = image_free_predictions(folds, geometry, models=IMAGE_FREE[:-1])
    outside = transferred_predictions(folds, geometry, cohort.predictions[[ID, LABEL]], cohort.geometry)
    return pd.DataFrame([{"model": name, **_area(INSIDE, inside[name]), **_area("outside", table)}
                         for name, table in outside.items()], columns=columns)


def _area(place: str, cases: pd.DataFrame) -> Mapping[str, float]:
    labels, probabilities = scored(cases)
    low, high = auc_interval(labels, probabilities)
    return {f"{place}_auc": auc(labels, probabilities), f"{place}_low": low, f"{place}_high": high}


def _looks(run: Path, cohort: ExternalCohort) -> Looks:
    looks = read_looks(run.parent)
    rows = looks[looks["fingerprint"] == cohort.facts.fingerprint].reset_index(drop=True)
    judged = rows[rows["outcome"] == "judged"].reset_index(drop=True)
    own = judged.index[(judged["date"] == cohort.facts.date) & (judged["run"] == run.name)
                       & (judged["networks_sha256"] == cohort.facts.networks_sha256)]
    return Looks(rows, len(judged), judged["run"].nunique(), int(own[-1]) + 1 if len(own) else 0,
                 bool(looks["intact"].all()))
