"""A clinical table of another house: whose the cases are, age and sex, by the usual names."""

import numpy as np

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
