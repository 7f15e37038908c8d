"""What is known of patients is read as it is written, and says which cases belong together."""

import json

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.patients import (
    data_patients,
    other_names,
    patient_of,
    read_patients,
    sex_of,
    to_patients_file,
)
from radiogen.task import ID, RSNA_MICCAI, Task, read_task


def _write(folder, text, task=None):
    (folder / "dataset.json").write_text(json.dumps(task or {"id_column": "case"}))
    (folder / "patients.csv").write_text(text)
    return folder


def test_a_table_says_patient_site_age_and_sex(tmp_path):
    table = read_patients(_write(tmp_path, "case,patient,site,age,sex,scanner\nA_1,A,UCSF,61.5,Female,Trio\n"
                                           "A_2,A,,,M,\nB_1,,UPENN,70,x,\n"))
    assert table[ID].tolist() == ["A_1", "A_2", "B_1"] and table["patient"].tolist() == ["A", "A", "B_1"]
    assert table["site"].tolist() == ["UCSF", "", "UPENN"] and table["sex"].tolist() == ["F", "M", "x"]
    assert table["age"].tolist()[::2] == [61.5, 70.0] and np.isnan(table["age"][1])
    assert table["scanner"].tolist() == ["Trio", "", ""]


def test_columns_that_are_missing_are_not_known(tmp_path):
    table = read_patients(_write(tmp_path, "case\nA\n"))
    assert table["patient"].tolist() == ["A"] and table["site"].tolist() == [""] and np.isnan(table["age"][0])


def test_an_id_column_of_another_name(tmp_path):
    table = read_patients(_write(tmp_path, "patient,site\nA,X\n", {"id_column": "patient"}))
    assert table[ID].tolist() == ["A"] and table["patient"].tolist() == ["A"]


@pytest.mark.parametrize(("text", "task"), [
    ("patient,site,age,sex\nA,X,,F\n", {"id_column": "patient"}),
    ("case,patient,site,age,sex\nA,B,,61,F\n", {"label_column": "sex"}),
    ("case,patient,site,age,sex\nA,B,X,61,F\n", {"label_column": "site"})])
def test_a_column_of_the_tasks_that_is_also_the_patients_comes_back_as_it_was(tmp_path, text, task):
    table = read_patients(_write(tmp_path, text, task))
    assert to_patients_file(read_task(tmp_path), table).to_csv(index=False) == text


def test_a_site_or_a_sex_that_is_the_label_is_known_of_the_patient_too(tmp_path):
    text = "case,site,sex\nA,X,female\n"
    for label in ("site", "sex"):
        table = read_patients(_write(tmp_path, text, {"label_column": label}))
        assert (table["site"].tolist(), table["sex"].tolist()) == (["X"], ["F"])


def test_ids_that_are_called_as_patients_are_and_are_not_theirs_are_refused(tmp_path):
    table = read_patients(_write(tmp_path, "patient\nA\nB\n", {"id_column": "patient"}))
    with pytest.raises(UserError, match="dataset.json: id_column is 'patient', which is another column"):
        to_patients_file(read_task(tmp_path), table.assign(patient="A"))


@pytest.mark.parametrize(("text", "wrong"), [
    ("case,age\nA,old\n", "row 2: age is 'old'"), ("case,age\nA,131\n", "row 2: age is '131'"),
    ("case\nA\nA\n", "rows 2, 3: case A stands more than once"), ("id\nA\n", "row 1: has no column case")])
def test_a_wrong_table_is_named_with_its_row(tmp_path, text, wrong):
    with pytest.raises(UserError, match=f"patients.csv: {wrong}"):
        read_patients(_write(tmp_path, text))


def test_nothing_is_known_without_a_table(tmp_path):
    assert read_patients(tmp_path) is None and data_patients(tmp_path) is None


def test_patients_whom_the_task_knows_need_no_table(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"same_patient": [["P1", "P3"]]}))
    assert patient_of(data_patients(tmp_path), ["P1", "P2", "P3"]).tolist() == ["P1", "P2", "P1"]


def test_the_competition_has_two_patients_twice(rsna_tables, tmp_path):
    (tmp_path / "train_labels.csv").write_bytes((rsna_tables / "train_labels.csv").read_bytes())
    known = data_patients(tmp_path)
    assert patient_of(known, ["00557", "00639", "00626", "00758", "00000"]).tolist() == [
        "00557", "00557", "00626", "00626", "00000"]
    (tmp_path / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00557,1\n00639,0\n")
    assert data_patients(tmp_path) is None


def test_a_table_that_parts_what_the_task_joins_is_refused(tmp_path):
    _write(tmp_path, "case,patient\nP1,A\nP3,B\n", {"same_patient": [["P1", "P3"]]})
    with pytest.raises(UserError, match="P1 and P3 are of one patient, and here of A and B"):
        data_patients(tmp_path)


def test_a_table_is_written_as_it_was_read(tmp_path):
    text = "case,patient,site,age,sex,scanner\nA_1,A,UCSF,61.5,F,Trio\nA_2,A,,,M,\n"
    table = read_patients(_write(tmp_path, text))
    assert to_patients_file(Task("x"), table).to_csv(index=False) == text


def test_names_of_a_patient_elsewhere_are_the_patient_the_aliases_and_the_tasks_other_name(tmp_path):
    table = read_patients(_write(tmp_path, "case,patient,aliases\nA_1,A,BraTS2021_00007 TCGA-1\nB,B,\n"))
    assert other_names(table, ["A_1", "B", "C"], Task("x")) == {
        "A_1": {"A", "BraTS2021_00007", "TCGA-1"}, "B": frozenset(), "C": frozenset()}
    assert other_names(None, ["00007"], RSNA_MICCAI) == {"00007": {"BraTS2021_00007"}}


def test_a_table_that_agrees_with_the_task_is_the_one_that_counts(tmp_path):
    _write(tmp_path, "case,patient\nP1,A\nP3,A\nP4,B\n", {"same_patient": [["P1", "P3"]]})
    assert data_patients(tmp_path)["patient"].tolist() == ["A", "A", "B"]
    _write(tmp_path, "case,patient\nP1,A\n", {"same_patient": [["P1", "P3"]]})  # of one of them nothing is said
    assert data_patients(tmp_path)[ID].tolist() == ["P1"]


@pytest.mark.parametrize(("text", "sex"), [("f", "F"), ("FEMALE", "F"), ("w", "F"), ("M", "M"), ("Male", "M"),
                                           ("", ""), ("x", "x"), ("femme", "femme")])
def test_a_sex_is_f_or_m_in_the_usual_words_and_another_text_as_it_is(text, sex):
    assert sex_of(text) == sex


@pytest.mark.parametrize(("age", "known"), [("0", 0), ("130", 130), ("61.5", 61.5)])
def test_ages_from_0_to_130_are_taken(tmp_path, age, known):
    assert read_patients(_write(tmp_path, f"case,age\nA,{age}\n"))["age"].tolist() == [known]
