"""Another hospital's cases are made ready for a trained run: its arrays, and by what both cohorts are recognised.

In: a run, another data set. Out: a `PreparedCohort`. Evaluation compares the cohorts next, and once nobody is in both
cohort_predictions.py predicts: no case is predicted before.
"""

import dataclasses
import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.arrays.cache import cache_folder, data_key
from radiogen.arrays.stored_arrays import read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.layout import Split, labels_path
from radiogen.imaging.inspect.intensities import FIELDS, measure_intensities
from radiogen.inference.cohort_marks import cohort_marks, run_marks
from radiogen.runs import layout
from radiogen.runs.external.cohorts import (
    INTENSITIES,
    CaseMarks,
    checked_cohort,
    external_cohorts,
    read_intensities,
)
from radiogen.runs.fold_locks import wait_for_training
from radiogen.runs.predictions import out_of_fold, read_predictions
from radiogen.runs.records import read_facts, with_members
from radiogen.task import FILE, ID, LABEL, Task, read_task
from radiogen.training.runs import Run, cache_settings, open_run, refuse_locator, trained_folds
from radiogen.training.workflow import preprocess, usable_labels

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedCohort:
    """Another cohort before anything of it is predicted.

    name: of the cohort; run: with the cohort's data set and arrays in the place of its own; source: the run itself;
    cases: `ID, LABEL`; index: of the arrays; own, marks: by what the cases of the run and of the cohort are recognised;
    fingerprint: of the data set. inside, outside: raw intensities of both, inside None where unknown. without_label:
    cases that have images alone, of the test set, too; leave_out: by the user; task: the cohort's.
    """

    name: str
    run: Run
    source: Run
    cases: pd.DataFrame
    index: pd.DataFrame
    own: CaseMarks
    marks: CaseMarks
    fingerprint: str
    inside: pd.DataFrame | None
    outside: pd.DataFrame
    without_label: tuple[str, ...]
    leave_out: tuple[str, ...]
    task: Task


def prepare_cohorts(folder: Path, data: Path, name: str | None = None, *, leave_out: Collection[str] = (),
                    workers: int | None = None) -> list[PreparedCohort]:
    """Make the arrays of another data set by a run's recipe, and collect what its cases are recognised by.

    folder: of the run, models/<run>; of an ensemble one cohort a member is returned, all of the same cases. name: of
    the cohort (default: the data set's folder). leave_out: cases that are not judged.
    Raises UserError where a run is not trained and predicted as a whole, the data set lacks a sequence of its recipe,
    a labelled case or a class, another cohort has this name, or an ensemble ranks its cases.
    """
    facts, (first, *members) = read_facts(folder), with_members(Path(folder))
    if members and facts.get("method") == "rank-mean":
        raise UserError(folder, "joins ranks, which are of no patient alone but among the cases beside him or her",
                        f"join its members otherwise: {command('ensemble')} --method mean")
    name = checked_cohort(name or files.name_from(data))
    _check_free(first, name, data)
    cohorts = [_prepared(open_run(place), data, name, leave_out, workers) for place in members or [first]]
    common = set.intersection(*({*one.cases[ID], *one.without_label} for one in cohorts))
    return [dataclasses.replace(one, cases=one.cases[one.cases[ID].isin(common)].reset_index(drop=True),
                                without_label=tuple(case for case in one.without_label if case in common))
            for one in cohorts]


def _prepared(run: Run, data: Path, name: str, leave_out: Collection[str], workers: int | None) -> PreparedCohort:
    """The cohort for a run with networks of its own."""
    wait_for_training(run.folder)
    _check_run(run)
    task = read_task(data)
    _check_sequences(run, data, task)
    cache = run.cache.parent.parent if run.cache.parent.parent.is_dir() else Path("input/cache")
    labels = usable_labels(data, leave_out)
    preprocess(data, [run.recipe], cache, leave_out=leave_out, workers=workers,
               models=run.folder.parent)
    mark = data_fingerprint(data)
    folder = cache_folder(data, cache_settings(run.recipe.data), cache, mark)
    index = read_index(folder)
    made = index[(index["sha256"] != "") & ~index[ID].isin(list(leave_out))]
    cases = labels[labels[ID].isin(made.loc[made["split"] == "train", ID])].reset_index(drop=True)
    _check_classes(data, cases, task)
    without = tuple(sorted(set(made[ID]) - set(labels[ID])))
    there = dataclasses.replace(run, data=Path(data), cache=folder, task=task)
    inside, outside = _own_intensities(run, workers), _measured(there, cases[ID].tolist(), workers)
    return PreparedCohort(name, there, run, cases, index, run_marks(run, inside),
                          cohort_marks(there, index, set(cases[ID]), outside),
                          mark.key, inside, outside, without, tuple(leave_out), task)


def _check_run(run: Run) -> None:
    """Every fold is trained, and has predicted the cases that it did not see: AUC and threshold inside need both."""
    refuse_locator(run)
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


def _check_free(run: Path, name: str, data: Path) -> None:
    """The name is free, or of this data set: as it is now, or as it was before cases were added."""
    kept = external_cohorts(run).get(name)
    there = kept and files.found_path(kept.data, run).resolve() == Path(data).resolve()
    if kept and not there and kept.fingerprint != data_fingerprint(data).key:
        raise UserError(layout.cohort_folder(run, name), f"is another cohort, of {kept.data}",
                        f"give this one another name with {parameter('cohort')}")


def _check_classes(data: Path, cases: pd.DataFrame, task: Task) -> None:
    for label, meaning in enumerate(task.classes):
        if not (cases[LABEL] == label).any():
            raise UserError(labels_path(data), f"none of its {len(cases)} cases with images has label {label} "
                            f"({meaning}): there is nothing to judge", "add cases of both classes")


def _own_intensities(run: Run, workers: int | None) -> pd.DataFrame | None:
    """The raw intensities of the run's own series; where its data set is not here, what an earlier validation kept."""
    if run.data.is_dir():
        key = data_key(cache_settings(run.recipe.data), data_fingerprint(run.data))
        if run.cache.parent.name.endswith(f"-{key}"):
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
