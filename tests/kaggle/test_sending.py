"""A submission is sent once, its score waited for and written beside the run; whatever refuses it says what to do."""

import json

import pandas as pd
import pytest

from benchmarks.synthetic.kaggle_server import COMPETITION, TOKEN
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.sending import send
from radiogen.kaggle.submission import write_submission
from radiogen.runs.predictions import complete, write_predictions


@pytest.fixture
def house(tmp_path):
    """A data set with a sample of two cases, and the run `run` that has predicted them."""
    (tmp_path / "input" / "small").mkdir(parents=True)
    (tmp_path / "input" / "small" / "sample_submission.csv").write_text("BraTS21ID,MGMT_value\n00001,0.5\n00013,0.5\n")
    _predict(tmp_path, 0.25)
    files.write_json(tmp_path / "models" / "run" / "run.json", {"data": str(tmp_path / "input" / "small")})
    return tmp_path


def _predict(house, first):
    write_predictions(house / "models" / "run" / "predictions.csv", complete(pd.DataFrame({
        "case": ["00002", "00001", "00013"], "fold": ["0", "test", "test"],
        "label": pd.array([1, None, None], dtype="Int64"), "probability": [0.9, first, 0.75]})))


def _send(house, client, message="first try", pause=lambda _: None):
    submission = write_submission(house / "models", "run", house / "submissions")
    return send(client, submission, message, house / "models" / "run", pause=pause)


def test_the_csv_is_uploaded_submitted_and_its_score_written_beside_run_and_record(house, stand_in, client):
    stand_in.states = [{"status": "PENDING"}, {"status": "PENDING"},
                       {"status": "COMPLETE", "publicScore": "0.58123", "privateScore": "0.57001"}]
    pauses = []
    output = _send(house, client, pause=pauses.append)
    assert len(pauses) == 2 and (output["submission"], output["public_score"], output["private_score"]) == (
        4711, "0.58123", "0.57001")
    assert stand_in.uploads["blob-0"] == (house / "submissions" / "run.csv").read_bytes()
    assert stand_in.sent == [{"competitionName": COMPETITION, "blobFileTokens": "blob-0",
                              "submissionDescription": "first try"}]
    beside = files.read_json(house / "models" / "run" / "submission.json")
    assert beside["public_score"] == "0.58123" and beside["sha256"] == files.sha256(house / "submissions" / "run.csv")
    assert files.read_json(house / "submissions" / "run.json")["kaggle"] == output


def test_a_table_for_a_competition_of_notebooks_is_sent_with_a_warning_that_names_the_notebook(house, client, caplog):
    _send(house, client)
    assert f"{COMPETITION} takes notebooks" in caplog.text and "push_kernel.py run " in caplog.text
    caplog.clear()
    _send(house, client)  # sent before
    assert "takes notebooks" not in caplog.text
    (house / "input" / "small" / "dataset.json").write_text(json.dumps({
        "id_column": "BraTS21ID", "label_column": "MGMT_value", "competition": {"slug": COMPETITION}}))
    _predict(house, 0.5)
    _send(house, client)
    assert "takes notebooks" not in caplog.text


def test_the_same_file_is_not_sent_twice_and_another_is(house, stand_in, client, capsys):
    _send(house, client)
    assert _send(house, client)["public_score"] == "0.58123" and len(stand_in.sent) == 1
    assert "was sent before, as submission 4711" in capsys.readouterr().out
    (house / "submissions" / "run.json").unlink()
    _send(house, client)
    assert len(stand_in.sent) == 1
    _predict(house, 0.5)
    _send(house, client)
    assert len(stand_in.sent) == 2


def test_a_wait_that_was_stopped_goes_on_without_sending_again(house, stand_in, client):
    def stop(_):
        raise KeyboardInterrupt

    stand_in.states = [{"status": "PENDING"}]
    with pytest.raises(KeyboardInterrupt):
        _send(house, client, pause=stop)
    assert files.read_json(house / "models" / "run" / "submission.json")["status"] == "pending"
    assert _send(house, client)["public_score"] == "0.58123" and len(stand_in.sent) == 1


