"""Who the cases are: patient, age, sex and site from somebody's clinical table, as a `patients.csv` has them.

In: a CSV with ids and any of these columns, under the names that are in use. Out: a table as `read_patients` has it.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.dataset.labels import read_cells
from radiogen.dataset.patients import AGE, COLUMNS, PATIENT, SEX, SITE, sex_of
from radiogen.evaluation.others.columns import find_column, find_id, folded, required, safe_id
from radiogen.evaluation.others.labels import MISSING, check_ids_once
from radiogen.task import ID

_PATIENTS = ("patient", "patient id", "subject", "subject id")
_SITES = ("site", "hospital", "center", "centre", "institution")


def read_patient_table(path: Path, id_column: str | None = None) -> tuple[pd.DataFrame, bool]:
    """Read who the cases are: `COLUMNS` of `dataset/patients.py`; an age that is no number is not known.

    Returns the table, and whether it says which cases are of one patient; where it does not each case is a patient.
    Raises UserError where no column of ids is recognised, or an id stands twice.
    """
    path = Path(path)
    cells = read_cells(path, COLUMNS)
    heading = list(cells.columns)
    case = find_id(heading, id_column) or find_id(heading)
    case = required(path, heading, case, "the cases' ids", "id_column", id_column)
    check_ids_once(path, cells[case], case)
    others = [name for name in heading if name != case]
    patient, site = find_column(others, _PATIENTS), find_column(others, _SITES)
    age = find_column(others, ("age", "age years")) or next(
        (name for name in others if re.match(r"age(at|years|in)", folded(name))), None)
    sex = find_column(others, ("sex", "gender"))
    known = cells.mask(cells.map(lambda cell: cell.casefold() in MISSING), "")

    def text(name: str | None) -> pd.Series:
        return known[name] if name is not None else pd.Series("", index=cells.index)

    ages = pd.to_numeric(text(age), errors="coerce").astype(float)
    table = pd.DataFrame({
        ID: cells[case].map(safe_id), PATIENT: text(patient).where(text(patient) != "", cells[case]), SITE: text(site),
        AGE: ages.where(ages.between(0, 130), np.nan), SEX: text(sex).map(sex_of)})
    return table, patient is not None
