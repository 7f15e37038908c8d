"""A folder of images becomes a data set: a small folder of its own that says what lies where, and what was not decided.

In: a folder that is only read, tables that came with it. Out: `dataset.json`, and where the tables say it
`train_labels.csv` and `patients.csv`, in another folder, which every command takes as the data set. It is a draft:
whatever it says can be corrected by hand.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.cohorts.published import Cohort, Found, recognise
from radiogen.cohorts.tables import (
    FACTS,
    CohortTable,
    column_of,
    known,
    label_meanings,
    read_cohort_table,
)
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter, shortened
from radiogen.dataset.labels import data_labels
from radiogen.dataset.layout import PATIENTS_TABLE, case_ids, is_data_set, mask_path, sequences_present
from radiogen.dataset.patients import AGE, ALIASES, PATIENT, SITE, data_patients
from radiogen.dataset.source import LABELS_TABLE
from radiogen.task import FILE, ID, read_task

SHOWN = 5


@dataclass(frozen=True)
class Description:
    """folder: the data set that was written. found: what the images and tables say. undecided: what they do not."""

    folder: Path
    found: tuple[str, ...]
    undecided: tuple[str, ...]


def describe_dataset(folder: Path, output: Path | None = None, tables: Sequence[Path] = (),
                     label_column: str | None = None, only: Sequence[str] = ()) -> Description:
    """Draft a data set in `output` for the images in `folder`, which is only read.

    output: input/<name of the cohort> by default. tables: CSV or TSV files with ids of the cases. label_column: the
    column of one of them with the labels, where the cohort's own is not the one that is meant. only: `COLUMN=VALUE`:
    cases of which a table says something else have no label; several values of one column are alternatives.
    Raises UserError where no layout is recognised, `output` lies in `folder` or holds anything already, or a table is
    damaged, of other cases, or has not a column that is named.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(folder, "there is no such folder", "name the folder with the images")
    candidates = recognise(folder)
    if not candidates:
        raise _unrecognised(folder)
    chosen = candidates[0]
    output = Path("input") / chosen.cohort.description["name"] if output is None else Path(output)
    _check_output(folder, output)
    participants = chosen.images / "participants.tsv"
    paths = [*tables, *([participants] if participants.is_file() and participants not in tables else [])]
    read = [read_cohort_table(path, chosen.cohort, chosen.cases) for path in paths]
    content, labels, notes = _labels(chosen, read, label_column)
    labels, left_out = _keep_only(labels, read, only)
    with files.working_folder(output):
        files.write_json(output / FILE, content)
        for name, table in ((LABELS_TABLE, labels), (PATIENTS_TABLE, _patients(chosen, read))):
            if table is not None:
                files.write_csv(output / name, table)
        task = read_task(output)
        present = {case: sequences_present(output, "train", case, task) for case in case_ids(output, "train")}
        found = [*_check(output, chosen, candidates, read, present, count_labels=not notes), *left_out]
    return Description(output, tuple(found), (*notes, *_open_questions(output, present)))


def _check_output(folder: Path, output: Path) -> None:
    if output.resolve().is_relative_to(folder.resolve()):
        raise UserError(output, "lies inside the images' folder, which is only read",
                        f"name another folder with {parameter('output')}")
    if output.exists() and (not output.is_dir() or any(not path.name.startswith(".") for path in output.iterdir())):
        raise UserError(output, "exists already",
                        f"name a new folder with {parameter('output')}, or delete a draft that nobody corrected")


