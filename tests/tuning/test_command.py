"""The command, from a data set to a tuned procedure that is judged and a recipe that trains; its errors in one line."""

import json

import pytest

from radiogen.runs.ledger.looks import read_looks
from radiogen.runs.overview.removal import removable_files
from radiogen.runs.overview.state import run_state
from radiogen.runs.tuned.tuning import read_tuning
from tests.warm_commands import ROOT, run_python

pytest.importorskip("optuna", reason='tuning needs Optuna: pip install "radiogen[tune]"')
SMALL = ("--recipe", "demo-3d", "--sequences", "T1wCE", "--size", "8", "--width", "4", "--epochs", "1", "--folds", "2",
         "--workers", "1")


def _tune(data, folder, *words):
    return run_python(ROOT / "scripts" / "tune.py", "--data", data, "--models", folder / "models", "--cache",
                      folder / "cache", "--run", "tuned", *words, cwd=folder)


@pytest.fixture
def space(tmp_path):
    path = tmp_path / "space.json"
    path.write_text(json.dumps({"optimisation.learning_rate": {"low": 0.001, "high": 0.01, "log": True}}),
                    encoding="utf-8")
    return path


@pytest.mark.slow
def test_two_trials_on_a_tiny_data_set_make_a_run_that_is_judged_and_a_recipe_that_can_be_named(
        tmp_path, small_data, space):
    words = (*SMALL, "--space", space, "--trials", "2", "--inner-folds", "2")
    end = _tune(small_data, tmp_path, *words, "--no-forecast")
    assert end.returncode == 0, end.stderr
    assert "optimism" in end.stdout and "tuned_recipe.json --run NAME" in end.stdout
    run = tmp_path / "models" / "tuned"
    tuning = read_tuning(run)
    assert [len(tuning.folds), tuning.trials, tuning.last.complete] == [2, 2, 2]
    assert len(read_looks(tmp_path / "models")) == 6 and not list(run.rglob("*.weights.h5"))
    assert removable_files(run)  # all are its own
    (run / "predictions.csv").rename(run / "kept.csv")
    resumed = run_state(run).step.split()[2:]
    assert "all searches are done" in run_python(ROOT / "scripts" / "tune.py", *resumed, "--cache", tmp_path / "cache",
                                                 cwd=tmp_path).stdout
    (run / "kept.csv").replace(run / "predictions.csv")
    before = (run / "predictions.csv").read_bytes()
    again = _tune(small_data, tmp_path, *words)
    assert "all searches are done" in again.stdout and (run / "predictions.csv").read_bytes() == before
    judged = run_python(ROOT / "scripts" / "evaluate.py", "tuned", "--models", tmp_path / "models", cwd=tmp_path)
    assert judged.returncode == 0 and "a tuned procedure" in " ".join(judged.stdout.split())
    assert ": tuned procedure, from recipe " in judged.stdout
    kept = json.loads((run / "assessment.json").read_text())["runs"][0]
    assert kept["tuning"]["optimism"] == pytest.approx(tuning.optimism) and kept["looks"]["sets"][0]["looks"] == 1
    assert "tuned procedure" in (run / "report.html").read_text()


def test_what_is_wrong_is_one_line_before_anything_is_made(tmp_path, small_data, space):
    for words, text in (((), "--space"), (("--space", space, "--trials", "0"), "--trials 0"),
                        (("--space", space, "--recipe", "nothing.json"), "nothing.json")):
        end = _tune(small_data, tmp_path, *SMALL, *words)
        assert end.returncode == 2 and text in end.stderr and len(end.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists() and not (tmp_path / "cache").exists()
