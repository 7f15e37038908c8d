"""What the folder of a run shows of it: how far it came, what was said of it, what is wrong, what comes next."""

import json
import os

import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.report.assessment_json import VERSION
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.runs import layout
from radiogen.runs.fold_locks import hold_fold
from radiogen.runs.ledger.looks import Look, append_look
from radiogen.runs.overview import judged
from radiogen.runs.overview.state import check_names, run_states
from radiogen.runs.predictions import out_of_fold, read_predictions, scores_digest

from .folders import judge, predict, write_run


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


def _only(models):
    state, = run_states(models)
    return state


def test_a_run_that_is_trained_predicted_and_judged_has_nothing_wrong_and_nothing_left_to_do(models):
    folder = write_run(models)
    predict(folder)
    judge(folder, ["a"])
    state = _only(models)
    assert (state.trained, state.fold_count, state.recipe, state.data) == (2, 2, "demo-3d", "data")
    said = state.judged
    assert (said.auc, said.low, said.high, said.outcome) == (0.61, 0.405, 0.78, "unclear")
    assert (state.problems, state.step) == ((), "")


def test_the_next_command_follows_from_what_is_there(models):
    folder = write_run(models, folds={"fold-0": 3}, trained=("fold-0",))
    assert "train.py --run a" in _only(models).step
    write_run(models, "b")
    assert "predict.py --run b" in next(state for state in run_states(models) if state.name == "b").step
    predict(models / "b")
    assert "evaluate.py --run b" in next(state for state in run_states(models) if state.name == "b").step
    assert folder.is_dir()


def test_a_search_that_is_not_finished_goes_on_with_its_own_words_and_is_never_trained(models):
    folder = write_run(models, folds={})
    facts = json.loads((folder / "run.json").read_text())
    tuning = {"trials": 9, "inner_folds": 2, "prune": False}
    (folder / "run.json").write_text(json.dumps({**facts, "tuning": tuning}))
    words = f"--recipe {folder / 'recipe.json'} --trials 9 --inner-folds 2 --no-prune --run a --models {models}"
    assert _only(models).step == f"python scripts/tune.py --data {models.parent / 'data'} {words}"
    predict(folder)
    assert _only(models).step.startswith("python scripts/evaluate.py --run a")


def test_a_fold_that_was_killed_is_interrupted_and_one_that_is_trained_now_is_not(models):
    folder = write_run(models, folds={"fold-0": 3, "fold-1": 2}, trained=("fold-0",))
    assert _only(models).problems == ("fold 1 was interrupted after epoch 2 of 3",)
    with hold_fold(folder, "1"):
        state = _only(models)
        assert (state.problems, [fold.name for fold in state.in_training]) == ((), ["1"])
        assert state.in_training[0].holder.process == os.getpid() and state.step.endswith("--watch")


def test_a_run_is_judged_by_the_newest_assessment_that_speaks_of_it_wherever_that_lies(models):
    for name in ("a", "b"):
        predict(write_run(models, name))
    judge(models / "a", ["a"], "better")
    os.utime(models / "a" / "assessment.json", (1, 1))
    judge(models / "b", ["a", "b"], "not_established", ["implausible AUC"])
    for state in run_states(models):
        assert state.judged.path == models / "b" / "assessment.json" and state.judged.outcome == "not established"
        assert state.problems == ("alarm of the leakage review: implausible AUC",)


def test_folds_that_were_trained_after_the_prediction_are_named(models):
    predict(write_run(models), folds=("0",))
    state = _only(models)
    assert state.problems == ("fold 1 was trained after the run was predicted",) and "predict.py" in state.step


def test_predictions_that_are_not_those_that_were_judged_are_noticed_whatever_the_times_of_the_files(models):
    folder = write_run(models)
    predict(folder)
    judge(folder, ["a"])
    table = out_of_fold(read_predictions(folder / "predictions.csv"))
    append_look(models, Look("2026", "a", "out-of-fold", "", "", 4, 2, "", "", "", "judged", "0.6",
                             predictions_sha256=scores_digest(table)))
    os.utime(folder / "predictions.csv", (2**31, 2**31))
    assert _only(models).problems == ()
    predict(folder, shift=0.01)
    state = _only(models)
    assert state.problems == ("it was predicted again after it was judged",) and "evaluate.py" in state.step


def test_a_file_that_is_damaged_is_a_line_and_the_run_is_listed(models):
    folder = write_run(models)
    (folder / "run.json").write_text("{")
    (folder / "assessment.json").write_text("[]")
    problems = _only(models).problems
    assert len(problems) == 2 and all("\n" not in line for line in problems)
    assert "assessment.json" in problems[0] and "run.json" in problems[1]


def test_an_assessment_of_another_version_is_not_read(models):
    judge(write_run(models), ["a"], version=VERSION + 1)
    state = _only(models)
    assert state.judged is None and "it has version" in state.problems[0]


def test_a_data_set_that_is_gone_and_a_member_that_changed_are_problems(models):
    write_run(models)
    (models.parent / "data").rmdir()
    assert _only(models).problems == (f"its data set {models.parent / 'data'} is not there",)
    (models / "both").mkdir()
    (models / "both" / "run.json").write_text(json.dumps(
        {"members": ["a", "gone"], "method": "mean", "predictions": {"a": "0"}}))
    predict(models / "a")
    both = next(state for state in run_states(models) if state.name == "both")
    assert both.recipe == "mean of 2 runs"
    assert both.problems == ("its member a was predicted again after they were joined",
                             "its member gone is not there, or not predicted")


def test_only_folders_of_runs_are_runs(models):
    write_run(models)
    (models / "notes").mkdir()
    (models / ".hidden").mkdir()
    (models / "ledger.jsonl").write_text("")
    assert layout.run_names(models) == ["a"] and layout.run_names(models / "missing") == []


def test_a_misspelt_run_suggests_the_nearest(models):
    for name in ("a", "phantom"):
        write_run(models, name)
    with pytest.raises(UserError, match=r"phantm: there is no such run \(did you mean phantom\?\); name one of a, ph"):
        check_names(models, ["phantm"], ["a", "phantom"])


def test_the_overview_reads_the_version_that_the_report_writes_and_its_words_for_a_verdict():
    assert judged.VERSION == VERSION
    assert {one.name.lower().replace("_", " ") for one in Outcome} == {"better", "unclear", "worse", "not established"}
