"""The table of predictions: what is written is read again, and what is wrong with it is reported with its row."""

import os

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.core.files import sha256
from radiogen.runs import predictions
from radiogen.runs.predictions import (
    chosen_runs,
    complete,
    holdout,
    out_of_fold,
    predicted_runs,
    read_predictions,
    read_with_hash,
    scores_digest,
    submission_cases,
    write_predictions,
)

GOOD = ["00000,0,1,0.75,1", "00001,1,0,0.25,0", "00002,holdout,1,0.5,1", "00003,test,,0.125,0"]


def _written(folder, rows):
    path = folder / "run" / "predictions.csv"
    path.parent.mkdir()
    path.write_text("\n".join(["BraTS21ID,fold,MGMT_value,probability,predicted", *rows]) + "\n")
    return path


def test_case_zero_keeps_its_five_digits_and_test_cases_have_no_label(tmp_path):
    table = read_predictions(_written(tmp_path, GOOD))
    assert table["case"].tolist() == ["00000", "00001", "00002", "00003"]
    assert table["label"].isna().tolist() == [False, False, False, True]
    assert table["label"].dropna().tolist() == [1, 0, 1]


def test_a_table_that_was_written_is_read_as_the_same_to_the_last_digit(tmp_path):
    random = np.random.default_rng(5)
    table = complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(40)], "fold": ["0", "1", "holdout", "test"] * 10,
        "label": pd.array([1, 0, 1, None] * 10, dtype="Int64"), "probability": random.random(40)}))
    again = read_predictions(write_predictions(tmp_path / "run" / "predictions.csv", table))
    pd.testing.assert_frame_equal(again, table, check_dtype=False, check_exact=True)


def test_a_case_is_called_methylated_from_a_half_up():
    table = pd.DataFrame({"case": ["00001", "00002"], "fold": "0", "label": [1, 0],
                          "probability": [0.5, np.nextafter(0.5, 0)]})
    assert complete(table)["predicted"].tolist() == [1, 0]


def test_every_case_is_out_of_fold_or_held_out_or_for_the_submission(tmp_path):
    table = read_predictions(_written(tmp_path, GOOD))
    parts = [part["case"].tolist() for part in (out_of_fold(table), holdout(table), submission_cases(table))]
    assert parts == [["00000", "00001"], ["00002"], ["00003"]]


@pytest.mark.parametrize(("row", "said"), [
    ("00004,5x,1,0.5,1", "fold is '5x'"),
    ("00004,0,2,0.5,1", "MGMT_value is '2'"),
    ("00004,0,,0.5,1", "MGMT_value is ''"),
    ("00004,0,1,1.5,1", "probability is '1.5'"),
    ("00004,0,1,nan,1", "probability is 'nan'"),
    ("00004,0,1,0.75,0", "predicted is '0'"),
    ("4,0,1,0.75,1", "BraTS21ID is '4'"),
    ("00003,0,1,0.75,1", "00003 stands more than once"),
])
def test_a_wrong_cell_is_reported_with_file_and_row(tmp_path, row, said):
    path = _written(tmp_path, [*GOOD, row])
    with pytest.raises(UserError) as error:
        read_predictions(path)
    assert said in str(error.value) and str(path) in str(error.value) and "6" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_without_predictions_is_reported_with_the_command_that_makes_them(tmp_path):
    (tmp_path / "phantom-demo-2d").mkdir()
    with pytest.raises(UserError, match=r"phantom-demo-2d/predictions\.csv.*scripts/predict\.py --run phantom-demo-2d"):
        read_predictions(tmp_path / "phantom-demo-2d" / "predictions.csv")


def test_a_mistyped_run_is_reported_with_the_runs_that_are_there(tmp_path):
    _written(tmp_path, GOOD)
    with pytest.raises(UserError, match="rum: there is no such run; name one of run, or train it"):
        read_predictions(tmp_path / "rum" / "predictions.csv")


