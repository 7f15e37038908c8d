"""What a command is given and is not there is named before anything is imported that takes long."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from radiogen.cli.entry import commands
from radiogen.cli.given import require
from radiogen.core.errors import UserError

LINES = {  # what is typed, and what the line begins with; DATA and RUN are there
    "confounds --run nope": "models/nope: there is no such run",
    "confounds --geometry nope.csv --labels nope.csv": "nope.csv: is missing",
    "confounds --geometry DATA/train_labels.csv --data nope": "nope: there is no such data set",
    "describe-dataset DATA --tables nope.csv": "nope.csv: is missing",
    "draw-cases --data nope": "nope: there is no such data set",
    "ensemble RUN nope": "models/nope: there is no such run",
    "evaluate nope": "models/nope: there is no such run",
    "evaluate RUN --data nope": "nope: there is no such data set",
    "evaluate --predictions nope.csv": "nope.csv: is missing",
    "evaluate --predictions DATA/train_labels.csv --labels nope.csv": "nope.csv: is missing",
    "evaluate --predictions DATA/train_labels.csv --patients nope.csv": "nope.csv: is missing",
    "export-series nope": "nope: there is no such folder or file",
    "judge-features nope.csv": "nope.csv: is missing",
    "judge-features DATA/train_labels.csv --test nope.csv": "nope.csv: is missing",
    "predict nope": "models/nope: there is no such run",
    "predict RUN --case nope": "nope: there is no such folder or file",
    "predict RUN --data nope": "nope: there is no such data set",
    "pretrain --data DATA nope": "nope: there is no such data set",
    "preprocess --data nope": "nope: there is no such data set",
    "push-kernel nope --dry-run": "models/nope: there is no such run",
    "register-masks --data nope --atlas DATA": "nope: there is no such data set",
    "register-masks --data DATA --atlas nope": "nope: there is no such data set",
    "runs nope": "models/nope: there is no such run",
    "runs --compare RUN nope": "models/nope: there is no such run",
    "runs --watch nope": "models/nope: there is no such run",
    "runs --remove nope --yes": "models/nope: there is no such run",
    "runs --mlflow mlruns nope": "models/nope: there is no such run",
    "submit nope": "models/nope: there is no such run",
    "submit RUN --data nope": "nope: there is no such data set",
    "train --data nope": "nope: there is no such data set",
    "train --recipe nope.json": "nope.json: is missing",
    "train --run new --start-from nope": "models/nope: there is no such run",
    "train-locator --data nope": "nope: there is no such data set",
    "tune --data nope": "nope: there is no such data set",
    "tune --data DATA --space nope.json": "nope.json: is missing",
    "validate nope --data DATA": "models/nope: there is no such run",
    "validate RUN --data nope": "nope: there is no such data set",
    "view nope": "nope: there is no such folder or file",
}
ELSEWHERE = {"demo", "rsna", "make-phantom", "download", "probe-kaggle-image", "train-on-kaggle", "inspect-dataset"}
"""Commands that make what they are given, or ask Kaggle for it; `inspect-dataset` takes any folder, and says so."""
SLOW = ("tensorflow", "keras", "sklearn", "matplotlib", "scipy", "pandas", "numba", "pydicom", "h5py")
PROGRAM = f"""
import json, os, sys
import tyro
from radiogen.cli import entry
from radiogen.core.errors import UserError
for words in json.load(sys.stdin):
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    sys.argv, said = ["radiogen", *words], "no error"
    try:
        entry._run_named()
    except UserError as error:
        said = str(error)
    except SystemExit:
        said = "another end"
    print(json.dumps([said, [name for name in {SLOW} if name in sys.modules]]), flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """By line what it says, and which slow packages it has imported then: each a fork of one process."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "data" / "train" / "00000").mkdir(parents=True)
    (folder / "data" / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,0\n")
    (folder / "models" / "run").mkdir(parents=True)
    words = [shlex.split(line.replace("DATA", "data").replace("RUN", "run")) for line in LINES]
    source = str(Path(__file__).resolve().parents[2] / "src")
    end = subprocess.run([sys.executable, "-c", PROGRAM], input=json.dumps(words), cwd=folder, capture_output=True,
                         text=True, env={**os.environ, "PYTHONPATH": source}, check=True)
    return dict(zip(LINES, map(json.loads, end.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("line", LINES)
def test_what_is_not_there_is_named_before_a_slow_package_is_imported(said, line):
    message, imported = said[line]
    assert message.startswith(LINES[line]) and imported == []


def test_every_command_that_is_given_something_is_tried():
    assert set(commands()) - ELSEWHERE == {line.split()[0] for line in LINES}


def test_a_run_that_is_not_there_is_told_from_those_that_are(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    require([tmp_path / "first"])
    with pytest.raises(UserError, match=r"frist: there is no such run \(did you mean first\?\); name one of first, "
                                        r"second, or train it"):
        require([tmp_path / "frist"])


def test_what_was_not_given_is_not_missed():
    require([], None, (None,), (None,))
