"""From two predicted runs to a submission by the commands that a user types."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogen.cli.runs import evaluate
from radiogen.runs.predictions import complete, read_predictions, write_predictions

from ..warm_commands import run_python

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def house(tmp_path):
    """A folder as a clone's root: a data set's sample and two runs of 40 labelled and 6 test cases."""
    random = np.random.default_rng(0)
    test = [f"{number:05d}" for number in range(900, 906)]
    data = tmp_path / "input" / "phantom"
    data.mkdir(parents=True)
    pd.DataFrame({"BraTS21ID": test[::-1], "MGMT_value": 0.5}).to_csv(data / "sample_submission.csv", index=False)
    labels = np.append(random.integers(0, 2, 40), np.zeros(6, dtype=int))
    for name in ("flat", "solid"):
        table = complete(pd.DataFrame({
            "case": [f"{number:05d}" for number in range(40)] + test,
            "fold": ["0", "1", "2", "3", "4", "holdout", "0", "1"] * 5 + ["test"] * 6,
            "label": pd.array([*labels[:40], *[None] * 6], dtype="Int64"),
            "probability": np.clip(random.normal(0.3 + 0.4 * labels, 0.15), 0, 1)}))
        write_predictions(tmp_path / "models" / name / "predictions.csv", table)
        (tmp_path / "models" / name / "run.json").write_text(json.dumps({"recipe": name, "data": "input/phantom"}))
    return tmp_path


def _call(house, command: str) -> subprocess.CompletedProcess:
    script, *arguments = command.split()
    return run_python(ROOT / "scripts" / script, *arguments, cwd=house,
                      env={**os.environ, "PYTHONPATH": str(ROOT / "src")})


def test_each_command_names_the_next_until_the_submission_is_written(house):
    answer = _call(house, "ensemble.py --run flat solid")
    seen = []
    while (line := answer.stdout.splitlines()[-1]).startswith("next: python scripts/"):
        seen.append(line.removeprefix("next: python scripts/"))
        answer = _call(house, seen[-1])
        assert answer.returncode == 0, answer.stderr
    assert seen == ["evaluate.py --run flat solid phantom-ensemble", "submit.py --run phantom-ensemble"]
    assert "submissions/phantom-ensemble.csv (6 cases" in answer.stdout
    assert (house / "submissions" / "phantom-ensemble.csv").is_file()
    assert (house / "models" / "phantom-ensemble" / "comparison.csv").is_file()


def test_a_run_whose_data_set_has_no_sample_submission_is_not_to_be_submitted(house, capsys, monkeypatch):
    monkeypatch.chdir(house)
    (house / "input" / "phantom" / "sample_submission.csv").unlink()
    evaluate.main(run=("flat",))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "next, with another hospital's data set: python scripts/validate.py --run flat --data FOLDER"


def test_runs_may_be_named_without_the_option_and_the_method_chosen(house):
    answer = _call(house, "ensemble.py flat solid --name both --method rank-mean")
    assert answer.returncode == 0, answer.stderr
    table = read_predictions(house / "models" / "both" / "predictions.csv")
    assert len(table) == 46 and json.loads((house / "models/both/run.json").read_text())["method"] == "rank-mean"


@pytest.mark.parametrize(("command", "said"), [
    ("evaluate.py --run flat nix", "models/nix: there is no such run; name one of flat"),
    ("submit.py nix", "models/nix: there is no such run; name one of flat"),
])
def test_a_run_that_is_not_there_is_one_line_and_exit_code_2(house, command, said):
    answer = _call(house, command)
    assert answer.returncode == 2
    assert said in answer.stderr and answer.stderr.count("\n") == 1 and answer.stderr.startswith("error: ")
    assert not (house / "submissions").exists() and not (house / "models" / "flat" / "roc.png").exists()


def test_help_imports_neither_pandas_nor_matplotlib_nor_tensorflow():
    for script in ("ensemble.py", "evaluate.py", "submit.py"):
        answer = subprocess.run(
            [sys.executable, "-X", "importtime", str(ROOT / "scripts" / script), "--help"], text=True,
            capture_output=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in answer.stderr.splitlines()}
        assert answer.returncode == 0 and "--run" in answer.stdout
        assert not imported & {"pandas", "numpy", "matplotlib", "tensorflow", "keras"}, script
