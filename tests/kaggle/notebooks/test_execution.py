"""The notebooks run through Jupyter on a phantom, to the end, with tables and pictures and without an error."""

import json
import os
import resource
import subprocess
import sys

import pytest

from radiogen.core import files
from radiogen.kaggle.kernels.bundle import _copy_run
from radiogen.kaggle.kernels.rehearsal_input import lay_out
from radiogen.kaggle.kernels.session import MANIFEST
from radiogen.kaggle.notebooks import run_notebook
from radiogen.kaggle.notebooks.sources import FOLDER
from radiogen.phantom.data_set import PhantomSettings, write_phantom

from ..small_run import write_data, write_predicted_run

LONGEST = 60.0
"""Seconds of processor time; waiting for other programs does not count."""

TOKEN = "0123456789abcdef0123456789abcdef"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """Twenty-four patients of four hospitals, two of whom are one person."""
    folder = tmp_path_factory.mktemp("phantom") / "input" / "phantom"
    write_phantom(folder, PhantomSettings(cases=24, test_cases=6, scale=0.1, site_confound=True), workers=1)
    lines = (folder / "patients.csv").read_text().splitlines()
    labels = [line.split(",") for line in (folder / "train_labels.csv").read_text().splitlines()]
    twice = [case for case, label in labels if label == "0"][:2]
    rows = [f"{line},{'same' if line.split(',')[0] in twice else line.split(',')[0]}" for line in lines[1:]]
    (folder / "patients.csv").write_text("\n".join([f"{lines[0]},patient", *rows]) + "\n")
    return folder


def _execute(name, folder, **environment):
    """Run a notebook in `folder`; returns it with its outputs, its output as text, and its processor time."""
    folder.mkdir(exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    end = subprocess.run([sys.executable, run_notebook.__file__, FOLDER / f"{name}.ipynb", folder / "run.ipynb"],
                         cwd=folder, capture_output=True, text=True,
                         env={**os.environ, "RADIOGEN_REHEARSAL_ROOT": str(folder / "kaggle"), **environment})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert end.returncode == 0, f"{end.stdout[-3000:]}\n{end.stderr[-1000:]}"
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    cells = files.read_json(folder / "run.ipynb")["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    data = [output["data"] for output in outputs if "data" in output]
    assert not [output for output in outputs if output.get("name") == "stderr"], "a red box in the published notebook"
    return data, "\n".join("".join(one.get("text/markdown", "")) for one in data), seconds


def _pictures(data):
    return sum("image/png" in one for one in data)


def _tables(data):
    return sum("<table" in "".join(one.get("text/html", "")) for one in data)


@pytest.fixture(scope="module")
def looked(phantom):
    """What *Look first* shows of the phantom, on a machine with a token."""
    return _execute("look-first", phantom.parents[1] / "look", RADIOGEN_DATA=str(phantom), KAGGLE_KEY=TOKEN)


def test_look_first_shows_planes_a_contact_sheet_the_patient_who_is_there_twice_and_the_hospital(looked):
    data, text, seconds = looked
    assert _pictures(data) == 5 and _tables(data) >= 6
    assert "**Patients with several labelled cases: 1**" in text and "is it hospital " in text
    assert "the best of a hundred has" in text and seconds < LONGEST


def test_no_token_and_no_path_of_this_machine_stays_in_an_executed_notebook(looked, phantom):
    text = json.dumps(files.read_json(phantom.parents[1] / "look" / "run.ipynb"))
    assert TOKEN not in text and str(phantom.parent) not in text and str(FOLDER.parent) not in text


def test_train_and_judge_ends_with_a_verdict_on_cases_that_no_network_of_theirs_saw(phantom, tmp_path):
    data, text, seconds = _execute("train-and-judge", tmp_path / "train", RADIOGEN_DATA=str(phantom))
    assert _pictures(data) >= 4 and "Verdict on the run:" in text and "95 % interval" in text
    assert seconds < LONGEST


def test_predict_and_submit_leaves_a_submission_and_shows_no_picture_where_kaggle_scores_it(tmp_path):
    data = write_data(tmp_path / "data")
    write_predicted_run(data, tmp_path / "models" / "first", tmp_path / "cache")
    (tmp_path / "bundle").mkdir()
    runs = {"first": _copy_run(tmp_path / "models" / "first", tmp_path / "bundle")}
    files.write_json(tmp_path / "bundle" / MANIFEST, {"wheels": [], "runs": runs})
    for rerun in ("", "1"):
        folder = tmp_path / f"session{rerun}"
        lay_out(tmp_path / "bundle", data, ["00020", "00021"], folder / "kaggle" / "input")
        (folder / "kaggle" / "working").mkdir()
        shown, _, seconds = _execute("predict-and-submit", folder, KAGGLE_IS_COMPETITION_RERUN=rerun)
        assert (folder / "kaggle" / "working" / "submission.csv").is_file() and seconds < LONGEST
        assert _pictures(shown) == (0 if rerun else 1)
