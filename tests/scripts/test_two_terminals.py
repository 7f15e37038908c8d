"""Two folds of one run from two terminals at once, and what is said to whoever comes meanwhile; real commands."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from ..kaggle.small_run import RECIPE, write_data
from .clone import ENVIRONMENT, command


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder as a clone's root with a tiny data set."""
    folder = tmp_path_factory.mktemp("clone")
    write_data(folder / "input" / "data")
    return folder


class Command:
    """A script that runs in a session of its own; what it says goes to a file, of which `said` gives what is there."""

    def __init__(self, clone, script, *words):
        self.path = clone / f"said-{time.monotonic_ns()}"
        with self.path.open("w") as file:
            self.process = subprocess.Popen(command(script, *words), cwd=clone, stdout=file, stderr=file,
                                            env=ENVIRONMENT, start_new_session=True)

    @property
    def said(self):
        return self.path.read_text()

    def until(self, condition, seconds=300):
        """Wait until the condition holds; the command must not have ended before."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None and time.monotonic() < end, self.said
            time.sleep(0.02)

    def send(self, number):
        """To every process of the command."""
        os.killpg(self.process.pid, number)

    def ends(self, seconds=600):
        """Wait for its end, which has to be a good one; returns what it said."""
        assert self.process.wait(seconds) == 0, self.said
        return self.said


def train(clone, run, fold, epochs=6, forecast=False):
    words = {"sequences": RECIPE.data.sequences, "size": [8], "edge-mm": [12], "epochs": [epochs], "width": [4],
             "folds": [2], "holdout-fraction": [0.25], "batch-size": [4], "micro-batch-size": [4], "workers": [1]}
    words = [str(word) for name, values in words.items() for word in (f"--{name}", *values)]
    return Command(clone, "train", "--data", "input/data", "--recipe", "demo-3d", *words, "--run", run, "--fold", fold,
                   "--forecast" if forecast else "--no-forecast")


@pytest.fixture(scope="module")
def serial(clone):
    """A run whose folds were trained one after the other, predicted."""
    for fold in (0, 1):
        train(clone, "serial", fold).ends()
    Command(clone, "predict", "serial").ends()
    return clone / "models" / "serial"


@pytest.fixture
def frozen(clone, request):
    """A command that trains fold 0 of the run `name`, frozen after its first epoch; thawed and ended at the end."""
    name = request.node.name.replace("[", "-").strip("]")[-40:]
    command = train(clone, name, 0, 40 if "killed" in name else 6)
    checkpoint = clone / "models" / name / "fold-0" / "checkpoint.npz"
    command.until(checkpoint.is_file)
    command.send(signal.SIGSTOP)
    yield name, command
    for number in (signal.SIGCONT, signal.SIGKILL):
        if command.process.poll() is None:
            command.send(number)
    command.process.wait()


def weights(folder):
    found = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def records(folder):
    """What a run tells of itself, without times and measurements."""
    output = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.suffix in (".csv", ".json") and path.name != "timings.json"}
    return output | {Path("files"): sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))}


def without_hashes(output):
    """Keras writes the time into a file of weights, so that its hash is another each time."""
    return {path: b"" if path.name == "weights.json" else content for path, content in output.items()}


@pytest.mark.slow
def test_two_folds_at_once_end_as_one_after_the_other(clone, serial, frozen):
    name, first = frozen
    second = train(clone, name, 1, forecast=True)
    assert f"fold 0 of run {name} is being trained by process {first.process.pid} (train.py" in second.ends()
    again, predict = train(clone, name, 0), Command(clone, "predict", name)
    evaluate = Command(clone, "evaluate", "serial", name)
    line = f"fold 0 of run {name} is being trained by process {first.process.pid} (train.py"
    for waiting in (again, predict, evaluate):
        waiting.until(lambda waiting=waiting: line in waiting.said)
        waiting.until(lambda waiting=waiting: "waiting for it to finish" in waiting.said)
    evaluate.process.send_signal(signal.SIGINT)
    assert evaluate.process.wait(120) == 130 and "stopped: " in evaluate.said and "Traceback" not in evaluate.said
    assert again.process.poll() is None and predict.process.poll() is None
    first.send(signal.SIGCONT)
    assert f"trained: fold 0, 1 in models/{name}" in first.ends()
    assert "fold 0 is already trained" in again.ends()
    predict.ends()
    here, there = clone / "models" / name, serial
    assert without_hashes(records(here)) == without_hashes(records(there))
    for fold in ("fold-0", "fold-1"):
        one, other = weights(here / fold), weights(there / fold)
        assert one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
        assert json.loads((here / fold / "weights.json").read_text())["fold"] == fold[-1]
    assert (here / "predictions.csv").read_bytes() == (there / "predictions.csv").read_bytes()


@pytest.mark.slow
def test_all_folds_beside_one_in_training_takes_the_others_first_and_then_that_one_killed(clone, frozen):
    name, first = frozen
    every = train(clone, name, "all", 40)
    every.until(lambda: (clone / "models" / name / "fold-1" / "model.weights.h5").is_file())
    every.until(lambda: "waiting for it to finish once the others are trained" in every.said)
    first.send(signal.SIGKILL)
    every.ends()
    history = (clone / "models" / name / "fold-0" / "history.csv").read_text().splitlines()
    assert len(history) == 41 and f"trained: fold 0, 1 in models/{name}" in every.said


@pytest.mark.slow
def test_what_does_not_wait_for_training_says_that_it_goes_on(clone, serial, frozen):
    name, first = frozen
    line = f"note: fold 0 of run {name} is being trained by process {first.process.pid} (train.py"
    for script, words in (("ensemble", ("serial", name)), ("submit", (name,)),
                          ("push_kernel", (name, "--dry-run")), ("predict", (name, "--case", "input/data/test/00020"))):
        command = Command(clone, script, *words)
        assert command.process.wait(300) == 2 and line in command.said