def _labels(chosen: Found, tables: Sequence[CohortTable], wanted: str | None
            ) -> tuple[dict[str, Any], pd.DataFrame | None, list[str]]:
    """The fields of dataset.json, the label table if it is known, and what could not be decided about labels."""
    content = {**chosen.cohort.description, "id_column": ID, "images": str(chosen.images.resolve())}
    table, column = _label_column(tables, chosen.cohort, wanted)
    if table is None or column is None:
        others = sorted({name for each in tables for name in each.rows})
        content.pop("label_values", None)
        how = (f"choose its column with {parameter('label_column')}: {', '.join(others[:20])}" if others else
               f"name a table with {parameter('tables')}, or write {LABELS_TABLE} by hand")
        return content, None, [f"the label: no table says it; {how}"]
    cells = table.rows[column]
    meanings, notes = content.get("label_values"), []
    if meanings is None or not set(map(str.casefold, cells)) & set(map(str.casefold, meanings)):
        meanings = label_meanings(cells)
    if meanings is None:
        counts = ", ".join(f"{cell!r} ({number})" for cell, number in cells.value_counts().head(SHOWN).items())
        meanings = {"0": 0, "1": 1}
        notes = [f"what the cells of {column!r} mean: {counts}; write it into label_values of {FILE}"]
    content["label_column"] = column
    if set(meanings) == {"0", "1"} and not notes and set(cells) <= {"0", "1"}:
        content.pop("label_values", None)
    else:
        content["label_values"] = meanings
    return content, pd.DataFrame({ID: cells.index, column: cells.to_numpy()}), notes


def _label_column(tables: Sequence[CohortTable], cohort: Cohort, wanted: str | None
                  ) -> tuple[CohortTable | None, str | None]:
    for table in tables:
        column = wanted if wanted in table.rows else None if wanted else column_of(table.rows, "label", cohort)
        if column:
            return table, column
    if wanted:
        raise UserError(parameter("label_column", wanted), "is no column of these tables",
                        "choose among " + ", ".join(sorted({name for table in tables for name in table.rows})[:30]))
    return None, None


def _keep_only(labels: pd.DataFrame | None, tables: Sequence[CohortTable], only: Sequence[str]
               ) -> tuple[pd.DataFrame | None, list[str]]:
    """The rows of the label table whose cases are as `only` says, and a line for each column about the others."""
    wanted: dict[str, list[str]] = {}
    for condition in only:
        column, found, value = condition.partition("=")
        rows = next((table.rows for table in tables if column in table.rows), None)
        if not found or rows is None or labels is None:
            raise UserError(parameter("only", condition), "is no COLUMN=VALUE of a table with labels",
                            "choose among " + ", ".join(sorted({name for table in tables for name in table.rows})[:30]))
        wanted.setdefault(column, []).append(value)
    lines = []
    for column, values in wanted.items():
        assert labels is not None
        cells = next(table.rows[column] for table in tables if column in table.rows)
        kept = labels[ID].map(cells).fillna("").isin(values)
        others = sorted(labels.loc[~kept, ID])
        lines.append(f"{column} is not {' or '.join(map(repr, values))}: {_count(others, 'case', 'cases')} left out"
                     + (f": {shortened(others)}" if others else ""))
        labels = labels[kept]
    return labels, lines


def _patients(chosen: Found, tables: Sequence[CohortTable]) -> pd.DataFrame | None:
    """What the ids and the tables say of patients, a row a case; None where they say nothing."""
    cohort, cases = chosen.cohort, chosen.cases
    table = pd.DataFrame({ID: cases, PATIENT: [cohort.patient_of(case) for case in cases], SITE: cohort.site})
    for read in tables:
        for name in FACTS:
            if column := column_of(read.rows, name, cohort):
                table[name] = _joined(table, name, read.rows[column].map(known))
    if AGE in table:
        table[AGE] = table[AGE].where(pd.to_numeric(table[AGE], errors="coerce").between(0, 130), "")
    if ALIASES in table:
        table[ALIASES] = table[ALIASES].where(table[ALIASES].str.contains(r"\d", regex=True), "")
    return table if tables or cohort.site or (table[PATIENT] != table[ID]).any() else None


def _joined(table: pd.DataFrame, name: str, cells: pd.Series) -> pd.Series:
    """A column of the table, with what `cells` say by case where they say something."""
    new = table[ID].map(cells).fillna("")
    old = table[name] if name in table else pd.Series("", index=table.index)
    return new.where(new != "", old)


