"""A token that lies on this machine is found wherever it slipped in, and never repeated."""

import json

import numpy as np
import pytest

from benchmarks.robustness import stages
from benchmarks.synthetic.wheels import write_wheel
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels.kernel import Names, _write_kernel
from radiogen.kaggle.tokens import check_no_token, known_tokens

TOKEN = "KGAT_0123456789abcdef0123456789abcdef"


def test_a_token_in_a_run_a_notebook_or_a_wheel_stops_the_push_and_is_not_shown(tmp_path):
    kernel = _write_kernel(Names("somebody", "Radiogen MGMT"), tmp_path / "kernel")
    wheel = write_wheel(tmp_path, "thing", "1.0")
    check_no_token([tmp_path], [TOKEN])
    notebook = (kernel / "kernel.ipynb").read_text()
    for plant, clean in (
            (lambda: (tmp_path / "run--recipe.json").write_text(json.dumps({"name": TOKEN})),
             lambda: (tmp_path / "run--recipe.json").unlink()),
            (lambda: (kernel / "kernel.ipynb").write_text(notebook.replace("import json", f"KEY = '{TOKEN}'")),
             lambda: (kernel / "kernel.ipynb").write_text(notebook)),
            (lambda: np.savez_compressed(tmp_path / "kept.npz", note=np.array([TOKEN.encode()])),
             lambda: (tmp_path / "kept.npz").unlink()),
            (lambda: _add(wheel, TOKEN), wheel.unlink)):
        plant()
        with pytest.raises(UserError, match="contains your Kaggle token") as error:
            check_no_token([tmp_path], [TOKEN])
        assert TOKEN not in str(error.value)
        clean()
    check_no_token([tmp_path], [TOKEN])


@pytest.mark.parametrize(("place", "text"), [
    (".kaggle/kaggle.json", json.dumps({"username": "somebody", "key": TOKEN})),
    (".kaggle/access_token", TOKEN + "\n"),
    (".kaggle/credentials.json", json.dumps({"refresh_token": TOKEN, "username": "somebody"})),
    (".config/kaggle/kaggle.json", json.dumps({"username": "somebody", "key": TOKEN})),
])
def test_the_files_that_the_client_reads_are_known_and_a_users_name_is_no_secret(tmp_path, place, text):
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(text)
    assert known_tokens({"HOME": str(tmp_path)}) == [TOKEN]


@pytest.mark.parametrize("name", ["KAGGLE_KEY", "KAGGLE_API_TOKEN"])
def test_tokens_in_the_environment_are_known(tmp_path, name):
    assert known_tokens({"HOME": str(tmp_path), name: TOKEN, "KAGGLE_USERNAME": "somebody"}) == [TOKEN]


def _add(wheel, text):
    from zipfile import ZIP_DEFLATED, ZipFile

    with ZipFile(wheel, "a", ZIP_DEFLATED) as archive:
        archive.writestr("thing/kaggle.json", text)


@pytest.mark.slow
def test_a_token_of_the_environment_is_in_no_file_that_the_whole_job_writes(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".kaggle").mkdir(parents=True)
    (home / ".kaggle" / "kaggle.json").write_text(json.dumps({"username": "someone", "key": TOKEN}))
    for name, value in (("KAGGLE_KEY", TOKEN), ("KAGGLE_API_TOKEN", TOKEN), ("HOME", str(home))):
        monkeypatch.setenv(name, value)
    made = stages.make_stages(tmp_path / "job")
    assert {"preprocess", "train", "predict", "ensemble", "evaluate", "submit"} <= set(made)
    assert len(list((tmp_path / "job" / "work").rglob("*.json"))) > 10
    check_no_token([tmp_path / "job"], [TOKEN])
    (tmp_path / "job" / "work" / "planted.csv").write_text(TOKEN)
    with pytest.raises(UserError, match=r"planted\.csv"):
        check_no_token([tmp_path / "job"], [TOKEN])
