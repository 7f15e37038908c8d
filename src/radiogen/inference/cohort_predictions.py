"""A trained run predicts the cases of another hospital: frozen, with the mean of all its folds' networks.

In: the cohort, made ready for the run, or for each member of an ensemble (external.py). Out:
`models/<run>/external/<cohort>/` (runs/external/cohorts.py). A prediction with labels is a look, and goes on record
before it is written; cases without a label are predicted beside it.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.arrays.stored_arrays import check_arrays
from radiogen.core import files
from radiogen.core.clock import utc_text
from radiogen.dataset.layout import PHANTOM_RECORD
from radiogen.dataset.patients import data_patients, to_patients_file
from radiogen.inference.external import PreparedCohort
from radiogen.runs import layout
from radiogen.runs.external.cohorts import (
    CohortFacts,
    labels_digest,
    run_networks,
    write_cohort_facts,
    write_intensities,
)
from radiogen.runs.fold_locks import working_run
from radiogen.runs.folds import TEST
from radiogen.runs.ledger.looks import Look, append_look
from radiogen.runs.predictions import complete, write_predictions
from radiogen.task import ID, LABEL, write_task
from radiogen.training.runs import trained_folds

Join = Callable[[Mapping[str, pd.DataFrame]], pd.DataFrame]
"""From an ensemble's members' predictions of the same cases, by name, to its own: `ID, LABEL, probability` each."""


def cohort_look(folder: Path, cohorts: Sequence[PreparedCohort]) -> Look:
    """The look that goes on record for the run in `folder`, models/<run>; cohorts: made ready for it or its members."""
    first, folder = cohorts[0], Path(folder)
    recipe = layout.RECIPE if first.source.folder == folder else layout.RUN
    return Look(utc_text(), folder.name, first.name,
                files.recorded_path(first.run.data, folder), first.fingerprint, len(first.cases),
                int((first.cases[LABEL] == 1).sum()), labels_digest(first.cases), files.sha256(folder / recipe),
                run_networks(folder))


def predict_cohort(folder: Path, cohorts: Sequence[PreparedCohort], look: Look, overlap: Mapping[str, Any],
                   join: Join) -> list[Path]:
    """Predict the cohort's cases and write what is judged; returns the paths of the tables of predictions.

    folder: of the run, models/<run>; cohorts: made ready for it, or for each member of an ensemble, whose predictions
    `join` joins. overlap: what evaluation found when it compared the cohorts, for `cohort.json`. The look goes on
    record first.
    """
    from sklearn.metrics import roc_auc_score

    first, place = cohorts[0], layout.cohort_folder(folder, cohorts[0].name)
    with working_run(folder):
        tables, engines = {}, {}
        for one in cohorts:
            tables[one.source.folder.name], engines[one.source.folder.name] = _probabilities(one)
        table = _joined(tables, join, labelled=True).assign(fold=first.name)
        area = float(roc_auc_score(table[LABEL].astype(int), table["probability"]))
        append_look(Path(folder).parent, dataclasses.replace(look, outcome="judged", auc=f"{area:.6f}"))
        for stale in (layout.COHORT, layout.TASK, layout.PATIENTS, layout.INTENSITIES, layout.UNLABELLED):
            (place / stale).unlink(missing_ok=True)
        write_task(place, first.task)
        written = [write_predictions(place / layout.PREDICTIONS, complete(table))]
        if first.without_label:
            more = _joined(tables, join, labelled=False).assign(fold=first.name)
            written.append(write_predictions(place / layout.UNLABELLED, complete(more)))
        _write_tables(place, cohorts)
        write_cohort_facts(place, _facts(cohorts, look, overlap, "; ".join(dict.fromkeys(engines.values()))))
    return written


def _joined(tables: Mapping[str, pd.DataFrame], join: Join, *, labelled: bool) -> pd.DataFrame:
    chosen = {name: table[table[LABEL].notna() == labelled].reset_index(drop=True) for name, table in tables.items()}
    return join(chosen) if len(chosen) > 1 else next(iter(chosen.values()))


def _probabilities(cohort: PreparedCohort) -> tuple[pd.DataFrame, str]:
    """`ID, LABEL, probability` (float64) of all the cohort's cases, the mean over all folds' networks, and what
    computed them."""
    from radiogen.inference.prediction import score_inputs

    more = pd.DataFrame({ID: list(cohort.without_label), LABEL: pd.NA}, dtype=object)
    cases = pd.concat([cohort.cases.astype(object), more], ignore_index=True).astype({ID: str, LABEL: "Int64"})
    check_arrays(cohort.run.cache, cohort.index, cases[ID])
    scores = score_inputs(cohort.run, cohort.index, cases.assign(fold=TEST), trained_folds(cohort.source))
    return cases.merge(scores.by_case(), on=ID), scores.engine


def _write_tables(place: Path, cohorts: Sequence[PreparedCohort]) -> None:
    """What the cohorts are compared by; each member may read other sequences."""
    first = cohorts[0]
    geometry = pd.concat([pd.read_csv(one.run.cache / layout.GEOMETRY, dtype=str, keep_default_na=False)
                          for one in cohorts])
    files.write_csv(place / layout.GEOMETRY, geometry.drop_duplicates([first.task.column(ID), "split", "sequence"]))
    patients = data_patients(first.run.data)
    if patients is not None:
        files.write_csv(place / layout.PATIENTS, to_patients_file(first.task, patients))
    write_intensities(place, pd.concat([one.outside for one in cohorts]).drop_duplicates([ID, "sequence"]))
    for one in cohorts:
        if one.inside is not None:
            write_intensities(one.source.folder, one.inside)


def _facts(cohorts: Sequence[PreparedCohort], look: Look, overlap: Mapping[str, Any], engine: str) -> CohortFacts:
    first = cohorts[0]
    record = first.run.data / PHANTOM_RECORD
    ceiling = files.read_json(record).get("ceiling_auc") if record.is_file() else None
    return CohortFacts(look.date, look.data, look.fingerprint, look.labels_sha256, look.networks_sha256,
                       look.recipe_sha256, sum(len(trained_folds(one.source)) for one in cohorts), first.leave_out,
                       first.without_label, dict(overlap),
                       float(ceiling) if isinstance(ceiling, int | float) else None, engine)