def _check(output: Path, chosen: Found, candidates: Sequence[Found], tables: Sequence[CohortTable],
           present: Mapping[str, Sequence[str]], *, count_labels: bool) -> list[str]:
    """What the data set that was written is, read as every command reads it; present: the sequences of each case."""
    cases, task = list(present), read_task(output)
    series = Counter(name for names in present.values() for name in names)
    masks = sum(mask_path(output, "train", case) is not None for case in cases)
    counts = ", ".join(f"{name} {series[name]}" for name in task.sequences)
    lines = [f"{chosen.cohort.title}: {len(cases)} cases in {chosen.images}, {cases[0]} to {cases[-1]}",
             f"series: {counts}; masks: {masks}"]
    patients = data_patients(output)
    if patients is not None:
        lines.append(f"patients: {patients[PATIENT].nunique()}; age known of {int(np.isfinite(patients[AGE]).sum())}; "
                     f"sites: {', '.join(sorted(set(patients[SITE]) - {''})) or 'not known'}")
    if count_labels:
        labels, without = data_labels(output)
        negative, positive = int((labels["label"] == 0).sum()), int((labels["label"] == 1).sum())
        left_out = "".join(f"; {cell!r} {len(ids)}, left out" for cell, ids in without.items())
        in_table = {*labels[ID], *(case for ids in without.values() for case in ids)}
        if absent := [case for case in cases if case not in in_table]:
            left_out += f"; without a label {len(absent)}, left out: {shortened(absent)}"
        counts = f"{task.negative} {negative}, {task.positive} {positive}{left_out}"
        lines.append(f"labels in {task.label_column!r}: {counts}")
    lines += [f"{table.path.name}: {_count(table.unmatched, 'row is', 'rows are')} of no case here: "
              f"{shortened(table.unmatched)}" for table in tables if table.unmatched]
    lines += [f"also looks like {other.cohort.title} ({len(other.cases)} cases in {other.images}): not used"
              for other in candidates[1:]]
    return [*lines, *chosen.cohort.remarks]


def _open_questions(output: Path, present: Mapping[str, Sequence[str]]) -> list[str]:
    """What is missing in the images and tables; present: the sequences of each case."""
    task, lines = read_task(output), []
    lacking = {name: [case for case, names in present.items() if name not in names] for name in task.sequences}
    lines += [f"{name}: {_count(cases, 'case has', 'cases have')} none: {shortened(cases)}"
              for name, cases in lacking.items() if cases]
    if not (output / PATIENTS_TABLE).is_file():
        lines.append("patients, sites, age and sex: no table says them; every case is taken for a patient of its own")
    return lines


def _count(items: Sequence[str], one: str, several: str) -> str:
    return f"{len(items)} {one if len(items) == 1 else several}"


def _unrecognised(folder: Path) -> UserError:
    """What the files are called that no known layout has, as a start for patterns of one's own."""
    if is_data_set(folder):
        return UserError(folder, "has the competition's layout, which needs no description",
                         f"give it as {parameter('data')}; other columns or ids are named in its {FILE}")
    shapes: Counter[str] = Counter()
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if re.search(r"\.(nii(\.gz)?|dcm|img|hdr)$", name.casefold()):
                shapes[re.sub(r"\d+", "#", str((Path(root) / name).relative_to(folder)))] += 1
        if sum(shapes.values()) > 100_000:
            break
    if not shapes:
        return UserError(folder, "holds neither NIfTI nor DICOM files", "name the folder with the images")
    most = "; ".join(f"{shape} ({number})" for shape, number in shapes.most_common(SHOWN))
    return UserError(folder, f"has no layout that is known here; its files are called {most}",
                     f"write a {FILE} with a pattern a sequence in `files`, such as {{case}}/{{case}}_flair.nii.gz")
