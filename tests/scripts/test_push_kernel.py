"""`scripts/push_kernel.py` stops early, in one line, and leaves nothing half-made."""

import os
from pathlib import Path

import pytest

from ..kaggle.small_run import write_paper_run
from ..warm_commands import run_python

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "push_kernel.py"


def _run(folder, *arguments, **environment):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KAGGLE_")}
    return run_python(SCRIPT, *arguments, cwd=folder, env={**kept, "HOME": str(folder / "home"), **environment})


def _error(end):
    assert end.returncode == 2 and "Traceback" not in end.stderr, end.stderr
    line, = [line for line in end.stderr.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize(("names", "message"), [
    (["new"], "models/new: there is no such run; name one of first, or train it: python scripts/train.py --run new"),
    (["first", "first"], "RUN: first is named twice"),
    ([], "RUN: no run is named"),
])
def test_runs_that_cannot_be_sent_are_named_before_anything_is_built(tmp_path, names, message):
    write_paper_run(tmp_path / "models" / "first")
    assert message in _error(_run(tmp_path, *names, "--dry-run"))
    assert not (tmp_path / "submissions").exists()


def test_a_run_that_was_never_predicted_is_reported_before_anything_is_built(tmp_path):
    write_paper_run(tmp_path / "models" / "first")
    assert "make it: python scripts/predict.py --run first" in _error(_run(tmp_path, "first", "--dry-run"))
    assert not (tmp_path / "submissions").exists()


def test_a_missing_run_is_named_before_any_token_is_asked_for(tmp_path):
    assert "RUN: no run is named" in _error(_run(tmp_path, "--submit"))


def test_without_a_token_nothing_is_built(tmp_path):
    write_paper_run(tmp_path / "models" / "first")
    end = _run(tmp_path, "first")
    assert "oken" in _error(end) and not (tmp_path / "submissions").exists()


@pytest.mark.parametrize(("words", "message"), [
    (["first", "--public", "look-first"], "--public: pushes a notebook without runs, and runs are named"),
    (["--public", "predict-and-submit"], "is not a notebook that may be public; choose one of: look-first")])
def test_what_must_not_become_public_is_refused_before_a_token_is_asked_for(tmp_path, words, message):
    assert message in _error(_run(tmp_path, *words))
    assert not (tmp_path / "submissions").exists()
