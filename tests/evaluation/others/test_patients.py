"""A clinical table of another house: whose the cases are, age and sex, by the usual names."""

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.others.patients import read_patient_table


def test_age_and_sex_are_found_by_their_usual_names_and_what_is_no_age_is_not_known(tmp_path):
    path = tmp_path / "clinical.csv"
    path.write_text("ID,Gender,Age_at_scan_years,Center\na,female,52.5,X\nb,M,>89,\nc,unknown,200,Y\n",
                    encoding="utf-8")
    table, named = read_patient_table(path)
    assert list(table["sex"]) == ["F", "M", ""] and list(table["site"]) == ["X", "", "Y"]
    assert np.array_equal(table["age"], [52.5, np.nan, np.nan], equal_nan=True)
    assert list(table["patient"]) == ["a", "b", "c"] and not named


def test_a_column_of_patients_beside_the_ids_says_who_is_who(tmp_path):
    (tmp_path / "p.csv").write_text("case,patient\na,P\nb,P\nc,\n", encoding="utf-8")
    table, named = read_patient_table(tmp_path / "p.csv")
    assert list(table["patient"]) == ["P", "P", "c"] and named


def _read(tmp_path, text, **options):
    (tmp_path / "who.csv").write_text(text, encoding="utf-8")
    return read_patient_table(tmp_path / "who.csv", **options)


@pytest.mark.parametrize("heading", ["Age", "age_years", "AgeAtDiagnosis", "Age in years"])
def test_an_age_is_known_by_several_names_and_never_by_the_middle_of_a_word(heading, tmp_path):
    table, _ = _read(tmp_path, f"case,{heading},image_age_group,agent\na,61,2,3\n")
    assert table["age"].tolist() == [61]


def test_a_column_that_only_begins_like_age_is_none(tmp_path):
    assert np.isnan(_read(tmp_path, "case,agent\na,61\n")[0]["age"]).all()


@pytest.mark.parametrize("heading", ["site", "Hospital", "Centre", "center", "Institution"])
def test_a_hospital_is_known_by_several_names(heading, tmp_path):
    assert _read(tmp_path, f"case,{heading}\na,Rome\n")[0]["site"].tolist() == ["Rome"]


def test_cells_that_say_nothing_are_empty(tmp_path):
    table, _ = _read(tmp_path, "case,patient,age,sex,site\na,NA,unknown,?,n/a\nb,P,50,f,None\n")
    assert table["site"].tolist() == ["", ""] and table["sex"].tolist() == ["", "F"]
    assert table["patient"].tolist() == ["a", "P"]  # who is not named is a patient of his own


def test_ids_are_those_that_a_file_may_have_and_patients_stay_as_they_are_written(tmp_path):
    table, _ = _read(tmp_path, "case,subject\nscans/01.nii,John Doe\n")
    assert table["case"].tolist() == ["scans-01.nii"] and table["patient"].tolist() == ["John Doe"]


def test_a_table_of_other_columns_knows_nothing_and_says_so(tmp_path):
    table, named = _read(tmp_path, "case,tumour\na,left\n")
    assert not named and table["site"].tolist() == [""] and table["sex"].tolist() == [""]


def test_the_column_of_ids_is_the_one_that_is_named_or_where_it_lacks_the_known_one(tmp_path):
    text = "code,case,age\nx1,a,50\n"
    assert _read(tmp_path, text, id_column="code")[0]["case"].tolist() == ["x1"]
    assert _read(tmp_path, text, id_column="key")[0]["case"].tolist() == ["a"]


def test_a_table_without_ids_and_an_id_that_stands_twice_are_errors(tmp_path):
    with pytest.raises(UserError, match=r"who\.csv: row 1: no column is recognised as the cases' ids.*--id-column"):
        _read(tmp_path, "tumour,age\nleft,50\n")
    with pytest.raises(UserError, match="rows 2, 3: case 'a' stands more than once"):
        _read(tmp_path, "case,age\na,50\na,51\n")
