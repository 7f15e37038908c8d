"""A trained run predicts the cases of another hospital: frozen, with the mean of all its folds' networks.

In: a run, another data set. Out: first what both cohorts' cases are recognised by (`prepare_cohort`), and, once nobody
is in both, `models/<run>/external/<cohort>/` (runs/external/cohorts.py). Between the two evaluation compares the
cohorts: no case is predicted before. A prediction with labels is a look, and goes on record before it is written.
"""

import dataclasses
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.arrays.cache import cache_folder
from radiogen.arrays.stored_arrays import check_arrays, read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.layout import PHANTOM_RECORD, Split, labels_path
from radiogen.dataset.patients import data_patients, to_patients_file
from radiogen.imaging.inspect.intensities import FIELDS, measure_intensities
from radiogen.inference.cohort_marks import cohort_marks, run_marks
from radiogen.runs import layout
from radiogen.runs.external.cohorts import (
    INTENSITIES,
    CaseMarks,
    CohortFacts,
    checked_cohort,
    external_cohorts,
    labels_digest,
    networks_digest,
    read_intensities,
    write_cohort_facts,
    write_intensities,
)
from radiogen.runs.fold_locks import wait_for_training, working_run
from radiogen.runs.fold_weights import check_run
from radiogen.runs.folds import TEST
from radiogen.runs.ledger.looks import Look, append_look
from radiogen.runs.predictions import complete, out_of_fold, read_predictions, write_predictions
from radiogen.task import FILE, ID, LABEL, Task, read_task, write_task
from radiogen.training.runs import Run, cache_settings, trained_folds
from radiogen.training.workflow import preprocess, usable_labels

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedCohort:
    """Another cohort before anything of it is predicted.

    name: of the cohort; run: with the cohort's data set and arrays in the place of its own; source: the run itself;
    cases: `ID, LABEL`; index: of the arrays; own, marks: by what the cases of the run and of the cohort are recognised;
    look: what goes on record. inside, outside: raw intensities of both, inside None where unknown. without_label: cases
    that have images alone; leave_out: by the user; task: the cohort's.
    """

    name: str
    run: Run
    source: Run
    cases: pd.DataFrame
    index: pd.DataFrame
    own: CaseMarks
    marks: CaseMarks
    look: Look
    inside: pd.DataFrame | None
    outside: pd.DataFrame
    without_label: tuple[str, ...]
    leave_out: tuple[str, ...]
    task: Task


def prepare_cohort(run: Run, data: Path, name: str | None = None, *, leave_out: Collection[str] = (),
                   workers: int | None = None) -> PreparedCohort:
    """Make the arrays of another data set by the run's recipe, and collect what its cases are recognised by.

    name: of the cohort (default: the data set's folder). leave_out: cases that are not judged.
    Raises UserError where the run is not trained and predicted as a whole, the data set lacks a sequence of its recipe,
    a labelled case or a class, or another cohort has this name.
    """
    wait_for_training(run.folder)
    _check_run(run)
    task, name = read_task(data), checked_cohort(name or files.name_from(data))
    _check_sequences(run, data, task)
    cache = run.cache.parent.parent if run.cache.parent.parent.is_dir() else Path("input/cache")
    labels = usable_labels(data, leave_out)
    preprocess(data, [run.recipe], cache, leave_out=leave_out, workers=workers)
    mark = data_fingerprint(data)
    _check_free(run.folder, name, data, mark.key)
    folder = cache_folder(data, cache_settings(run.recipe.data), cache, mark)
    index = read_index(folder)
    made = index.loc[(index["split"] == "train") & (index["sha256"] != ""), ID]
    cases = labels[labels[ID].isin(made) & ~labels[ID].isin(list(leave_out))].reset_index(drop=True)
    _check_classes(data, cases, task)
    without = tuple(sorted(set(made) - set(labels[ID])))
    there = dataclasses.replace(run, data=Path(data), cache=folder, task=task)
    inside, outside = _own_intensities(run, workers), _measured(there, cases[ID].tolist(), workers)
    return PreparedCohort(name, there, run, cases, index, run_marks(run, inside),
                          cohort_marks(there, index, set(cases[ID]), outside),
                          _look(run, name, data, mark.key, cases), inside, outside, without, tuple(leave_out), task)


def predict_cohort(cohort: PreparedCohort, overlap: Mapping[str, Any]) -> Path:
    """Predict the cohort's cases and write what is judged; returns the path of its `predictions.csv`.

    overlap: what evaluation found when it compared the cohorts, for `cohort.json`. The look goes on record first.
    """
    from sklearn.metrics import roc_auc_score

    run, folder = cohort.source, layout.cohort_folder(cohort.source.folder, cohort.name)
    with working_run(run.folder):
        table = complete(_probabilities(cohort).assign(fold=cohort.name))
        area = float(roc_auc_score(table[LABEL].astype(int), table["probability"]))
        append_look(run.folder.parent, dataclasses.replace(cohort.look, outcome="judged", auc=f"{area:.6f}"))
        for stale in (layout.COHORT, layout.TASK, layout.PATIENTS, layout.INTENSITIES):
            (folder / stale).unlink(missing_ok=True)
        write_task(folder, cohort.task)
        path = write_predictions(folder / layout.PREDICTIONS, table)
        files.write_bytes(folder / layout.GEOMETRY, (cohort.run.cache / layout.GEOMETRY).read_bytes())
        patients = data_patients(cohort.run.data)
        if patients is not None:
            files.write_csv(folder / layout.PATIENTS, to_patients_file(cohort.task, patients))
        write_intensities(folder, cohort.outside)
        if cohort.inside is not None:
            write_intensities(run.folder, cohort.inside)
        write_cohort_facts(folder, _facts(cohort, overlap))
    return path


