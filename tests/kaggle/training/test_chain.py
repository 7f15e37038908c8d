"""Sessions follow one another until the runs are here; an interruption at any push or wait costs nothing."""

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle import datasets
from radiogen.kaggle.training import chain

from .conftest import RUN

KERNELS = [f"somebody/radiogen-train-small-{number}" for number in (1, 2, 3)]


def _pushes(kaggle):
    return [name for name, _ in kaggle.asked if name in ("CreateDataset", "CreateDatasetVersion", "SaveKernel")]


def test_arrays_are_made_without_a_gpu_then_each_session_starts_on_the_last_ones_output(kaggle, sessions, train):
    train()
    assert list(kaggle.kernels) == KERNELS and _pushes(kaggle) == ["CreateDataset", *["SaveKernel"] * 3]
    assert [(order["kind"], gpu) for order, _, gpu in sessions.orders] == [
        ("arrays", False), ("train", True), ("train", True)]
    assert [sources for _, sources, _ in sessions.orders] == [[], KERNELS[:1], [KERNELS[1], KERNELS[0]]]
    bodies = [body for name, body in kaggle.asked if name == "SaveKernel"]
    assert all(body["isPrivate"] and not body["enableInternet"] for body in bodies)
    assert {tuple(body["competitionDataSources"]) for body in bodies} == {
        ("rsna-miccai-brain-tumor-radiogenomic-classification",)}
    assert [body.get("machineShape") for body in bodies] == [None, "NvidiaTeslaT4", "NvidiaTeslaT4"]


def test_the_runs_come_back_with_the_hashes_of_the_session_and_places_of_this_machine(sessions, train, plan):
    folder, = train()
    assert folder == plan.models / RUN
    facts = files.read_json(folder / "run.json")
    assert (facts["data"], facts["cache"]) == (str(plan.data), "input/cache/data/cubes")
    for fold in ("0", "1"):
        record = files.read_json(folder / f"fold-{fold}" / "weights.json")
        assert record["sha256"] == files.sha256(folder / f"fold-{fold}" / "model.weights.h5")


def test_the_same_command_afterwards_pushes_and_fetches_nothing(kaggle, sessions, train):
    train()
    asked = len(kaggle.asked)
    train()
    assert len(kaggle.asked) == asked


def test_every_number_is_written_down_before_anything_is_waited_for(sessions, train, plan, kaggle):
    kaggle.version_states[KERNELS[0], 1] = ["RUNNING"]
    with pytest.raises(KeyboardInterrupt):
        train(_interrupt)
    record = files.read_json(plan.record)
    assert (record["upload"]["dataset"], record["upload"]["version"]) == ("somebody/radiogen-train-small-files", 1)
    session, = record["sessions"]
    assert (session["kernel"], session["version"], session["state"]) == (KERNELS[0], 1, "pushed")


