"""From a run's predictions to the CSV that the competition takes, checked, with a record of its origin.

In: `models/<run>/predictions.csv` and the data set's `sample_submission.csv`. Out: `submissions/<run>.csv` with exactly
the sample's ids in its order, and `submissions/<run>.json`, which keeps the score while the CSV is the one that was
sent. A case that could not be predicted gets the share of positive training cases, with a warning; it is never left
out, because the competition rejects a file that lacks one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen import __version__
from radiogen.core import files, owned
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter, shortened
from radiogen.dataset.known_cases import published_labels
from radiogen.dataset.labels import read_sample_submission
from radiogen.dataset.layout import sample_path
from radiogen.kaggle.scoring import out_of_fold_score, submitted
from radiogen.runs import layout
from radiogen.runs.fold_locks import note_training
from radiogen.runs.folds import read_folds
from radiogen.runs.predictions import read_with_hash, submission_cases
from radiogen.runs.records import data_folder, read_facts
from radiogen.task import ID, LABEL, RSNA_MICCAI, Task, read_task

SHOWN_IDS = 5


@dataclass(frozen=True)
class Submission:
    """A written submission: its CSV, its record, its number of cases, the imputed ids and their probability.

    published: the ids of the cases whose label a public table states. competition: to which it is to be sent, "" where
    the data set is of none; code_only: whether that takes notebooks and no tables.
    """

    path: Path
    record: Path
    cases: int
    imputed: tuple[str, ...]
    prevalence: float
    published: tuple[str, ...] = ()
    competition: str = ""
    code_only: bool = False


def write_submission(models: Path, name: str, submissions: Path, *, data: Path | None = None,
                     allow_constant: bool = False) -> Submission:
    """Write and check `submissions/<name>.csv` and its record from the run `models/<name>`.

    data: the data set whose `sample_submission.csv` is used (default: the one that run.json names).
    Raises UserError for a run that is not predicted, a missing sample, predicted test cases that the sample does not
    have (another data set was predicted), and probabilities that are all the same unless `allow_constant`.
    """
    folder = Path(models) / name
    note_training(folder)
    predictions, read = read_with_hash(folder / layout.PREDICTIONS)
    facts = read_facts(folder)
    data = _data_set(folder, facts, data)
    if not sample_path(data).is_file():
        raise UserError(sample_path(data), "is missing",
                        f"give the data set that has it with {parameter('data')}")
    task = read_task(data)
    sample = read_sample_submission(sample_path(data), task)
    prevalence = _training_prevalence(folder, predictions)
    table, imputed = fill_sample(sample, predictions, prevalence, where=folder / layout.PREDICTIONS)
    if table[LABEL].nunique() == 1 and not allow_constant:
        raise UserError(folder / layout.PREDICTIONS, f"has the same probability for all {len(table)} test cases "
                        f"({table[LABEL].iloc[0]:g})",
                        f"predict the test set: {command('predict')} --run {as_run(folder)}; "
                        f"or submit it anyway with {parameter('allow_constant')}")
    table[LABEL] = submitted(table[LABEL], task)
    with files.working_folder(submissions):
        record = Path(submissions) / f"{name}.json"
        before = files.read_json(record) if record.is_file() else {"sha256": ""}
        if "sha256" not in before:
            raise UserError(record, "is not a record of a submission, so it is not replaced",
                            f"move it away, or name another folder with {parameter('submissions')}")
        path = owned.write_listed(record.with_suffix(".csv"),
                                  task.to_file(table).to_csv(index=False, lineterminator="\n"))
        check_submission(path, sample, task)
        digest = files.sha256(path)
        sent = {"kaggle": before["kaggle"]} if before.get("sha256") == digest and "kaggle" in before else {}
        files.write_json(record, {
            "run": name, "members": facts.get("members", [name]), "data": files.recorded_path(data, folder),
            "cases": len(table),
            "imputed": {"cases": list(imputed), "probability": prevalence, "why": "no prediction; training prevalence"},
            "metric": task.metric, "out_of_fold": out_of_fold_score(predictions, task),
            "sha256": digest, "predictions_sha256": read,
            "radiogen": __version__, **sent})
    return Submission(path, record, len(table), imputed, prevalence, tuple(published_labels(sample[ID], data)),
                      task.competition.slug if task.competition else "",
                      task.competition is not None and task.competition.code_only)


def fill_sample(sample: pd.DataFrame, predictions: pd.DataFrame, prevalence: float,
                where: object = layout.PREDICTIONS) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The sample's ids in its order with the predicted probabilities, and the ids that got `prevalence` instead.

    Only rows with fold `test` are used. Raises UserError, naming `where` and the ids, for a test case not in `sample`.
    """
    known = submission_cases(predictions).set_index(ID)["probability"]
    strange = known.index[~known.index.isin(sample[ID])]
    if len(strange):
        raise UserError(where, f"has test cases that the sample submission does not have: "
                        f"{shortened(list(strange))}",
                        f"give the data set that was predicted with {parameter('data')}, or predict again")
    probabilities = sample[ID].map(known)
    imputed = tuple(sample.loc[probabilities.isna(), ID])
    return pd.DataFrame({ID: sample[ID], LABEL: probabilities.fillna(prevalence)}), imputed


