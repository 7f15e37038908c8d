"""The notebook really runs, session after session, and ends with the weights of a training that nothing interrupted."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from radiogen.core import files
from radiogen.kaggle.kernels.kernel import NOTEBOOK
from radiogen.kaggle.training.plan import TrainingPlan
from radiogen.kaggle.training.push_session import write_session_kernel
from radiogen.kaggle.training.record import Session
from radiogen.kaggle.training.session import RESERVE_SECONDS
from radiogen.task import RSNA_MICCAI, Competition
from radiogen.training.recipe.recipe import as_dict

from ..small_run import RECIPE, write_data

ROOT = Path(__file__).resolve().parents[3]
RECIPES = {"run": RECIPE.replace(epochs=10)}
COMPETITION = "made-up-competition"
PLAN = TrainingPlan("somebody", "Radiogen train small", ("demo-3d",),
                    task=dataclasses.replace(RSNA_MICCAI, competition=Competition(COMPETITION)))


def notebook_code(kernel: Path) -> str:
    """The code of the folder's notebook, cell after cell."""
    cells = files.read_json(kernel / NOTEBOOK)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code") + "\n"


class Sessions:
    """Sessions as Kaggle runs them: the notebook's code, read-only inputs in Kaggle's layout, outputs that stay."""

    def __init__(self, root: Path, data: Path, scratch: Path):
        self.root, self.scratch = root, scratch
        files.write_json(root / "bundle" / "radiogen-bundle.json", {
            "wheels": [], "runs": {}, "training": {"recipes": {name: as_dict(one) for name, one in RECIPES.items()}}})
        self.data = data

    def run(self, number: int, kind: str, *, stop_when=None) -> dict:
        """Run a session; stop_when: called with the folder that it works in; the limit comes once that is true."""
        kernel = write_session_kernel(PLAN, Session(number, kind, PLAN.kernel(number), 9.0, 0), [],
                                      self.root / f"kernel-{number}")
        place = self.root / f"session-{number}"
        inputs, scratch = place / "kaggle" / "input", self.scratch / str(number)  # its sockets' paths are 108 bytes
        shutil.copytree(self.data, inputs / "competitions" / COMPETITION)
        shutil.copytree(self.root / "bundle", inputs / "datasets" / "somebody" / "files")
        for before in range(1, number):
            shutil.copytree(self.root / f"session-{before}" / "kaggle" / "working",
                            inputs / "notebooks" / "somebody" / f"train-{before}")
        for folder in (place / "kaggle" / "working", scratch):
            folder.mkdir(parents=True)
        code = notebook_code(kernel)
        limit = place / "limit"
        if stop_when is not None:  # the limit is a moment that the test chooses, not one of the clock
            chosen = f"import chosen_limit; chosen_limit.wait_for({str(limit)!r})"
            code = code.replace("order = Order(", f"{chosen}\norder = Order(")
            (place / "chosen_limit.py").write_text(_LIMIT)
        files.write_text(place / "notebook.py", code)
        environment = {**os.environ, "RADIOGEN_REHEARSAL_ROOT": str(place / "kaggle"), "TMPDIR": str(scratch),
                       "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(place)]), "CUDA_VISIBLE_DEVICES": ""}
        process = subprocess.Popen([sys.executable, str(place / "notebook.py")], env=environment, cwd=place,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if stop_when is not None:
            threading.Thread(target=_watch, args=(stop_when, scratch / "radiogen", limit, process), daemon=True).start()
        printed, _ = process.communicate(timeout=900)
        assert process.returncode == 0, printed
        return files.read_json(place / "kaggle" / "working" / "radiogen-session.json") | {"printed": printed}


_LIMIT = """
import pathlib, subprocess
from radiogen.kaggle.training import session

def wait_for(path):
    wait = subprocess.Popen.wait
    def patched(self, timeout=None):
        while timeout is not None and timeout > 300:  # the step's wait for the session's limit
            if pathlib.Path(path).exists():
                raise subprocess.TimeoutExpired(self.args, timeout)
            try:
                return wait(self, 0.05)
            except subprocess.TimeoutExpired:
                pass
        return wait(self, timeout)
    session.subprocess.Popen.wait = patched
"""


def _watch(stop_when, home, limit, process):
    while process.poll() is None and not stop_when(home):
        time.sleep(0.02)
    limit.write_text("")


def _epochs(home, fold):
    path = home / "models" / "run" / f"fold-{fold}" / "history.csv"
    return len(path.read_text().splitlines()) - 1 if path.is_file() else 0


@pytest.fixture
def scratch():
    """A folder of a short name for what a session works in."""
    with tempfile.TemporaryDirectory(prefix="radiogen-") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_chain_of_sessions_ends_with_the_weights_of_an_uninterrupted_training(tmp_path, scratch):
    from radiogen.inference.workflow import predict
    from radiogen.kaggle.training.packs import unpack
    from radiogen.training import workflow

    assert RESERVE_SECONDS < 9 * 3600
    data = write_data(tmp_path / COMPETITION)
    sessions = Sessions(tmp_path / "kaggle", data, scratch)
    first = sessions.run(1, "arrays")
    assert first["done"] and set(first["packs"]) == {"models.pack", "arrays.pack"}, first
    second = sessions.run(2, "train", stop_when=lambda home: _epochs(home, 0) >= 2)
    assert not second["done"] and second["reason"] == "" and second["epochs"] >= 2, second
    assert second["folds"] == {"run": {"trained": [], "left": ["0", "1"]}}, second  # in the middle of a fold
    last = sessions.run(3, "train")
    assert last["done"] and last["folds"] == {"run": {"trained": ["0", "1"], "left": []}}, last
    unpack(tmp_path / "kaggle" / "session-3" / "kaggle" / "working" / "models.pack", tmp_path / "chained")

    run = workflow.begin_run(data, RECIPES["run"], tmp_path / "models" / "run", tmp_path / "cache", workers=1)
    workflow.train(run, ["0", "1"])
    predict(run, workers=1)
    for fold in ("0", "1"):
        chained, whole = (json.loads((folder / "run" / f"fold-{fold}" / "weights.json").read_text())
                          for folder in (tmp_path / "chained", tmp_path / "models"))
        assert chained["sha256"] == whole["sha256"]
    predictions = [(folder / "run" / "predictions.csv").read_bytes() for folder in (tmp_path / "chained",
                                                                                   tmp_path / "models")]
    assert predictions[0] == predictions[1]
