"""A table of features, judged: what learners reach on it by patient-wise nested folds, beside age and sex.

In: a table of features, labels, perhaps patients, perhaps another cohort's table. Out: a folder a learner under
models/, and tables, pictures, page and JSON as `evaluate_runs` writes them. Read first: `judge_features`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.core.progress import progress
from radiogen.core.wording import parameter
from radiogen.dataset.patients import AGE, SEX, patient_of
from radiogen.evaluation.others.columns import Naming, safe_id
from radiogen.evaluation.others.features import (
    FeatureTable,
    common_features,
    near_label,
    read_features,
    same_features,
)
from radiogen.evaluation.others.judge import OtherRun, run_names, write_other_run
from radiogen.evaluation.others.labels import Labels, read_label_table
from radiogen.evaluation.others.learners import COUNTS, TITLES
from radiogen.evaluation.others.nested import CHOSEN, Cases, Nested, nested, permute_by_patient, selected_before
from radiogen.evaluation.others.origin import Origin
from radiogen.evaluation.others.patients import read_patient_table
from radiogen.evaluation.others.study_options import LEARNERS, LOGISTIC, StudyOptions
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.runs import layout
from radiogen.runs.folds import HOLDOUT, Groups, make_folds
from radiogen.runs.predictions import complete
from radiogen.task import ID, LABEL

AGE_AND_SEX, LEAKAGE = "age-sex", "leakage"
"""Beside the learners: a logistic regression on age and sex; features selected before the split."""


@dataclass(frozen=True)
class Sources:
    """Files. labels: None where the table itself has them; test, test_labels: of another cohort."""

    table: Path
    labels: Path | None = None
    patients: Path | None = None
    test: Path | None = None
    test_labels: Path | None = None


@dataclass(frozen=True)
class _Read:
    table: FeatureTable
    folds: pd.DataFrame
    patients: pd.DataFrame | None
    patients_named: bool
    classes: tuple[str, str]
    cohort: str


def judge_features(sources: Sources, models: Path, naming: Naming, options: StudyOptions) -> tuple[str, list[Path]]:
    """Judge a table of features; returns the text to print and the files written, as `evaluate_runs` does.

    A run a learner under models/, `<table>-<learner>`; the last, which the page is about, is `<table>-chosen`. Another
    cohort's cases are the holdout, predicted by models of all cases of the first. Raises UserError for what cannot be
    read, too few cases, no common feature, a patient in both cohorts.
    """
    names, choices, lines = write_feature_runs(sources, models, naming, options)
    text, written = evaluate_runs(models, names)
    return f"{lines}\n\n{text}", [choices, *written]


def write_feature_runs(sources: Sources, models: Path, naming: Naming, options: StudyOptions
                       ) -> tuple[list[str], Path, str]:
    """Write the folders alone: returns their names, the table of choices, and what was read and chosen in words."""
    _check(options)
    read = _read(sources, naming, options)
    cases = _cases(read)
    done = nested(cases, options.learners, fixed=options.features, seed=options.seed)
    drawn = _permuted(cases, options)
    origin = _origin(read, cases)
    stem = run_names([sources.table])[0]
    runs = [*_beside(read, stem, cases, origin, options),
            *(_run(f"{stem}-{name}", read, probabilities, replace(origin, learner=_title(name)), drawn.get(name, ()))
              for name, probabilities in done.probabilities.items())]
    for run in runs:
        write_other_run(models, run, read.patients)
    choices = files.write_csv(Path(models) / runs[-1].name / layout.CHOICES, done.choices)
    return [run.name for run in runs], choices, f"{_read_line(read, cases)}\n{_choice_lines(done)}"


def _check(options: StudyOptions) -> None:
    wrong = next((name for name in options.learners if name not in LEARNERS), None)
    if wrong is not None or not options.learners:
        raise UserError(parameter("learners", wrong or "()"), "is no learner", f"choose among {', '.join(LEARNERS)}")
    if options.features is not None and options.features < 1:
        raise UserError(parameter("features", options.features), "selects nothing", "give 1 or more")


def _read(sources: Sources, naming: Naming, options: StudyOptions) -> _Read:
    """Tables, labels and folds; the cases of another cohort have the fold `holdout`."""
    table, labels = _labelled(sources.table, sources.labels, naming)
    patients, named = (None, False) if sources.patients is None else read_patient_table(sources.patients,
                                                                                      naming.id_column)
    known = [case for case in table.cases if case in labels.label]
    rows = pd.DataFrame({ID: known, LABEL: [labels.label[case] for case in known]})
    fewest = int(rows[LABEL].value_counts().reindex([0, 1], fill_value=0).min())
    if fewest < options.folds:
        raise UserError(sources.table, f"has {fewest} labelled cases of one class for {options.folds} folds",
                        f"give more, or {parameter('folds', max(2, fewest))}")
    patient = dict(zip(known, patient_of(patients, known), strict=True))
    folds = make_folds(rows, folds=options.folds, holdout_fraction=0, seed=options.seed,
                       groups=Groups(patients=patient))
    if sources.test is None:
        return _Read(table, folds, patients, named, labels.classes, "")
    other, other_labels = _labelled(sources.test, sources.test_labels, naming)
    table, other = common_features(table, other)
    judged = [case for case in other.cases if case in other_labels.label]
    held = pd.DataFrame({ID: judged, LABEL: [other_labels.label[case] for case in judged], "fold": HOLDOUT})
    both = FeatureTable(table.file, table.sha256, (*table.cases, *other.cases), table.names,
                        np.concatenate([table.inputs, other.inputs]), table.dropped)
    return _Read(both, pd.concat([folds, held], ignore_index=True), patients, named, labels.classes, other.file.name)


def _labelled(path: Path, labels: Path | None, naming: Naming) -> tuple[FeatureTable, Labels]:
    """A table of features and the labels of its cases, by safe ids."""
    found = read_label_table(labels or path, naming)
    table = read_features(path, naming, (found.column,))
    found = replace(found, label={safe_id(case): label for case, label in found.label.items()})
    known = [case for case in table.cases if case in found.label]
    if not known:
        raise UserError(path, f"no case of it has a label in {labels or path}: ids are as in {table.cases[0]}, there "
                        f"as in {next(iter(found.label))}", "write ids alike in both")
    return table, found


def _cases(read: _Read) -> Cases:
    names = list(read.folds[ID])
    return Cases(read.table.rows(names), read.folds[LABEL].to_numpy(int) == 1,
                 patient_of(read.patients, names).astype(str), read.folds["fold"].to_numpy(str), read.table.names)


def _permuted(cases: Cases, options: StudyOptions) -> dict[str, tuple[float, ...]]:
    """By learner the AUC, out of fold, of each training on permuted labels."""
    random = np.random.default_rng([options.seed, 3])
    inside = np.flatnonzero(cases.folds != HOLDOUT)
    own = Cases(cases.inputs[inside], cases.labels[inside], cases.patients[inside], cases.folds[inside], cases.names)
    areas: dict[str, list[float]] = {}
    if not options.permutations:
        return {}
    for draw in progress(range(options.permutations), "permuted labels", options.permutations, "draw"):
        shuffled = permute_by_patient(own, random)
        again = nested(shuffled, options.learners, fixed=options.features, seed=options.seed + 1 + draw)
        for name, probabilities in again.probabilities.items():
            areas.setdefault(name, []).append(auc(shuffled.labels, probabilities))
    return {name: tuple(found) for name, found in areas.items()}


def _origin(read: _Read, cases: Cases) -> Origin:
    alone = near_label(cases.inputs, cases.names, cases.labels)
    return Origin("features", read.table.file.name, read.table.sha256, True, read.patients_named,
                  {why: len(names) for why, names in read.table.dropped.items()}, features=len(cases.names),
                  same_features=same_features(cases.inputs, read.folds, cases.patients), near_label=alone,
                  cohort=read.cohort)


def _run(name: str, read: _Read, probabilities: np.ndarray, origin: Origin, permuted: tuple[float, ...] = ()
         ) -> OtherRun:
    return OtherRun(name, complete(read.folds.astype({LABEL: "Int64"}).assign(probability=probabilities)),
                    read.classes, origin, f"Do the features of {origin.file} tell the classes apart?", permuted)


def _beside(read: _Read, stem: str, cases: Cases, origin: Origin, options: StudyOptions) -> list[OtherRun]:
    """What stands beside the learners: selection before the split, where asked for; age and sex, where known."""
    runs = []
    if options.select_before:
        count = min(options.features or COUNTS[1], len(cases.names))
        leak = replace(origin, learner=TITLES[LOGISTIC], select_before=True, features=count)
        runs.append(_run(f"{stem}-{LEAKAGE}", read, selected_before(cases, count, seed=options.seed), leak))
    if (clinical := _clinical(read, cases)) is not None:
        done = nested(clinical, (LOGISTIC,), seed=options.seed)
        about = replace(origin, learner="logistic regression on age and sex", features=len(clinical.names),
                        same_features=(), near_label={})
        runs.append(_run(f"{stem}-{AGE_AND_SEX}", read, done.probabilities[LOGISTIC], about))
    return runs


def _clinical(read: _Read, cases: Cases) -> Cases | None:
    """The cases with age and sex as their features; None where neither is known of any."""
    if read.patients is None:
        return None
    rows = read.patients.drop_duplicates(ID).set_index(ID).reindex(list(read.folds[ID]))
    known = {AGE: rows[AGE].to_numpy(float), SEX: rows[SEX].map({"F": 0.0, "M": 1.0}).to_numpy(float)}
    columns = {name: column for name, column in known.items() if len(np.unique(column[~np.isnan(column)])) > 1}
    if not columns:
        return None
    return replace(cases, inputs=np.stack(list(columns.values()), axis=1), names=tuple(columns))


def _title(name: str) -> str:
    return TITLES.get(name, f"the learner that is best in the inner folds ({', '.join(TITLES.values())})"
                      if name == CHOSEN else name)


def _read_line(read: _Read, cases: Cases) -> str:
    inside = cases.folds != HOLDOUT
    unused = len(read.table.cases) - len(cases.labels)
    dropped = "".join(f"; {len(names)} columns left out ({why})" for why, names in read.table.dropped.items())
    other = (f"; tested on {int((~inside).sum())} cases of {read.cohort}, {_features(len(cases.names))} in common"
             if read.cohort else "")
    return (f"{read.table.file}: {int(inside.sum())} cases of {len(set(cases.patients[inside]))} patients, "
            f"{int(cases.labels[inside].sum())} {read.classes[1]}, {_features(len(cases.names))}{dropped}; {unused} "
            f"cases without label{other}")


def _features(count: int) -> str:
    return f"{count:,} feature{'s' * (count != 1)}"


def _choice_lines(done: Nested) -> str:
    """What inner folds chose, a line a learner."""
    lines = []
    for name, rows in done.choices.groupby("learner", sort=False):
        counts = ", ".join(map(str, rows["features"]))
        lines.append(f"{TITLES[str(name)]}: features chosen by fold: {counts}; AUC of the inner folds "
                     f"{rows['inner_auc'].mean():.3f} on average")
    return "\n".join(lines)
