"""The real client pushes bundle and kernel to a server on loopback that speaks Kaggle's API."""

import json

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.datasets import push_dataset
from radiogen.kaggle.kernels import push
from radiogen.kaggle.kernels.bundle import dataset_metadata
from radiogen.kaggle.kernels.kernel import Names, _write_kernel
from radiogen.task import RSNA_MICCAI

from ..conftest import KEY

NAMES = Names("somebody", "Radiogen MGMT")


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "dataset"
    files.write_bytes(folder / "first--fold-0--model.weights.h5", b"weights" * 1000)
    files.write_json(folder / "radiogen-bundle.json", {"wheels": [], "runs": {}})
    files.write_json(folder / "dataset-metadata.json",
                     dataset_metadata("somebody", NAMES.dataset_title, "radiogen-mgmt-files"))
    return folder


@pytest.fixture
def kernel(tmp_path):
    return _write_kernel(NAMES, tmp_path / "kernel")


def _no_pause(_):
    pass


def test_a_dataset_is_created_private_the_first_time_and_gets_a_version_after(kaggle, api, bundle):
    assert push_dataset(api, bundle, "first", pause=_no_pause) == 1
    assert kaggle.private == {NAMES.dataset: True}
    assert push_dataset(api, bundle, "second", pause=_no_pause) == 2
    here = {path.name: path.read_bytes() for path in bundle.iterdir() if path.name != "dataset-metadata.json"}
    for tokens in kaggle.datasets[NAMES.dataset]:
        assert {kaggle.blobs[token][0]: kaggle.blobs[token][1] for token in tokens} == here


def test_a_version_is_waited_for_until_kaggle_has_taken_it_in(kaggle, api, bundle):
    kaggle.dataset_states = ["BLOBS_RECEIVED", "BLOBS_COPIED_TO_SDS", "READY"]
    pauses = []
    assert push_dataset(api, bundle, "first", pause=pauses.append) == 1
    assert len(pauses) == 2


def test_the_old_versions_being_ready_is_not_the_new_ones(kaggle, api, bundle):
    push_dataset(api, bundle, "first", pause=_no_pause)
    kept, kaggle._createdatasetversion = kaggle._createdatasetversion, lambda body: {"status": "ok", "error": ""}
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            kept(next(body for request, body in reversed(kaggle.asked) if request == "CreateDatasetVersion"))

    assert push_dataset(api, bundle, "second", pause=pause) == 2 and len(pauses) == 3


def test_a_dataset_that_kaggle_could_not_take_in_ends_the_push(kaggle, api, bundle):
    kaggle.dataset_states = ["FAILED"]
    with pytest.raises(UserError, match=r"could not process the dataset \(failed\)"):
        push_dataset(api, bundle, "first", pause=_no_pause)


def test_an_upload_that_the_client_lost_without_an_error_is_found(kaggle, api, bundle):
    kaggle.loses_uploads = True
    with pytest.raises(UserError, match=r"\S+ is missing at Kaggle: its upload broke off 3 times"):
        push_dataset(api, bundle, "first", pause=_no_pause)


def test_a_file_whose_upload_broke_off_once_is_sent_again(kaggle, api, bundle, capsys):
    """Client 2.2.4 makes a version without the file, 2.2.5 raises a ValueError and makes none."""
    kaggle.loses = 1
    push_dataset(api, bundle, "first", pause=_no_pause)
    here = {path.name for path in bundle.iterdir() if path.name != "dataset-metadata.json"}
    assert {kaggle.blobs[token][0] for token in kaggle.datasets[NAMES.dataset][-1]} == here
    assert len([line for line in capsys.readouterr().out.splitlines() if "broke off; trying again" in line]) == 1


def test_the_error_of_client_2_2_5_about_an_upload_is_one_line(bundle):
    class Client:
        def dataset_status(self, dataset, format):
            return '{"status": "ready", "current_version_number": 1}'

        def dataset_create_version(self, *_, **__):
            raise ValueError("Upload unsuccessful: radiogen-bundle.json")

    with pytest.raises(UserError, match=r"radiogen-bundle\.json is missing at Kaggle: its upload broke off 3") as error:
        push_dataset(Client(), bundle, "first", pause=_no_pause)
    assert "\n" not in str(error.value)


