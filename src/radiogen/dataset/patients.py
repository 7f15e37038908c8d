"""Whose images a case's are: the patient, and what is known of him or her: site, age, sex.

In: `patients.csv` of a data set or a run; for the competition, the patients that are known to be in it twice. Out: one
table of both, and the groups that must not be split.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.dataset.known_cases import same_patients
from radiogen.dataset.labels import numbers, read_table
from radiogen.dataset.layout import PATIENTS_TABLE
from radiogen.task import FILE, ID, LABEL, Task, read_task

PATIENT, SITE, AGE, SEX = "patient", "site", "age", "sex"
ALIASES = "aliases"
"""A column of further names of the patient in other data sets, divided by spaces."""
UNCERTAIN = "label_uncertain"
"""A column that is 1, yes or true where the label of a case is not certain."""
COLUMNS = (ID, PATIENT, SITE, AGE, SEX)
_SEXES = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}


def read_patients(folder: Path) -> pd.DataFrame | None:
    """The table `patients.csv` of a data set or a run; None where there is none.

    Returns `COLUMNS` and any further column as text: ids as text, `patient` (the case's id where it is not known),
    `site` and `sex` as text ("" where not known; F and M where they are female and male), `age` in years as float, NaN
    where not known. Raises UserError for a malformed or doubled id, or an age that is no number from 0 to 130.
    """
    path = Path(folder) / PATIENTS_TABLE
    if not path.is_file():
        return None
    task = read_task(folder)
    table = read_table(path, (ID,), task)
    if task.label_column in COLUMNS:  # a task whose label is the sex or the site
        table = table.rename(columns={LABEL: task.label_column})
    for name in COLUMNS:
        if name not in table:
            table[name] = ""
    table[PATIENT] = table[PATIENT].where(table[PATIENT] != "", table[ID])
    known = table[AGE] != ""
    ages = numbers(path, table[AGE].where(known, "0"), AGE, low=0, high=130)
    table[AGE] = ages.where(known, np.nan)
    table[SEX] = table[SEX].map(sex_of)
    return table[[*COLUMNS, *(name for name in table if name not in COLUMNS)]]


def sex_of(text: str) -> str:
    """F or M for the words that are in use, in any case; another text as it is."""
    return _SEXES.get(text.casefold(), text)


def data_patients(data: Path) -> pd.DataFrame | None:
    """`read_patients` of a data set; where it has no such table, the cases that its task knows to be of one patient.

    None where nothing is known. Raises UserError as `read_patients`, and where the table parts cases that the
    task knows to be of one patient: neither is overruled in silence.
    """
    table, groups = read_patients(data), same_patients(data)
    if table is None:
        rows = [(case, group[0]) for group in groups for case in group]
        return pd.DataFrame([{ID: case, PATIENT: patient, SITE: "", AGE: np.nan, SEX: ""} for case, patient in rows],
                            columns=list(COLUMNS)) if rows else None
    for group in groups:
        own = set(table.loc[table[ID].isin(group), PATIENT])
        if len(own) > 1:
            raise UserError(Path(data) / PATIENTS_TABLE, f"{' and '.join(group)} are of one patient, and here of "
                            f"{' and '.join(sorted(own))}", "give them the same patient")
    return table


def patient_of(patients: pd.DataFrame | None, cases: Sequence[str]) -> np.ndarray:
    """The patient of each case, str (cases,): its own id where none is known."""
    known = {} if patients is None else dict(zip(patients[ID], patients[PATIENT], strict=True))
    return np.array([known.get(case, case) for case in cases], dtype=object)


def other_names(patients: pd.DataFrame | None, cases: Sequence[str], task: Task) -> dict[str, frozenset[str]]:
    """By case the names of its patient that are not the case's own id: the patient, aliases, the name elsewhere.

    An id alone says nothing of another data set: both may count from 1. These names do.
    """
    rows = {} if patients is None else {row[ID]: row for row in patients.to_dict("records")}
    names = {}
    for case in cases:
        row = rows.get(case, {})
        found = {task.also_called.replace("{case}", case), row.get(PATIENT, ""), *row.get(ALIASES, "").split()}
        names[case] = frozenset(found - {"", case})
    return names


def to_patients_file(task: Task, table: pd.DataFrame) -> pd.DataFrame:
    """The table as its file has it: the task's id column, ages without a needless fraction.

    Where cases are called by their patients, one column is both. Raises UserError where these are not the same.
    """
    ages = ["" if np.isnan(age) else f"{age:g}" for age in table[AGE]]
    if task.id_column in table and task.id_column != ID:
        if not table[task.id_column].equals(table[ID].rename(task.id_column)):
            raise UserError(FILE, f"id_column is {task.id_column!r}, which is another column of {PATIENTS_TABLE}",
                            "call the ids by another name")
        table = table.drop(columns=task.id_column)
    return task.to_file(table.assign(**{AGE: ages}))