def test_429_and_500_while_waiting_are_waited_out(house, stand_in, client):
    stand_in.faults["GetSubmission"] = [429, 500, 503]
    assert _send(house, client)["public_score"] == "0.58123"


def test_a_score_that_never_comes_ends_with_the_command_that_goes_on(house, stand_in, client):
    stand_in.states = [{"status": "PENDING"}] * 1000
    with pytest.raises(UserError, match="no score after 60 minutes; run the same command again: it resumes waiting"):
        _send(house, client)


def test_a_file_that_kaggle_cannot_score_tells_why_and_may_be_sent_again(house, stand_in, client):
    stand_in.states = [{"status": "ERROR", "errorDescription": "Evaluation Exception"}]
    with pytest.raises(UserError, match=r"run\.csv: Kaggle could not score it: Evaluation Exception"):
        _send(house, client)
    _send(house, client)
    assert len(stand_in.sent) == 2


@pytest.mark.parametrize("request_name", ["StartSubmissionUpload", "CreateSubmission"])
def test_a_bare_400_names_the_notebook_the_rules_the_quota_and_the_zip(house, stand_in, client, request_name):
    stand_in.faults[request_name] = [400]
    with pytest.raises(UserError, match="bad request") as error:
        _send(house, client)
    for word in ("scripts/push_kernel.py run", "--submit", f"competitions/{COMPETITION}/rules", "left today", "zip"):
        assert word in error.value.remedy


@pytest.mark.parametrize("status", [429, 500])
def test_a_submission_that_may_have_counted_is_never_repeated(house, stand_in, client, status):
    stand_in.faults["CreateSubmission"] = [status]
    with pytest.raises(UserError, match="the submission of"):
        _send(house, client)
    assert stand_in.names().count("CreateSubmission") == 1


@pytest.mark.parametrize(("status", "said"), [(401, "refuses your token"), (403, "accept the rules"),
                                              (404, "does not know it")])
def test_a_refused_submission_leaves_no_record_of_one(house, stand_in, client, status, said):
    stand_in.faults["StartSubmissionUpload"] = [status]
    with pytest.raises(UserError, match=said):
        _send(house, client)
    assert not (house / "models" / "run" / "submission.json").exists()


def test_an_upload_that_breaks_off_is_no_submission(house, stand_in, client):
    stand_in.loses_uploads = True
    with pytest.raises(UserError, match=r"its upload to Kaggle broke off.*nothing was submitted"):
        _send(house, client)
    assert stand_in.sent == []


def test_a_submission_without_a_number_repeats_what_kaggle_says(house, stand_in, client):
    stand_in.paths["CreateSubmission"] = lambda body: {"message": "Submission not allowed:\n notebooks only"}
    with pytest.raises(UserError, match="no submission: Submission not allowed: notebooks only; if it is a code"):
        _send(house, client)


def test_the_command_sends_waits_and_tells_the_score_without_the_token(house, stand_in, command):
    end = command("submit", "run", "--send", "-m", "mean of two", VERBOSE="1")
    assert end.returncode == 0, end.stderr
    assert "score of submission 4711: public 0.58123, private None; written to models/run/submission.json" in end.stdout
    assert stand_in.sent[0]["submissionDescription"] == "mean of two"
    left = b"".join(path.read_bytes() for path in house.rglob("*") if path.is_file()).decode("latin-1")
    assert TOKEN not in end.stdout + end.stderr + left + json.dumps(stand_in.sent)


def test_the_command_writes_the_csv_even_where_there_is_no_token(house, command):
    end = command("submit", "run", "--send", KAGGLE_API_TOKEN="")
    assert end.returncode == 2 and end.stderr.startswith("error: Kaggle token: there is none")
    assert (house / "submissions" / "run.csv").is_file()
