"""`scripts/predict.py RUN --case FOLDER` answers about one patient, and tells what is wrong in one line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from benchmarks.synthetic.series_files import write_series
from radiogen.core import files

from ..kaggle.small_run import RECIPE, write_data, write_paper_run, write_predicted_run
from ..warm_commands import run_python

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "predict.py"


def _run(folder, *arguments):
    return run_python(SCRIPT, *arguments, cwd=folder)


@pytest.mark.slow
def test_a_patient_gets_a_probability_its_grounds_a_verdict_and_a_picture(tmp_path):
    data = write_data(tmp_path / "data")
    run = write_predicted_run(data, tmp_path / "models" / "first", tmp_path / "cache")
    end = _run(tmp_path, "first", "--case", data / "test" / "00021")
    assert end.returncode == 0, end.stderr
    expected = pd.read_csv(run / "predictions.csv", dtype={"BraTS21ID": str}).set_index("BraTS21ID")["probability"]
    lines = end.stdout.splitlines()
    assert lines[0].startswith(f"case 00021: probability of methylation {expected['00021']:.3f}")
    for part in ("mean of 2 networks", "based on:", "  FLAIR  8 slices", "how reliable first is:",
                 "  out-of-fold, 6 cases"):
        assert part in end.stdout
    record = files.read_json(run / "cases" / "00021.json")
    assert abs(record["probability"] - expected["00021"]) < 1e-6 and len(record["by_fold"]) == 2
    assert np.ptp(imread(run / "cases" / "00021.png")) > 0.9


def test_the_answer_on_another_patient_of_that_name_is_not_replaced(tmp_path):
    write_paper_run(tmp_path / "models" / "first")
    write_series(tmp_path / "patient" / "FLAIR", np.ones((4, 4, 4), np.uint16))
    kept = files.write_json(tmp_path / "models" / "first" / "cases" / "patient.json", {"images": "others"})
    end = _run(tmp_path, "first", "--case", "patient")
    assert end.returncode == 2 and "patient.json: is not the answer on these images" in end.stderr
    assert files.read_json(kept) == {"images": "others"}


@pytest.mark.parametrize(("arguments", "message"), [
    (["first", "--case", "patient"], "holds no T1w or T1wCE"),
    (["first", "--case", "nobody"], "there is no such folder"),
    (["second", "--case", "patient"], "there is no such run"), ([], "no run is named")])
def test_what_cannot_be_predicted_is_reported_in_one_line(tmp_path, arguments, message):
    write_paper_run(tmp_path / "models" / "first", RECIPE.replace(sequences=("T1w", "T1wCE")))
    write_series(tmp_path / "patient" / "T2w", np.ones((4, 4, 4), np.uint16))
    end = _run(tmp_path, *arguments)
    assert end.returncode == 2 and end.stdout == ""
    assert end.stderr.startswith("error: ") and end.stderr.count("\n") == 1 and message in end.stderr
