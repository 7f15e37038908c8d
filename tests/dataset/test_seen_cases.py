"""A case was seen by initial weights where their table has its id in that cohort, or its patient's other name."""

import pandas as pd
import pytest

from radiogen.dataset.seen_cases import in_cohort, seen_cases, seen_names

SEEN = pd.DataFrame({"case": ["001", "002", "TCGA-9"], "patient": ["P1", "", ""], "cohort": ["BraTS", "", "Other"]})
NONE = {case: frozenset() for case in ("001", "002", "003")}


@pytest.mark.parametrize(("called", "rows"), [
    ({"brats"}, [True, False, False]), ({""}, [False, True, False]), ({"brats", ""}, [True, True, False]),
    ({"BraTS"}, [False, False, False]), (set(), [False, False, False])])
def test_a_row_is_of_a_cohort_that_it_names_in_any_case(called, rows):
    assert in_cohort(SEEN, called).tolist() == rows


@pytest.mark.parametrize(("called", "all_rows"), [({""}, True), ({"brats", ""}, True), ({"brats"}, False)])
def test_a_table_without_cohorts_names_none_in_every_row(called, all_rows):
    assert in_cohort(SEEN[["case"]], called).tolist() == [all_rows] * 3


def test_names_are_ids_and_patients_and_an_empty_cell_is_no_name():
    assert seen_names(SEEN) == {"001", "002", "TCGA-9", "P1"}
    assert seen_names(SEEN[["case"]]) == {"001", "002", "TCGA-9"} and seen_names(SEEN.iloc[:0]) == set()


def test_an_id_counts_in_its_own_cohort_alone():
    assert seen_cases(SEEN, ["003", "002", "001"], NONE, {"brats"}) == ["001"]
    assert seen_cases(SEEN, ["003", "002", "001"], NONE, {"brats", ""}) == ["001", "002"]
    assert seen_cases(SEEN, ["001"], NONE, {"other"}) == []


@pytest.mark.parametrize("name", ["P1", "TCGA-9", "002"])
def test_another_name_of_the_patient_counts_in_every_row(name):
    assert seen_cases(SEEN, ["003"], {"003": {name, "more"}}, {"mine"}) == ["003"]


def test_where_nothing_was_seen_no_case_was():
    assert seen_cases(SEEN.iloc[:0], ["001"], {"001": {"P1"}}, {"brats", ""}) == []