def test_a_dataset_that_is_refused_names_kaggles_reason(kaggle, api, bundle):
    kaggle.answers["CreateDataset"] = {"error": "The requested title is already in use"}
    with pytest.raises(UserError, match="Kaggle refuses the dataset: The requested title is already in use"):
        push_dataset(api, bundle, "first", pause=_no_pause)


def test_a_kernel_is_pushed_private_offline_with_a_gpu_and_its_sources(kaggle, api, kernel):
    assert push.push_kernel(api, kernel) == (1, "https://www.kaggle.com/code/somebody/radiogen-mgmt")
    assert push.push_kernel(api, kernel)[0] == 2
    sent = kaggle.kernels["somebody/radiogen-mgmt"][0]
    assert sent["isPrivate"] is True and sent["enableInternet"] is False and sent["enableGpu"] is True
    assert sent["machineShape"] == "NvidiaTeslaT4" and sent["sessionTimeoutSeconds"] == 9 * 3600
    assert sent["competitionDataSources"] == [RSNA_MICCAI.name] and sent["datasetDataSources"] == [NAMES.dataset]
    assert "submission.csv" in sent["text"] and json.loads(sent["text"])["cells"]


@pytest.mark.parametrize(("answer", "message"), [
    ({"error": "Maximum batch GPU session count of 2 reached."}, "Kaggle refuses the kernel: Maximum batch GPU"),
    ({"invalidDatasetSources": ["somebody/radiogen-mgmt-files"]}, "Kaggle left out its dataset somebody/radiogen"),
    ({"invalidCompetitionSources": [RSNA_MICCAI.name]}, "Kaggle left out its competition .*; join the competition"),
    ({"ref": "/code/somebody/radiogen-mgmt-2"}, "Kaggle created the kernel somebody/radiogen-mgmt-2 instead"),
])
def test_a_kernel_that_is_taken_only_in_part_is_not_submitted(kaggle, api, kernel, answer, message):
    kaggle.answers["SaveKernel"] = answer
    with pytest.raises(UserError, match=message):
        push.push_kernel(api, kernel)


def test_a_kernels_run_is_waited_for(kaggle, api):
    kaggle.kernel_states = ["QUEUED", "RUNNING", "RUNNING", "COMPLETE"]
    pauses = []
    push._wait_for_kernel(api, NAMES.kernel, 1, pause=pauses.append)
    assert len(pauses) == 3


def test_waiting_survives_a_server_that_is_busy_for_a_while(kaggle, api, bundle, tmp_path):
    kaggle.stumbles = {"GetDatasetStatus": 2, "ListDatasetFiles": 1, "GetKernelSessionStatus": 3, "GetSubmission": 2}
    assert push_dataset(api, bundle, "first", pause=_no_pause) == 1
    push.submit(api, NAMES, 1, "text", tmp_path, pause=_no_pause)
    assert set(kaggle.stumbles.values()) == {0} and len(kaggle.submissions) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_kernel_whose_status_is_refused_names_the_owner(kaggle, api, status):
    kaggle.fails["GetKernelSessionStatus"] = status
    with pytest.raises(UserError, match="Kaggle does not show its status to you; check that --owner is"):
        push._wait_for_kernel(api, NAMES.kernel, 1, pause=_no_pause)


@pytest.mark.parametrize("state", ["ERROR:Notebook Out of Memory", "CANCEL_ACKNOWLEDGED"])
def test_a_kernel_whose_run_failed_is_not_submitted(kaggle, api, tmp_path, state):
    kaggle.kernel_states = ["RUNNING", state]
    with pytest.raises(UserError, match="its run at Kaggle ended with (error: Notebook Out of Memory|cancel_)"):
        push.submit(api, NAMES, 1, "text", tmp_path, pause=_no_pause)
    assert kaggle.submissions == []


