"""Predictions of other programs, judged: each table becomes a folder under models/, which the report reads as a run.

In: tables of predictions, perhaps one of labels and one of patients. Out: those folders with tables, pictures, page and
JSON, as `evaluate_runs` writes them for any run. Read first: `judge_predictions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.labels import read_label_table
from radiogen.evaluation.others.origin import Origin, origin_facts, origin_of
from radiogen.evaluation.others.patients import read_patient_table
from radiogen.evaluation.others.predictions import OtherPredictions, check_same_labels, read_other_predictions
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.runs import layout
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.predictions import write_predictions
from radiogen.runs.records import read_facts, write_facts
from radiogen.runs.tables import write_folds, write_patients
from radiogen.task import ID, LABEL, Task, write_task


@dataclass(frozen=True)
class OtherRun:
    """What becomes a run's folder: table as of predictions; classes: what labels 0 and 1 are called."""

    name: str
    table: pd.DataFrame
    classes: tuple[str, str]
    origin: Origin
    question: str = "Do these predictions tell the classes apart?"
    permuted: tuple[float, ...] = ()


def judge_predictions(paths: Sequence[Path], models: Path, naming: Naming, labels: Path | None = None,
                      patients: Path | None = None) -> tuple[str, list[Path]]:
    """Judge tables of predictions; returns the text to print and the files written, as `evaluate_runs` does.

    The last table is the one that the page is about; it is compared with each other one on the cases that both have.
    labels: a table of labels where the predictions have none; patients: ids, patient, age, sex, site. Raises UserError
    for what cannot be read, labels that contradict each other, and a folder under models/ that is another run's.
    """
    names, lines = write_prediction_runs(paths, models, naming, labels, patients)
    text, written = evaluate_runs(models, names)
    return f"{lines}\n\n{text}", written


def write_prediction_runs(paths: Sequence[Path], models: Path, naming: Naming, labels: Path | None = None,
                          patients: Path | None = None) -> tuple[list[str], str]:
    """Write the folders alone: returns their names, and what was read in words; arguments as in `judge_predictions`."""
    known = None if labels is None else read_label_table(labels, naming)
    read = [read_other_predictions(path, naming, known) for path in paths]
    check_same_labels(read)
    table, named = (None, False) if patients is None else read_patient_table(patients, naming.id_column)
    runs = [OtherRun(name, one.table, one.classes, _origin(one, named))
            for name, one in zip(run_names([one.file for one in read]), read, strict=True)]
    for run in runs:
        write_other_run(models, run, table)
    return [run.name for run in runs], "\n".join(map(_read_line, read)) + _common(read)


def run_names(paths: Sequence[Path]) -> list[str]:
    """A valid name a file, by its own without the ending; of two files of one name the folder's stands before it."""
    stems = [path.name.removesuffix(path.suffix) for path in paths]
    names = [files.name_from(Path(stem if stems.count(stem) == 1 else f"{path.resolve().parent.name}-{stem}"))
             for path, stem in zip(paths, stems, strict=True)]
    doubled = next((path for path, name in zip(paths, names, strict=True) if names.count(name) > 1), None)
    if doubled is not None:
        raise UserError(doubled, "is named twice, or another file has its name", "name each file once")
    return names


def write_other_run(models: Path, run: OtherRun, patients: pd.DataFrame | None) -> Path:
    """Write the folder of a run that was not trained here; returns it.

    Raises UserError where a folder of that name is there and is no such run.
    """
    folder = Path(models) / run.name
    if (folder / layout.PREDICTIONS).exists() and origin_of(read_facts(folder)) is None or (
            folder / layout.RECIPE).exists():
        raise UserError(folder, f"is a run that was trained here, and {run.origin.file} would take its place",
                        f"rename the file, or name another folder: {parameter('models')} FOLDER")
    with files.working_folder(folder):
        for name in (layout.PREDICTIONS, layout.FOLDS, layout.PATIENTS, layout.PERMUTATIONS):
            (folder / name).unlink(missing_ok=True)
        write_task(folder, Task(name=run.name, classes=run.classes, id_pattern=r".+", question=run.question))
        write_facts(folder, origin_facts(run.origin))
        kept = None if patients is None else patients[patients[ID].isin(run.table[ID])]
        write_patients(folder, kept)
        if (run.table["fold"] != HOLDOUT).any():
            write_folds(folder, run.table[[ID, LABEL, "fold"]])
        if run.permuted:
            files.write_csv(folder / layout.PERMUTATIONS, pd.DataFrame(
                {"draw": range(len(run.permuted)), "within": "folds", "auc": run.permuted}))
        write_predictions(folder / layout.PREDICTIONS, run.table)
    return folder


def _origin(read: OtherPredictions, patients: bool) -> Origin:
    return Origin("predictions", read.file.name, read.sha256, read.folds, patients, read.left_out, read.scores,
                  read.validation, read.calls)


def _read_line(read: OtherPredictions) -> str:
    """What was read of a file, and what was not."""
    columns = ", ".join(f"{what} from {name!r}" for what, name in read.columns.items())
    folds = read.table.loc[read.table["fold"] != HOLDOUT, "fold"].nunique()
    sets = f"{folds} folds" if folds else "one set without folds"
    left_out = "".join(f"; left out: {count} ({why})" for why, count in read.left_out.items())
    return (f"{read.file}: {len(read.table)} cases in {sets}, {int((read.table[LABEL] == 1).sum())} of them "
            f"{read.classes[1]}; {columns}{left_out}")


def _common(read: Sequence[OtherPredictions]) -> str:
    """How many cases all files have, where they are compared."""
    if len(read) < 2:
        return ""
    shared = set.intersection(*(set(one.table[ID]) for one in read))
    more = [f"{one.file} has {len(one.table) - len(shared)} more" for one in read if len(one.table) > len(shared)]
    return f"\ncases that all files have: {len(shared)}" + (f" ({', '.join(more)})" if more else "")
