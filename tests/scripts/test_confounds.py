"""The command that shows what needs no image: from two tables, or from a run's folder."""

import os
from pathlib import Path

import pandas as pd
import pytest

from radiogen.runs.predictions import write_predictions
from radiogen.runs.tables import write_folds
from radiogen.task import RSNA_MICCAI

from ..evaluation.acquisitions import made, run_from
from ..warm_commands import run_python

ROOT = Path(__file__).resolve().parents[2]


def _call(folder, *arguments):
    return run_python(ROOT / "scripts" / "confounds.py", *arguments, cwd=folder,
                      env={**os.environ, "PYTHONPATH": str(ROOT / "src")})


@pytest.mark.slow
def test_a_run_is_judged_and_tables_and_picture_are_written(tmp_path):
    folds, geometry = made(120, tied="plane")
    folder = tmp_path / "models" / "own"
    coronal = (geometry.loc[geometry["sequence"] == "FLAIR", "plane"] == "coronal").to_numpy(float)
    write_predictions(folder / "predictions.csv", run_from(folds, 2 * coronal - 1, 0.3))
    write_folds(folder, folds)
    RSNA_MICCAI.to_file(geometry).to_csv(folder / "geometry.csv", index=False)
    end = _call(tmp_path, "--run", "own", "--repeats", "1", "--permutations", "10")
    assert end.returncode == 0, end.stderr
    assert "own: better than chance, not better than the image-free baseline, explained by acquisition" in end.stdout
    assert end.stdout.splitlines()[-1] == "next: python scripts/evaluate.py own"
    table = pd.read_csv(tmp_path / "image_free" / "planes.csv")
    assert table["cases"].sum() == 240 and (tmp_path / "image_free" / "image_free.png").is_file()


def test_without_tables_the_command_says_what_to_name(tmp_path):
    end = _call(tmp_path, "--labels", "a.csv")
    assert end.returncode == 2 and end.stderr.startswith("error: --geometry: is missing; name a table")
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("")
    end = _call(tmp_path, "--geometry", "b.csv", "--labels", "a.csv")
    assert end.returncode == 2 and "b.csv" in end.stderr and "Traceback" not in end.stderr
