"""Tables that come with a cohort: the case of each row, the column of each fact, and what is no such table."""

import pytest

from radiogen.cohorts.published import published
from radiogen.cohorts.tables import column_of, known, label_meanings, read_cohort_table
from radiogen.core.errors import UserError

COHORTS = {one.key: one for one in published()}
CASES = {"brats21": ["BraTS2021_00000", "BraTS2021_00012"], "ucsf-pdgm": ["UCSF-PDGM-0004", "UCSF-PDGM-0004_FU003d"],
         "bids": ["sub-01", "sub-02"], "bids-sessions": ["sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"]}


@pytest.fixture
def read(tmp_path):
    """Reads a table of this text for the cases of a cohort."""
    def call(text, key="bids", name="given.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_cohort_table(path, COHORTS[key], CASES[key])
    return call


@pytest.mark.parametrize(("key", "text", "cases"), [
    ("bids", "participant_id,age\nsub-02,5\nsub-01,4\n", {"sub-01": "4", "sub-02": "5"}),
    ("bids", "participant_id,age\nSUB-1,4\n", {"sub-01": "4"}),
    ("brats21", "BraTS21ID,age\n12,4\n00000,5\n", {"BraTS2021_00000": "5", "BraTS2021_00012": "4"}),
    ("ucsf-pdgm", "ID,age\nUCSF-PDGM-004,4\nUCSF-PDGM-004_FU003d,5\n",
     {"UCSF-PDGM-0004": "4", "UCSF-PDGM-0004_FU003d": "5"}),
    ("bids-sessions", "participant_id,age\nsub-01,4\nsub-02,5\n",
     {"sub-01_ses-1": "4", "sub-01_ses-2": "4", "sub-02_ses-1": "5"})])
def test_a_row_is_found_by_its_id_with_other_zeros_without_a_prefix_or_as_the_patients(read, key, text, cases):
    assert read(text, key).rows["age"].to_dict() == cases


def test_rows_of_no_case_are_counted_by_their_ids_and_the_others_are_read(read):
    table = read("participant_id,age\nsub-77,1\nsub-01,4\n,9\n")
    assert table.unmatched == ("sub-77", "") and table.rows["age"].to_dict() == {"sub-01": "4"}


def test_the_column_of_ids_is_the_one_of_the_cohorts_name_whatever_stands_before_it(read):
    table = read("copy,participant_id,age\nsub-01,sub-02,4\nsub-02,sub-01,5\n")
    assert table.rows["age"].to_dict() == {"sub-02": "4", "sub-01": "5"} and "copy" in table.rows


def test_where_no_column_has_the_cohorts_name_the_one_with_most_ids_is_taken(read):
    table = read("first,second,age\nsub-01,sub-01,4\nx,sub-02,5\n")
    assert table.rows["age"].to_dict() == {"sub-01": "4", "sub-02": "5"}


def test_a_column_of_the_cohorts_name_without_an_id_leaves_it_to_the_others(read):
    table = read("participant_id,subject,age\n7,sub-01,4\n8,sub-02,5\n")
    assert table.rows["age"].to_dict() == {"sub-01": "4", "sub-02": "5"}


@pytest.mark.parametrize("text", ["participant_id\nsub-01\nsub-01\n", "participant_id\nsub-01\nsub-1\n"])
def test_two_rows_of_one_case_are_refused_however_they_write_its_id(read, text):
    with pytest.raises(UserError, match=r"given\.csv: has more than one row for sub-01; keep one row a case"):
        read(text)


def test_a_table_of_tabs_is_read_by_its_ending_in_any_case_and_its_empty_lines_are_left_out(read):
    table = read("\ufeffparticipant_id\tage\n\nsub-01\t4\n\n", name="given.TSV")
    assert table.rows["age"].to_dict() == {"sub-01": "4"}


@pytest.mark.parametrize(("content", "problem"), [
    ("", "is no table"), ("participant_id\tage\nsub-01\n", "is no table: its rows have different numbers of cells"),
    (b"participant_id\tage\nsub-01\t\xff\n", "cannot be read"),
    ("participant_id\tage\tage\nsub-01\t1\t2\n", "row 1: a column's name stands more than once"),
    (f"participant_id\tage\nsub-01\t{'9' * 200_000}\n", "cannot be read")])
def test_what_is_no_table_of_tabs_is_one_line_with_the_file_and_the_remedy(read, content, problem):
    with pytest.raises(UserError, match=rf"given\.tsv: {problem}.*; (save|keep) ") as error:
        read(content, name="given.tsv")
    assert len(str(error.value)) < 500


def test_tabs_at_the_end_of_every_row_are_columns_without_a_name(read):
    assert read("participant_id\tage\t\t\nsub-01\t4\t\t\n", name="given.tsv").rows["age"].to_dict() == {"sub-01": "4"}


def test_a_table_that_is_a_folder_or_is_not_there_is_named(tmp_path):
    (tmp_path / "folder.tsv").mkdir()
    for name in ("folder.tsv", "none.tsv"):
        with pytest.raises(UserError, match=rf"{name}: cannot be read"):
            read_cohort_table(tmp_path / name, COHORTS["bids"], CASES["bids"])


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "participant_id,age\nsub-99,4\n", "participant_id,age\n,\n"])
def test_a_table_without_an_id_of_these_cases_is_refused_with_one_of_them(read, text):
    with pytest.raises(UserError, match="has no column with ids of these cases, such as sub-01; name a table of this"):
        read(text)


@pytest.mark.parametrize(("names", "what", "column"), [
    (("age", "Age at MRI"), "age", "Age at MRI"), (("AGE",), "age", "AGE"), (("Gender", "SEX"), "sex", "SEX"),
    (("institution",), "site", "institution"), (("weight",), "age", None), (("mgmt STATUS",), "label", "mgmt STATUS"),
    (("label",), "label", None)])
def test_a_column_is_found_by_the_cohorts_own_name_first_whatever_its_case(names, what, column):
    assert column_of(dict.fromkeys(names), what, COHORTS["ucsf-pdgm"]) == column


@pytest.mark.parametrize(("cells", "meanings"), [
    (["Negative", "POSITIVE", "Negative"], {"Negative": 0, "POSITIVE": 1}), (["0.0", "1"], {"0.0": 0, "1": 1}),
    (["wild-type", "Mutant", ""], {"wild-type": 0, "Mutant": 1}), (["absent", "present"], {"absent": 0, "present": 1}),
    (["positive"], None), (["1", "2"], None), ([], None), (["low", "high"], None)])
def test_a_label_columns_cells_have_a_meaning_where_both_of_a_usual_pair_are_there(cells, meanings):
    assert label_meanings(cells) == meanings


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "NaN", "Not available", "unknown", "None"])
def test_the_usual_ways_to_say_nothing_say_nothing(cell):
    assert known(cell) == ""


@pytest.mark.parametrize("cell", ["0", "no", "Nan Yang", "61"])
def test_other_cells_are_what_they_say(cell):
    assert known(cell) == cell
