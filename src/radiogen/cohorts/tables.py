"""Tables that come with a cohort, read by what their columns are called and by the ids that stand in them.

In: CSV or TSV files, the cases of a cohort. Out: by case its label's cell and what is known of the patient. An id of a
table may be written otherwise than the case's: with fewer zeros (`UCSF-PDGM-004` for `UCSF-PDGM-0004`), without a
prefix, or as the patient's of whom the case is one visit. Nothing is matched by position.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.cohorts.published import Cohort, usual_cells
from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_cells
from radiogen.dataset.patients import AGE, ALIASES, PATIENT, SEX, SITE

FACTS = (PATIENT, SITE, AGE, SEX, ALIASES)
_USUAL: Mapping[str, tuple[str, ...]] = {
    PATIENT: ("patient", "patient_id", "subject", "subject_id"),
    SITE: ("site", "centre", "center", "hospital", "institution"),
    AGE: ("age", "age_years", "age_at_scan", "Age at MRI", "Age_at_scan_years"),
    SEX: ("sex", "gender"), ALIASES: ("aliases",)}
"""Names that columns have in many tables, whatever the cohort."""
UNKNOWN = ("", "na", "n/a", "nan", "not available", "unknown", "none")


@dataclass(frozen=True)
class CohortTable:
    """One table: its rows by case, as text.

    path: of the file; rows: a row a case, indexed by id; unmatched: ids that belong to no case.
    """

    path: Path
    rows: pd.DataFrame
    unmatched: tuple[str, ...]


def read_cohort_table(path: Path, cohort: Cohort, cases: Sequence[str]) -> CohortTable:
    """Read a table and find the case of each row. Raises UserError where no column holds ids of these cases."""
    table = _read_text(path)
    column, owners = _id_column(path, table, cohort, cases)
    found = [(case, row) for row, ids in enumerate(table[column]) for case in owners.get(ids, ())]
    doubled = next((case for case, number in pd.Series([case for case, _ in found], dtype=object).value_counts().items()
                    if number > 1), None)
    if doubled is not None:
        raise UserError(path, f"has more than one row for {doubled}", "keep one row a case")
    rows = table.iloc[[row for _, row in found]].drop(columns=column)
    rows.index = pd.Index([case for case, _ in found], dtype=object)
    return CohortTable(path, rows.sort_index(), tuple(ids for ids in table[column] if not owners.get(ids)))


def column_of(table: pd.DataFrame, what: str, cohort: Cohort) -> str | None:
    """The column that holds `what` (label, age, ...): by the cohort's own name for it, else by a usual one."""
    by_name = {name.casefold(): name for name in table}
    names = (*cohort.columns.get(what, ()), *_USUAL.get(what, ()))
    return next((by_name[name.casefold()] for name in names if name.casefold() in by_name), None)


def label_meanings(cells: Iterable[str]) -> dict[str, int] | None:
    """What the cells of a label column mean, where that is usual: `{"negative": 0, "positive": 1}`; else None."""
    there: dict[str, str] = {}
    for cell in cells:
        there.setdefault(_lookup(cell), cell)
    for pair in usual_cells():
        if all(name in there for name in pair):
            return {there[name]: label for label, name in enumerate(pair)}
    return None


def known(cell: str) -> str:
    """The cell, or "" where it says in one of the usual ways that nothing is known."""
    return "" if cell.casefold() in UNKNOWN else cell


def _read_text(path: Path) -> pd.DataFrame:
    """Every cell as text; a name that ends with .tsv has tabs between them."""
    if path.suffix.casefold() != ".tsv":
        return read_cells(path, ("ID",))
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text), delimiter="\t") if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(path, f"cannot be read ({error})", "save it as tab-separated text in UTF-8") from error
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise UserError(path, "is no table: its rows have different numbers of cells", "save it as tab-separated text")
    if any(name and rows[0].count(name) > 1 for name in rows[0]):
        raise UserError(path, "row 1: a column's name stands more than once", "keep one column of each name")
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=str)


def _id_column(path: Path, table: pd.DataFrame, cohort: Cohort, cases: Sequence[str]
               ) -> tuple[str, dict[str, list[str]]]:
    """The column whose cells are ids of most cases, and by cell its cases; the cohort's own names count first."""
    owners = {column: _owners(table[column], cohort, cases) for column in table}
    named = [column for column in table if column.casefold() in {
        name.casefold() for name in (*cohort.columns.get("id", ()), "case", "id")}]
    order = sorted(table, key=lambda column: -sum(map(len, owners[column].values())))
    if not order or not owners[order[0]]:
        raise UserError(path, f"has no column with ids of these cases, such as {cases[0]}",
                        "name a table of this cohort, or write its ids as the images are called")
    chosen = next((column for column in named if owners[column]), order[0])
    return chosen, owners[chosen]


def _owners(ids: Iterable[str], cohort: Cohort, cases: Sequence[str]) -> dict[str, list[str]]:
    """By id of a table its cases: the one of that name, the one that differs in zeros or a prefix, the patient's."""
    exact = {case: [case] for case in cases}
    loose: dict[str, list[str]] = {}
    of_patient: dict[str, list[str]] = {}
    for case in cases:
        loose.setdefault(_without_zeros(case), []).append(case)
        if cohort.ids_are_patients:
            of_patient.setdefault(cohort.patient_of(case), []).append(case)
    found = {}
    for text in dict.fromkeys(ids):
        forms = (text, *(form.replace("{id}", text) for form in cohort.id_forms))
        for form in forms:
            owners = exact.get(form) or _only(loose.get(_without_zeros(form))) or of_patient.get(form)
            if owners:
                found[text] = owners
                break
    return found


def _only(cases: list[str] | None) -> list[str] | None:
    """One case; two that differ in zeros alone are none."""
    return cases if cases is not None and len(cases) == 1 else None


def _without_zeros(text: str) -> str:
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), text).casefold()


def _lookup(cell: str) -> str:
    try:
        return f"{float(cell):g}"
    except ValueError:
        return cell.casefold()