def _check_run(run: Run) -> None:
    """Every fold is trained, and has predicted the cases that it did not see: AUC and threshold inside need both."""
    trained = trained_folds(run)
    missing = sorted({str(fold) for fold in run.folds["fold"] if fold.isdigit()} - set(trained))
    if missing:
        raise UserError(run.folder, f"fold {', '.join(missing)} is not trained: a run is validated as it will be used",
                        f"{command('train')} --run {as_run(run.folder)} --fold all")
    predicted = set(out_of_fold(read_predictions(run.folder / layout.PREDICTIONS))["fold"])
    if predicted != set(trained):
        raise UserError(run.folder / layout.PREDICTIONS, "was written before all folds were trained",
                        f"write it again: {command('predict')} --run {as_run(run.folder)}")


def _check_sequences(run: Run, data: Path, task: Task) -> None:
    lacking = [name for name in run.recipe.data.sequences if name not in task.sequences]
    if lacking:
        raise UserError(Path(data) / FILE, f"has the sequences {', '.join(task.sequences)}, and {run.folder.name} "
                        f"needs {', '.join(lacking)}", "give its sequences the names that the run's data set has")


def _check_free(run: Path, name: str, data: Path, fingerprint: str) -> None:
    """The name is free, or of this data set: as it is now, or as it was before cases were added."""
    kept = external_cohorts(run).get(name)
    if kept and kept.fingerprint != fingerprint and files.found_path(kept.data, run).resolve() != Path(data).resolve():
        raise UserError(layout.cohort_folder(run, name), f"is another cohort, of {kept.data}",
                        f"give this one another name with {parameter('cohort')}")


def _check_classes(data: Path, cases: pd.DataFrame, task: Task) -> None:
    for label, meaning in enumerate(task.classes):
        if not (cases[LABEL] == label).any():
            raise UserError(labels_path(data), f"none of its {len(cases)} cases with images has label {label} "
                            f"({meaning}): there is nothing to judge", "add cases of both classes")


def _look(run: Run, name: str, data: Path, fingerprint: str, cases: pd.DataFrame) -> Look:
    return Look(_now(), run.folder.name, name, files.recorded_path(data, run.folder), fingerprint, len(cases),
                int((cases[LABEL] == 1).sum()), labels_digest(cases), files.sha256(run.folder / layout.RECIPE),
                networks_digest(check_run(run.folder)))


def _facts(cohort: PreparedCohort, overlap: Mapping[str, Any]) -> CohortFacts:
    look, record = cohort.look, cohort.run.data / PHANTOM_RECORD
    ceiling = files.read_json(record).get("ceiling_auc") if record.is_file() else None
    return CohortFacts(look.date, look.data, look.fingerprint, look.labels_sha256, look.networks_sha256,
                       look.recipe_sha256, len(trained_folds(cohort.source)), cohort.leave_out, cohort.without_label,
                       dict(overlap), float(ceiling) if isinstance(ceiling, int | float) else None)


def _probabilities(cohort: PreparedCohort) -> pd.DataFrame:
    """`ID, LABEL, probability` (float64) of the cohort's cases, the mean over all folds' networks."""
    from radiogen.inference.prediction import score_inputs

    check_arrays(cohort.run.cache, cohort.index, cohort.cases[ID])
    cases = cohort.cases.assign(fold=TEST).astype({LABEL: "Int64"})
    inputs = score_inputs(cohort.run, cohort.index, cases, trained_folds(cohort.source))
    return cohort.cases.merge(inputs.groupby(ID, sort=False)["probability"].mean().reset_index(), on=ID)


def _own_intensities(run: Run, workers: int | None) -> pd.DataFrame | None:
    """The raw intensities of the run's own series; where its data set is not here, what an earlier validation kept."""
    if run.data.is_dir() and run.cache.parent.name.endswith(f"-{data_fingerprint(run.data).key}"):
        return _measured(run, run.folds[ID].tolist(), workers)
    kept = read_intensities(run.folder)
    if kept is None:
        _LOG.warning(f"{run.data} is not there or has changed since {run.folder.name} was made: its raw intensities "
                     "are not compared")
    return kept


def _measured(run: Run, cases: list[str], workers: int | None) -> pd.DataFrame:
    """The intensities of training cases of the run's data set; kept beside its arrays, where series are read once."""
    path, names = run.cache.parent / layout.INTENSITIES, run.recipe.data.sequences
    kept = pd.DataFrame(columns=list(INTENSITIES))
    if path.is_file():
        kept = pd.read_csv(path, dtype=dict.fromkeys((ID, "split", "sequence", "perceptual_hash"), str),
                           keep_default_na=False, na_values={name: [""] for name in FIELDS})
    known = set(zip(kept[ID], kept["sequence"], strict=True))
    split: Split = "train"
    todo = [(split, case) for case in cases if any((case, name) not in known for name in names)]
    if todo:
        kept = kept[~(kept[ID].isin([case for _, case in todo]) & kept["sequence"].isin(names))]
        found = measure_intensities(run.data, todo, names, workers=workers)
        kept = found if kept.empty else pd.concat([kept, found], ignore_index=True)
        files.write_csv(path, kept)
    return kept[kept[ID].isin(cases) & kept["sequence"].isin(names)].reset_index(drop=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
