"""By what the cases of a run and of another cohort are recognised: patients, files, arrays and their perceptual hashes.

In: a run, or a data set with its arrays by the run's recipe. Out: `CaseMarks` of both, which evaluation compares. Case
ids are not believed: another hospital's 00042 is another patient.
"""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.dataset.patients import data_patients, other_names, read_patients
from radiogen.runs.external.cohorts import CaseMarks
from radiogen.runs.layout import ARRAYS
from radiogen.runs.lineage import IMAGENET
from radiogen.runs.tables import read_arrays, read_seen_cases
from radiogen.task import ID, Task
from radiogen.training.runs import Run

_PICTURES = [ID, "sequence", "perceptual_hash"]


def run_marks(run: Run, series: pd.DataFrame | None) -> CaseMarks:
    """The marks of the cases that the run trains on or holds out; series: their intensities.csv, None where unknown.

    Raises UserError where it keeps no hashes of its arrays: nothing could be said of an overlap then.
    """
    arrays = read_arrays(run.folder)
    if arrays is None:
        raise UserError(run.folder / ARRAYS, "is missing: it shows whether the cohorts share patients",
                        f"make it: {command('predict')} --run {as_run(run.folder)}")
    patients = read_patients(run.folder)
    if patients is None and run.data.is_dir():
        patients = data_patients(run.data)
    own = arrays[(arrays["split"] == "train") & arrays[ID].isin(run.folds[ID])]
    marks = _marks(run, own, patients, series)
    if run.first_weights is None or run.first_weights.file == IMAGENET:
        return marks
    return replace(marks, seen=read_seen_cases(run.folder))


def cohort_marks(run: Run, index: pd.DataFrame, cases: Collection[str], series: pd.DataFrame) -> CaseMarks:
    """The marks of a data set's cases; run: with this data set, its task and its arrays in the place of its own."""
    called = frozenset({run.task.name.casefold(), Path(run.data).name.casefold()} - {""})
    return replace(_marks(run, index[index[ID].isin(cases)], data_patients(run.data), series), called=called)


def _marks(run: Run, arrays: pd.DataFrame, patients: pd.DataFrame | None, series: pd.DataFrame | None) -> CaseMarks:
    """run: with the data set and the arrays that the marks are of."""
    cases = arrays[[ID, "sha256", "perceptual_hash"]].reset_index(drop=True)
    contents = {case: _contents(Path(run.cache) / f"{case}.json") for case in cases[ID]}
    rows = [(case, mark) for case, marks in contents.items() for mark in marks]
    pictures = pd.DataFrame(columns=_PICTURES) if series is None else series[series[ID].isin(cases[ID])][_PICTURES]
    return CaseMarks(cases, _names(patients, list(cases[ID]), run.task), pd.DataFrame(rows, columns=[ID, "sha256"]),
                     pictures.reset_index(drop=True), patients is not None, all(contents.values()))


def _names(patients: pd.DataFrame | None, cases: list[str], task: Task) -> pd.DataFrame:
    """`ID, name, source` of all that the cases' patients are called."""
    known = other_names(patients, cases, replace(task, also_called=""))
    rows = [(case, case, "id") for case in cases]
    rows += [(case, name, "table") for case in cases for name in sorted(known[case])]
    rows += [(case, task.also_called.replace("{case}", case), "task") for case in cases if task.also_called]
    return pd.DataFrame(rows, columns=[ID, "name", "source"])


def _contents(note: Path) -> list[str]:
    """The hashes of a case's series' files as the cache notes them beside its array; [] where it is not there."""
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))["contents"]
        return [str(mark) for mark in kept.values() if mark]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []
