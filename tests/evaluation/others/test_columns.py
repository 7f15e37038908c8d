"""Columns are recognised by the names that are in use; the user's word goes before."""

from pathlib import Path

import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import IDS, LABELS, PROBABILITIES, find_column, find_id, required, safe_id


@pytest.mark.parametrize(("name", "known"), [
    ("PatientID", IDS), ("subject_id", IDS), ("Case", IDS), ("y_true", LABELS), ("Ground Truth", LABELS),
    ("Label", LABELS), ("y_prob", PROBABILITIES), ("Predicted.Probability", PROBABILITIES), ("prob_1", PROBABILITIES)])
def test_usual_names_are_recognised_without_regard_to_case_and_punctuation(name, known):
    assert find_column(["other", name], known) == name


def test_a_probability_goes_before_a_call():
    assert find_column(["predicted", "probability"], PROBABILITIES) == "probability"
    assert find_column(["y_pred", "y_prob"], PROBABILITIES) == "y_prob"


def test_a_column_that_the_user_names_is_taken_though_another_is_known():
    assert find_column(["label", "status at last visit"], LABELS, "Status at last visit") == "status at last visit"
    assert find_column(["label"], LABELS, "status") is None


def test_a_name_that_ends_with_id_is_an_id_unless_there_are_two():
    assert find_id(["Tumour2021ID", "score"]) == "Tumour2021ID"
    assert find_id(["scanner_id", "hospital_id"]) is None


def test_what_is_not_recognised_is_an_error_with_the_option_and_the_heading():
    with pytest.raises(UserError, match=r"a\.csv: row 1: .*it has: x, y.*--id-column COLUMN"):
        required(Path("a.csv"), ["x", "y"], None, "the cases' ids", "id_column", None)


def test_ids_become_names_that_a_file_may_have():
    assert safe_id("sub 01/T1.nii") == "sub-01-T1.nii" and safe_id("00042") == "00042" and safe_id("../x") == "x"


def test_of_two_columns_of_one_folded_name_the_first_is_taken():
    assert find_column(["Label", "label", "x"], LABELS) == "Label"


def test_the_first_known_name_goes_before_the_first_column():
    assert find_column(["study", "patient", "id"], IDS) == "id"


def test_a_column_without_a_name_is_no_column():
    assert find_column(["", "x"], [""]) is None


def test_what_is_a_fold_or_a_label_is_no_id_though_it_ends_with_id():
    assert find_id(["tumour_id", "grid"], taken=["grid"]) == "tumour_id"
    assert find_id(["tumour_id", "x"], named="y") is None  # the user's word is not guessed away


def test_a_column_that_was_named_and_is_not_there_is_said_to_be_missing():
    with pytest.raises(UserError, match=r"row 1: has no column 'score' \(it has: x\)"):
        required(Path("a.csv"), ["x"], None, "the probability", "probability_column", "score")


def test_a_long_heading_is_cut():
    with pytest.raises(UserError) as raised:
        required(Path("a.csv"), [f"feature {number}" for number in range(900)], None, "labels", "label_column", None)
    assert len(str(raised.value)) < 400 and "..." in str(raised.value)