def test_a_kernels_version_is_submitted_and_its_score_written_down(kaggle, api, tmp_path):
    kaggle.submission_states = [{"status": "PENDING"}, {"status": "PENDING"},
                                {"status": "COMPLETE", "publicScore": "0.58123", "privateScore": "0.57001"}]
    record = files.read_json(push.submit(api, NAMES, 7, "mean of two", tmp_path, pause=_no_pause))
    sent, = kaggle.submissions
    assert (sent["competitionName"], sent["kernelOwner"], sent["kernelSlug"], sent["kernelVersion"],
            sent["fileName"], sent["submissionDescription"]) == (
        RSNA_MICCAI.name, "somebody", "radiogen-mgmt", 7, "submission.csv", "mean of two")
    assert (record["submission"], record["public_score"], record["private_score"]) == (4711, "0.58123", "0.57001")


def test_an_older_versions_end_is_not_taken_for_the_pushed_ones(kaggle, api):
    kaggle.version_states = {(NAMES.kernel, 1): ["ERROR"] * 9, (NAMES.kernel, 2): ["QUEUED", "RUNNING", "COMPLETE"]}
    pauses = []
    push._wait_for_kernel(api, NAMES.kernel, 2, pause=pauses.append)
    assert len(pauses) == 2
    with pytest.raises(UserError, match="ended with error"):
        push._wait_for_kernel(api, NAMES.kernel, 1, pause=pauses.append)


def _stop(_):
    raise KeyboardInterrupt


def test_a_wait_for_the_score_that_was_stopped_goes_on_and_submits_nothing_twice(kaggle, api, tmp_path):
    kaggle.submission_states = [{"status": "PENDING"}]
    with pytest.raises(KeyboardInterrupt):
        push.submit(api, NAMES, 7, "mean of two", tmp_path, pause=_stop)
    assert files.read_json(tmp_path / "submission.json")["submission"] == 4711
    record = files.read_json(push.submit(api, NAMES, 7, "mean of two", tmp_path, pause=_no_pause))
    assert record["status"] == "complete" and len(kaggle.submissions) == 1


def test_a_submission_whose_answer_never_came_is_found_by_its_message(kaggle, api, tmp_path, monkeypatch):
    sent = push._submit_version

    def lost(*arguments):
        sent(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(push, "_submit_version", lost)
    with pytest.raises(KeyboardInterrupt):
        push.submit(api, NAMES, 7, "mean of two", tmp_path, pause=_no_pause)
    assert files.read_json(tmp_path / "submission.json")["status"] == "submitting"
    monkeypatch.setattr(push, "_submit_version", sent)
    record = files.read_json(push.submit(api, NAMES, 7, "mean of two", tmp_path, pause=_no_pause))
    assert record["submission"] == 4711 and len(kaggle.submissions) == 1


def test_a_submission_that_failed_on_the_hidden_test_set_tells_kaggles_reason(kaggle, api, tmp_path):
    kaggle.submission_states = [{"status": "ERROR", "errorDescription": "Notebook Threw Exception"}]
    with pytest.raises(UserError, match="failed on the hidden test set: Notebook Threw Exception"):
        push.submit(api, NAMES, 7, "text", tmp_path, pause=_no_pause)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_kernel_is_reported_in_one_line_without_the_token(kaggle, api, kernel, status, capfd):
    kaggle.fails["SaveKernel"] = status
    with pytest.raises(UserError) as error:
        push.push_kernel(api, kernel)
    printed = capfd.readouterr()
    assert "\n" not in str(error.value) and KEY not in str(error.value) + printed.out + printed.err


def test_no_token_is_in_what_was_sent_or_written(kaggle, api, bundle, kernel, tmp_path, capfd):
    push.push_all(api, bundle, kernel, note="first", pause=_no_pause)
    push.submit(api, NAMES, 1, "text", tmp_path / "record", pause=_no_pause)
    printed = capfd.readouterr()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in json.dumps(kaggle.asked) + printed.out + printed.err and KEY.encode() not in written


def test_the_owner_is_the_one_that_the_token_belongs_to(api):
    assert push.user_name(api) == "somebody"
