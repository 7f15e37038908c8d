"""Labels of two values in any words; a third one, one alone and an unknown order are errors that name a row."""

import json

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.labels import read_label_table, two_classes


def _classes(cells, tmp_path, **naming):
    return two_classes(tmp_path / "a.csv", pd.Series(cells), "status", Naming(**naming))


@pytest.mark.parametrize(("cells", "numbers"), [
    (["1", "0", "1.0"], [1, 0, 1]), (["-1", "1"], [0, 1]), (["Positive", "negative"], [1, 0]), (["no", "Yes"], [0, 1]),
    (["wildtype", "mutant"], [0, 1]), (["True", "False"], [1, 0]), (["silenced", "Unsilenced"], [1, 0]),
    (["responsive", "not responsive"], [1, 0])])
def test_two_values_are_known_by_their_words(cells, numbers, tmp_path):
    assert list(_classes(cells, tmp_path)[0]) == numbers


@pytest.mark.parametrize("cells", [["1", "2"], ["A", "B"], ["high", "low"]])
def test_two_values_of_unknown_order_need_the_positive_one(cells, tmp_path):
    with pytest.raises(UserError, match="--positive VALUE"):
        _classes(cells, tmp_path)
    found, classes = _classes(cells, tmp_path, positive=cells[0])
    assert list(found) == [1, 0] and classes == (cells[1], cells[0])


def test_a_third_value_is_an_error_with_its_row_unless_both_classes_are_named(tmp_path):
    cells = ["yes", "no", "", "perhaps"]
    with pytest.raises(UserError, match="row 5: status is 'perhaps', a third value"):
        _classes(cells, tmp_path)
    found, _ = _classes(cells, tmp_path, positive="yes", negative="no")
    assert found.isna().tolist() == [False, False, True, True]


def test_one_class_alone_and_a_class_that_is_not_there_are_errors(tmp_path):
    with pytest.raises(UserError, match="one class alone"):
        _classes(["yes", "YES", ""], tmp_path)
    with pytest.raises(UserError, match="no status is 'mutant'"):
        _classes(["yes", "no"], tmp_path, positive="mutant")


def test_a_table_of_labels_counts_the_cells_that_are_no_label(tmp_path):
    path = tmp_path / "clinical.csv"
    path.write_text("ID,age,status\na,50,Present\nb,60,Absent\nc,70,\nd,80,unclear\n", encoding="utf-8")
    labels = read_label_table(path, Naming(label_column="status", positive="present", negative="absent"))
    assert labels.label == {"a": 1, "b": 0} and labels.classes == ("Absent", "Present")
    assert labels.without == {"(empty)": 1, "unclear": 1}


def test_a_table_beside_a_description_has_its_columns_and_names_of_classes(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps(
        {"id_column": "patient_code", "label_column": "idh", "classes": {"wild": 0, "changed": 1}}), encoding="utf-8")
    (tmp_path / "labels.csv").write_text("patient_code,idh,age\na,1,40\nb,0,50\n", encoding="utf-8")
    labels = read_label_table(tmp_path / "labels.csv", Naming())
    assert labels.label == {"a": 1, "b": 0} and labels.classes == ("wild", "changed")


def test_an_id_that_stands_twice_is_an_error_with_both_rows(tmp_path):
    (tmp_path / "labels.csv").write_text("id,label\na,1\nb,0\na,1\n", encoding="utf-8")
    with pytest.raises(UserError, match="rows 2, 4: id 'a' stands more than once"):
        read_label_table(tmp_path / "labels.csv", Naming())


def _table(tmp_path, text, **naming):
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    return read_label_table(tmp_path / "labels.csv", Naming(**naming))


def test_the_words_of_the_classes_are_kept_and_numbers_get_plain_names(tmp_path):
    assert _table(tmp_path, "id,label\na,mutant\nb,wildtype\n").classes == ("wildtype", "mutant")
    assert _table(tmp_path, "id,label\na,1\nb,0\n").classes == ("class 0", "class 1")


def test_one_spelling_of_a_number_and_of_a_word_is_as_good_as_another(tmp_path):
    found = _table(tmp_path, "id,label\na,1\nb,1.0\nc,0\nd,00\n")
    assert found.label == {"a": 1, "b": 1, "c": 0, "d": 0}
    assert _table(tmp_path, "id,label\na,YES\nb,yes\nc,No\n").label == {"a": 1, "b": 1, "c": 0}


def test_the_only_column_beside_the_ids_is_the_label_whatever_its_name(tmp_path):
    found = _table(tmp_path, "id,IDH status\na,mutant\nb,wildtype\n")
    assert found.column == "IDH status" and found.label == {"a": 1, "b": 0}


def test_of_two_columns_of_unknown_names_none_is_guessed(tmp_path):
    text = "id,IDH,grade\na,mutant,high\nb,wildtype,low\n"
    with pytest.raises(UserError, match="no column is recognised as the labels.*it has: id, IDH, grade"):
        _table(tmp_path, text)
    assert _table(tmp_path, text, label_column="IDH").label == {"a": 1, "b": 0}


def test_the_one_class_that_is_named_makes_the_other_value_the_other_class(tmp_path):
    assert list(_classes(["A", "B"], tmp_path, positive="b")[0]) == [0, 1]
    assert list(_classes(["A", "B"], tmp_path, negative="b")[0]) == [1, 0]


@pytest.mark.parametrize("cell", ["", "NA", "n/a", "NaN", "None", "unknown", "?", "-"])
def test_cells_that_say_nothing_are_missing_and_no_third_value(cell, tmp_path):
    found, _ = _classes(["yes", cell, "no"], tmp_path)
    assert found.isna().tolist() == [False, True, False]


def test_two_words_that_both_mean_yes_need_a_word_of_the_user(tmp_path):
    with pytest.raises(UserError, match="nothing says which is the positive class"):
        _classes(["mutant", "present"], tmp_path)


def test_an_empty_id_is_an_error_with_its_row(tmp_path):
    with pytest.raises(UserError, match="row 3: id is empty"):
        _table(tmp_path, "id,label\na,1\n,0\n")


def test_ids_that_would_be_one_file_name_stand_twice(tmp_path):
    with pytest.raises(UserError, match="rows 2, 3: id 'a/b' stands more than once"):
        _table(tmp_path, "id,label\na/b,1\na b,0\n")