def test_without_a_name_every_predicted_run_is_chosen(tmp_path):
    _written(tmp_path, GOOD)
    (tmp_path / "untrained").mkdir()
    assert predicted_runs(tmp_path) == chosen_runs(tmp_path, []) == ["run"]
    assert chosen_runs(tmp_path, ["b", "a", "b"]) == ["b", "a"]
    with pytest.raises(UserError, match="no predicted run"):
        chosen_runs(tmp_path / "elsewhere", [])


TABLE = pd.DataFrame({"case": ["00001", "00002"], "fold": ["0", "1"], "label": pd.array([1, 0], dtype="Int64"),
                      "probability": [0.1 + 0.2, 0.5]})


def test_the_digest_of_scores_is_of_ids_labels_and_every_digit_and_not_of_order_or_folds():
    digest = scores_digest(TABLE)
    assert digest == scores_digest(TABLE[::-1]) == scores_digest(TABLE.assign(fold="holdout"))
    for other in (TABLE.assign(probability=[0.3, 0.5]), TABLE.assign(label=[0, 0]), TABLE.assign(case=["00001", "3"])):
        assert digest != scores_digest(other)


def test_columns_that_are_none_of_the_tables_are_left_out_of_the_file(tmp_path):
    path = write_predictions(tmp_path / "predictions.csv", complete(TABLE).assign(note="mine"))
    assert path.read_text().splitlines()[0] == "BraTS21ID,fold,MGMT_value,probability,predicted"


def test_a_table_is_read_with_the_hash_of_the_file_that_was_read(tmp_path):
    path = write_predictions(tmp_path / "predictions.csv", complete(TABLE))
    table, digest = read_with_hash(path)
    assert digest == sha256(path) and table["case"].tolist() == ["00001", "00002"]


def test_a_table_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch):
    path = write_predictions(tmp_path / "predictions.csv", complete(TABLE))
    read = predictions.read_predictions

    def replaced_once(file):
        table = read(file)
        if table["case"].tolist() == ["00001", "00002"]:
            write_predictions(path, complete(TABLE.assign(case=["00003", "00004"])))
        return table

    monkeypatch.setattr(predictions, "read_predictions", replaced_once)
    table, digest = read_with_hash(path)
    assert table["case"].tolist() == ["00003", "00004"] and digest == sha256(path)


def test_a_run_without_predictions_has_no_hash_either(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match=r"predictions\.csv: is missing"):
        read_with_hash(tmp_path / "a" / "predictions.csv")


def test_runs_come_by_the_age_of_their_predictions_and_hidden_folders_are_none(tmp_path):
    for number, name in enumerate(("b", "a", ".half", "c")):
        path = write_predictions(tmp_path / name / "predictions.csv", complete(TABLE))
        os.utime(path, ns=(10 ** 18 - number // 2, 10 ** 18 - number // 2))
    assert predicted_runs(tmp_path) == ["c", "a", "b"] and predicted_runs(tmp_path / "none") == []


@pytest.mark.parametrize("name", ["../a", "a/b", ""])
def test_a_run_whose_name_leads_elsewhere_is_not_chosen(tmp_path, name):
    with pytest.raises(UserError, match="^RUN .*: is not a valid name"):
        chosen_runs(tmp_path, ["a", name])


def test_a_cohorts_cases_have_labels_and_its_name_as_their_fold(tmp_path):
    path = tmp_path / "predictions.csv"
    write_predictions(path, complete(TABLE.assign(fold="elsewhere")))
    assert read_predictions(path, "elsewhere")["fold"].tolist() == ["elsewhere"] * 2
    path.write_text(path.read_text().replace("elsewhere,1", "elsewhere,"))
    with pytest.raises(UserError, match="row 2: MGMT_value is ''; write 1 for methylated and 0 for unmethylated"):
        read_predictions(path, "elsewhere")
