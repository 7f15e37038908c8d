"""`train_locator` and the commands that use its masks, as a user types them."""

from pathlib import Path

import pandas as pd
import pytest

from ...warm_commands import run_python

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def _run(folder, script, *arguments):
    return run_python(SCRIPTS / f"{script}.py", *arguments, cwd=folder)


@pytest.mark.slow
def test_a_locator_is_trained_judged_resumed_and_used(masked, tmp_path):
    words = ("--data", masked, "--run", "loc")
    tiny = ("--epochs", "1", "--size", "16", "--folds", "2", "--width", "2", "--no-forecast", "--workers", "1")
    first = _run(tmp_path, "train_locator", *words, *tiny, "--fold", "0")
    assert first.returncode == 0, first.stderr
    assert "train_locator.py --run loc --fold all" in first.stdout
    assert not (tmp_path / "models" / "loc" / "locator.json").exists()
    whole = _run(tmp_path, "train_locator", "--run", "loc", "--no-forecast", "--workers", "1")  # its own recipe
    assert whole.returncode == 0, whole.stderr
    assert "next: python scripts/train.py --data DATA --recipe demo-3d-tumour --mask locator:loc" in whole.stdout
    table = pd.read_csv(tmp_path / "models" / "loc" / "located.csv")
    assert len(table) == 8 and table["inside"].notna().all()
    assert (tmp_path / "models" / "loc" / "fold-1" / "history.png").is_file()
    used = _run(tmp_path, "preprocess", "--data", masked, "--recipe", "demo-3d-tumour", "--sequences", "T1wCE",
                "--mask", "locator:loc", "--workers", "1")
    assert used.returncode == 0, used.stderr
    assert "masks predicted" in used.stdout and "9 of 9 cases in" in used.stdout


def test_another_network_is_refused_in_one_line(masked, tmp_path):
    end = _run(tmp_path, "train_locator", "--data", masked, "--recipe", "demo-3d")
    assert end.returncode == 2 and "says nothing of where the tumour is" in end.stderr
    assert not (tmp_path / "models").exists() and not (tmp_path / "input").exists()