def _interrupt(_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_wait_that_was_stopped_goes_on_and_pushes_nothing_twice(kaggle, sessions, train, number):
    kaggle.version_states[KERNELS[number - 1], 1] = ["QUEUED"]
    with pytest.raises(KeyboardInterrupt):
        train(_interrupt)
    train()
    assert _pushes(kaggle) == ["CreateDataset", *["SaveKernel"] * 3]


@pytest.mark.parametrize(("place", "name", "call"), [
    (datasets, "push_dataset", 1), (chain, "push_kernel", 1), (chain, "push_kernel", 2), (chain, "push_kernel", 3)])
def test_a_push_whose_answer_never_came_is_found_at_kaggle(kaggle, sessions, train, monkeypatch, place, name, call):
    push, calls = getattr(place, name), []

    def lost(*arguments, **options):
        answer = push(*arguments, **options)
        calls.append(answer)
        if len(calls) == call:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(place, name, lost)
    with pytest.raises(KeyboardInterrupt):
        train()
    train()
    assert _pushes(kaggle) == ["CreateDataset", *["SaveKernel"] * 3]


def test_a_push_that_never_arrived_is_made(kaggle, sessions, train, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chain, "push_kernel", lambda *_, **__: _interrupt(0))
        train()
    train()
    assert _pushes(kaggle) == ["CreateDataset", *["SaveKernel"] * 3]


def test_a_fetch_that_broke_off_fetches_the_runs_alone(kaggle, sessions, train, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chain, "bring_runs", lambda *_, **__: _interrupt(0))
        train()
    assert train()[0].is_dir() and _pushes(kaggle) == ["CreateDataset", *["SaveKernel"] * 3]


def test_a_failed_sessions_reason_is_one_line_and_the_next_call_pushes_it_again(kaggle, sessions, train, tmp_path):
    sessions.fails = {2: "1 of 2 folds: failed (the loss became nan)"}
    kaggle.logs[KERNELS[1], 1] = '[{"stream_name": "stdout", "time": 1, "data": "epoch 1\\n"}]'
    with pytest.raises(UserError, match=r"session 2 .*version 1\): failed: 1 of 2 folds.*its log is") as error:
        train()
    assert "\n" not in str(error.value)
    assert (tmp_path / "output" / "session-2.log").read_text() == "epoch 1\n"
    train()
    assert [len(versions) for versions in kaggle.kernels.values()] == [1, 2, 1]


def test_a_session_that_kaggle_ended_tells_the_last_error_of_its_log(kaggle, sessions, train):
    kaggle.version_states[KERNELS[0], 1] = ["RUNNING", "ERROR:Notebook failed"]
    kaggle.logs[KERNELS[0], 1] = ("Traceback (most recent call last):\n\x1b[31mModuleNotFoundError\x1b[0m: No module "
                                  "named 'tyro'\n[NbConvertApp] Converting notebook\n")
    with pytest.raises(UserError, match="failed: ModuleNotFoundError: No module named 'tyro'"):
        train()


def test_without_quota_the_next_session_waits_for_another_day(kaggle, sessions, train):
    kaggle.quota_hours = (30.0, 29.5, 0.0)
    with pytest.raises(UserError, match=r"GPU quota: 0\.5 of 30 hours are left.*renewed on 2026-12-05 at 00:00 UTC"):
        train()
    kaggle.quota_hours = (30.0, 0.0, 25.0)
    train()
    assert [order["seconds"] for order, _, _ in sessions.orders] == [9 * 3600, 5 * 3600, 5 * 3600]
    assert _pushes(kaggle).count("SaveKernel") == 3


def test_output_that_was_changed_on_the_way_is_not_taken(kaggle, sessions, train, plan):
    run = sessions.run

    def spoil(kernel, version, body):
        run(kernel, version, body)
        kaggle.outputs[kernel, version]["models.pack"] += b"x"

    kaggle.on_push = spoil
    with pytest.raises(UserError, match=r"models\.pack: is missing or is not the file that the session wrote"):
        train()
    assert not (plan.models / RUN).exists()


def test_another_run_of_the_same_name_is_not_replaced(sessions, train, plan):
    (plan.models / RUN).mkdir(parents=True)
    (plan.models / RUN / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=f"{RUN}: is another run of the same name"):
        train()
    assert (plan.models / RUN / "mine.txt").read_text() == "mine"


def test_a_record_of_another_training_is_not_continued(sessions, train, plan, runs):
    train()
    runs[RUN] = runs[RUN].replace(epochs=7)
    with pytest.raises(UserError, match=r"belongs to another training at Kaggle: its runs differ; .*--title"):
        train()


def test_no_token_is_in_what_was_sent_or_written(kaggle, sessions, train, tmp_path, capfd):
    train()
    printed, token = capfd.readouterr(), "0123456789abcdef0123456789abcdef"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert token not in str(kaggle.asked) + printed.out + printed.err and token.encode() not in written