def check_submission(path: Path, sample: pd.DataFrame, task: Task = RSNA_MICCAI) -> None:
    """Read a submission back and compare it with the sample: heading, ids and their order, finite numbers in [0, 1].

    Raises UserError for the first thing that the competition would reject.
    """
    table = read_sample_submission(path, task)
    remedy = f"write it again with {command('submit')}"
    wanted = [task.id_column, task.label_column]
    if list(pd.read_csv(path, nrows=0).columns) != wanted:
        raise UserError(path, f"its heading is not {','.join(wanted)}", remedy)
    for what, ids in (("lacks", sample.loc[~sample[ID].isin(table[ID]), ID]),
                      ("has, and the sample does not have,", table.loc[~table[ID].isin(sample[ID]), ID])):
        if len(ids):
            raise UserError(path, f"{what} {len(ids)} cases, the first of them {ids.iloc[0]}", remedy)
    moved = np.flatnonzero(table[ID].to_numpy() != sample[ID].to_numpy())
    if len(moved):
        raise UserError(path, f"row {moved[0] + 2}: {table[ID].iloc[moved[0]]} is where the sample has "
                        f"{sample[ID].iloc[moved[0]]}", remedy)


def _training_prevalence(folder: Path, predictions: pd.DataFrame) -> float:
    """The share of positive cases among those of the run's folds.csv, else among its labelled predictions.

    Raises UserError where there is neither.
    """
    path = Path(folder) / layout.FOLDS
    labels = read_folds(path)[LABEL] if path.is_file() else predictions[LABEL].dropna()
    if labels.empty:
        raise UserError(path, "is missing, and no prediction has a label: the training prevalence is unknown",
                        f"predict again: {command('predict')} --run {as_run(folder)}")
    return float(labels.astype(float).mean())


def imputed_text(submission: Submission) -> str:
    """One line about the cases without a prediction, or ''."""
    count = len(submission.imputed)
    if not count:
        return ""
    more = f" and {count - SHOWN_IDS} more (all are in the record)" if count > SHOWN_IDS else ""
    return (f"warning: {count} of {submission.cases} test cases have no prediction and got the training "
            f"prevalence {submission.prevalence:.3f}: {', '.join(submission.imputed[:SHOWN_IDS])}{more}")


def published_text(submission: Submission) -> str:
    """One line about the cases whose labels are public, or ''."""
    count = len(submission.published)
    return (f"warning: {count} of {submission.cases} test cases have a published label (docs/hospital.md): a score on "
            "them can be looked up, and weights that saw them know it") if count else ""


def _data_set(folder: Path, facts: dict[str, Any], data: Path | None) -> Path:
    chosen = data or data_folder(folder, facts)
    if chosen is None:
        raise UserError(folder / layout.RUN, "does not name the data set of the run",
                        f"give it with {parameter('data')}")
    return Path(chosen)
