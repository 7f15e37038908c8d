"""`scripts/train_on_kaggle.py` shows quota and estimate first, and refuses in one line before anything is pushed."""

import os
from pathlib import Path

from benchmarks.synthetic.kaggle_commands import SOURCE, redirected_command
from radiogen.kaggle.training.plan import TrainingPlan, plan_facts, planned_runs
from radiogen.kaggle.training.record import Record, Session, Upload, write_record

from ...warm_commands import run_python

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "train_on_kaggle.py"
KERNEL = "somebody/radiogen-train-demo-3d"
LOGIN = {"KAGGLE_USERNAME": "somebody", "KAGGLE_KEY": "0123456789abcdef0123456789abcdef"}


def _run(folder, address, *arguments, login=LOGIN):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KAGGLE_")}
    return run_python(*redirected_command(SCRIPT, *arguments)[1:], cwd=folder,
                      env={**kept, **login, "HOME": str(folder / "home"), "PYTHONPATH": SOURCE,
                           "KAGGLE_CONFIG_DIR": str(folder / "home" / ".kaggle"), "KAGGLE_STAND_IN": address,
                           "NO_PROXY": "127.0.0.1,localhost"})


def test_quota_and_estimate_come_first_and_only_estimate_pushes_nothing(kaggle, tmp_path):
    plan = TrainingPlan("somebody", "Radiogen train demo-3d", ("demo-3d",))
    runs = planned_runs(plan)
    name, = runs
    result = {"done": False, "folds": {name: {"trained": ["0"], "left": ["1", "2"]}}, "seconds": {"epoch": 360.0}}
    write_record(tmp_path / "models" / "radiogen-train-demo-3d.kaggle.json", Record(
        plan_facts(plan, runs), Upload("somebody/files", 0, 1),
        (Session(1, "arrays", f"{KERNEL}-1", 9.0, 0, 1, "complete", result={**result, "done": True, "seconds": {}}),
         Session(2, "train", f"{KERNEL}-2", 9.0, 0, 1, "complete", result=result))))
    kaggle.quota_hours = (30.0, 12.0, 0.0)
    end = _run(tmp_path, kaggle.address, "--recipe", "demo-3d", "--only-estimate")
    assert end.returncode == 0, end.stderr
    epochs = runs[name].optimisation.epochs
    assert end.stdout.splitlines()[0] == "GPU quota: 18.0 of 30 hours left this week, renewed on 2026-12-05"
    assert f"estimate: 2 folds left, {2 * epochs * 360 / 2 / 3600:.1f} hours of session" in end.stdout
    assert "measured in the last session" in end.stdout and not kaggle.kernels and not kaggle.datasets


def test_an_unknown_recipe_is_named_before_a_token_is_asked_for(tmp_path):
    end = _run(tmp_path, "http://127.0.0.1:9", "--recipe", "nix", login={})
    assert end.returncode == 2 and "nix" in end.stderr and "oken" not in end.stderr


def test_without_a_token_nothing_is_written(tmp_path):
    end = _run(tmp_path, "http://127.0.0.1:9", "--recipe", "demo-3d", login={})
    assert end.returncode == 2 and end.stderr.startswith("error: Kaggle token: there is none")
    assert not (tmp_path / "models").exists() and not (tmp_path / "submissions").exists()
