"""Submissions: the sample's ids in its order, whatever the run lacks; everything else is refused in one line."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_sample_submission
from radiogen.kaggle import submission
from radiogen.kaggle.submission import Submission, check_submission, imputed_text, published_text, write_submission
from radiogen.runs.predictions import complete, write_predictions

SAMPLE = ["00114", "00000", "00013", "00109"]


@pytest.fixture
def house(tmp_path):
    """A data set with a sample of four cases, and a run that has predicted them."""
    data = tmp_path / "input" / "phantom"
    data.mkdir(parents=True)
    _sample(data, SAMPLE)
    _predict(tmp_path, {"00000": 0.25, "00013": 0.125, "00109": 0.5, "00114": 0.875})
    (tmp_path / "models" / "run" / "run.json").write_text(json.dumps({"recipe": "demo-2d", "data": str(data)}))
    return tmp_path


def _sample(data, ids):
    pd.DataFrame({"BraTS21ID": ids, "MGMT_value": 0.5}).to_csv(data / "sample_submission.csv", index=False)


def _predict(house, test: dict[str, float]):
    ids = ["00002", "00003", "00005", *test]
    write_predictions(house / "models" / "run" / "predictions.csv", complete(pd.DataFrame({
        "case": ids, "fold": ["0", "1", "holdout"] + ["test"] * len(test),
        "label": pd.array([1, 0, 0] + [None] * len(test), dtype="Int64"),
        "probability": [0.9, 0.8, 0.7, *test.values()]})))


def _submit(house, **options):
    return write_submission(house / "models", "run", house / "submissions", **options)


@pytest.mark.parametrize("name", ["run.csv", "run.json"])
def test_a_file_of_the_users_in_the_place_of_a_submission_stays(house, name):
    mine = files.write_text(house / "submissions" / name, "{}")
    with pytest.raises(UserError, match=f"{name}: .* move it away"):
        _submit(house)
    assert mine.read_text() == "{}" and not list((house / "submissions").glob("run.[!cj]*"))


def test_a_submission_that_was_edited_is_not_replaced(house):
    path = _submit(house).path
    _predict(house, {"00000": 0.75, "00013": 0.125, "00109": 0.5, "00114": 0.875})
    assert _submit(house).path == path and "00000,0.75" in path.read_text()
    path.write_text(path.read_text().replace("0.75", "0.76"))
    with pytest.raises(UserError, match="run.csv: was not written by radiogen or was changed since"):
        _submit(house)
    assert "00000,0.76" in path.read_text()


def test_a_submission_has_the_samples_ids_in_its_order_and_nothing_of_the_training_cases(house):
    made = _submit(house)
    assert made.path.read_text() == "BraTS21ID,MGMT_value\n00114,0.875\n00000,0.25\n00013,0.125\n00109,0.5\n"
    assert made.imputed == () and imputed_text(made) == ""


def test_the_record_names_run_data_and_the_files_hash(house):
    made = _submit(house)
    record = json.loads(made.record.read_text())
    assert made.record == made.path.with_suffix(".json")
    assert (record["run"], record["members"], record["cases"]) == ("run", ["run"], 4)
    assert record["data"] == "input/phantom"
    assert record["sha256"] == hashlib.sha256(made.path.read_bytes()).hexdigest()


def test_the_record_has_the_hash_of_the_predictions_that_were_submitted(house, monkeypatch):
    predictions, read = house / "models" / "run" / "predictions.csv", submission.read_sample_submission
    sent = files.sha256(predictions)

    def predicted_meanwhile(path, task=None):
        predictions.write_text(predictions.read_text().replace("0.25", "0.26"))
        return read(path, task)

    monkeypatch.setattr(submission, "read_sample_submission", predicted_meanwhile)
    assert json.loads(_submit(house).record.read_text())["predictions_sha256"] == sent


def test_a_case_without_a_prediction_gets_the_training_prevalence_and_is_named(house):
    _predict(house, {"00000": 0.25, "00114": 0.875})
    (house / "models" / "run" / "folds.csv").write_text(
        "BraTS21ID,MGMT_value,fold\n00002,1,0\n00003,0,1\n00005,0,holdout\n00006,0,0\n")
    made = _submit(house)
    assert made.imputed == ("00013", "00109")
    assert read_sample_submission(made.path)["label"].tolist() == [0.875, 0.25, 0.25, 0.25]
    assert imputed_text(made) == ("warning: 2 of 4 test cases have no prediction and got the training "
                                  "prevalence 0.250: 00013, 00109")
    assert json.loads(made.record.read_text())["imputed"]["cases"] == ["00013", "00109"]


def test_without_folds_the_prevalence_comes_from_the_labelled_predictions(house):
    _predict(house, {"00000": 0.25, "00114": 0.875, "00013": 0.5})
    assert _submit(house).prevalence == pytest.approx(1 / 3)


def test_a_case_known_to_be_bad_in_training_is_never_left_out(house):
    assert "00109" in read_sample_submission(_submit(house).path)["case"].tolist()


def test_predicted_test_cases_that_the_sample_lacks_are_named_and_nothing_is_written(house):
    _sample(house / "input" / "phantom", ["00114", "00000"])
    with pytest.raises(UserError, match="the sample submission does not have: 00013, 00109"):
        _submit(house)
    assert not (house / "submissions").exists()


def test_probabilities_that_are_all_the_same_are_refused_unless_allowed(house):
    _predict(house, dict.fromkeys(SAMPLE, 0.5))
    with pytest.raises(UserError, match="the same probability for all 4 test cases .0.5.*--allow-constant"):
        _submit(house)
    assert _submit(house, allow_constant=True).cases == 4


def test_a_run_that_predicted_no_test_case_is_refused(house):
    _predict(house, {})
    with pytest.raises(UserError, match=r"scripts/predict\.py --run run"):
        _submit(house)


def test_a_run_that_is_not_predicted_is_reported_with_the_command(house):
    with pytest.raises(UserError, match=r"nix: there is no such run.*scripts/train\.py --run nix"):
        write_submission(house / "models", "nix", house / "submissions")


def test_another_data_set_can_be_named_and_a_missing_one_is_reported(house):
    other = house / "input" / "other"
    other.mkdir()
    _sample(other, [*SAMPLE, "00999"])
    assert _submit(house, data=other).imputed == ("00999",)
    with pytest.raises(UserError, match=r"nowhere/sample_submission\.csv: is missing.*--data"):
        _submit(house, data=house / "nowhere")
    (house / "models" / "run" / "run.json").unlink()
    with pytest.raises(UserError, match="run.json: does not name the data set"):
        _submit(house)


@pytest.mark.parametrize(("text", "said"), [
    ("BraTS21ID,MGMT_value\n00000,0.5\n00114,0.5\n", "row 2: 00000 is where the sample has 00114"),
    ("BraTS21ID,MGMT_value\n00114,0.5\n", "lacks 1 cases, the first of them 00000"),
    ("BraTS21ID,MGMT_value\n00114,0.5\n00000,0.5\n00001,0.5\n", "the first of them 00001"),
    ("BraTS21ID,MGMT_value\n00114,0.5\n00000,inf\n", "row 3: MGMT_value is 'inf'"),
    ("BraTS21ID,MGMT_value\n00114,0.5\n00000,1.01\n", "row 3: MGMT_value is '1.01'"),
    ("BraTS21ID,MGMT_value\n114,0.5\n00000,0.5\n", "row 2: BraTS21ID is '114'"),
    (",BraTS21ID,MGMT_value\n0,00114,0.5\n1,00000,0.5\n", "heading is not BraTS21ID,MGMT_value"),
])
def test_a_file_that_the_competition_would_reject_is_reported_with_its_row(tmp_path, text, said):
    (tmp_path / "sample_submission.csv").write_text("BraTS21ID,MGMT_value\n00114,0.5\n00000,0.5\n")
    (tmp_path / "submission.csv").write_text(text)
    with pytest.raises(UserError) as error:
        check_submission(tmp_path / "submission.csv", read_sample_submission(tmp_path / "sample_submission.csv"))
    assert said in str(error.value)


def test_the_competitions_own_sample_is_filled_in_its_order(rsna_tables, tmp_path):
    sample = read_sample_submission(rsna_tables / "sample_submission.csv")
    _predict(tmp_path, {case: number / 100 for number, case in enumerate(sample["case"][::-1])})
    made = _submit(tmp_path, data=rsna_tables)
    assert made.cases == 87
    assert made.path.read_text().splitlines()[1].startswith(f"{sample['case'].iloc[0]},0.86")


def test_the_record_keeps_the_score_of_this_very_file_and_of_no_other(house):
    record = _submit(house).record
    record.write_text(json.dumps(json.loads(record.read_text()) | {"kaggle": {"submission": 4711}}))
    assert json.loads(_submit(house).record.read_text())["kaggle"] == {"submission": 4711}
    _predict(house, {"00000": 0.5, "00013": 0.125, "00109": 0.5, "00114": 0.875})
    assert "kaggle" not in json.loads(_submit(house).record.read_text())


def test_cases_whose_labels_are_public_are_counted():
    made = Submission(Path("a.csv"), Path("a.json"), 87, (), 0.5, ("00001", "00013"))
    assert published_text(made).startswith("warning: 2 of 87 test cases have a published label")
    assert published_text(replace(made, published=())) == ""
