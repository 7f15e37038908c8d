"""kill -9 at any moment, then the same again: bit for bit the weights of a fold that nobody disturbed."""

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.training import runs, workflow

from ..warm_commands import run_python

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "train.py"
KILLER = Path(__file__).with_name("kill_fold.py")


@pytest.fixture(scope="module")
def run(small_data, small_recipe, tmp_path_factory):
    """A run whose epoch is chosen on cases cut off, with its tables written and nothing trained."""
    root = tmp_path_factory.mktemp("kills")
    recipe = small_recipe.replace(epochs=6, micro_batch_size=2, early_stopping_fraction=0.3, early_stopping_patience=4)
    return workflow.begin_run(small_data, recipe, root / "models" / "a", root / "cache", workers=1)


def _twin(run, name):
    """The same run in another folder."""
    twin = dataclasses.replace(run, folder=run.folder.parent / name)
    runs.prepare_run(twin, read_index(run.cache))
    return twin


def _train(plans):
    """Train each run by its plan; returns how often each was killed."""
    end = run_python(KILLER, *(word for run, plan in plans for word in (run.folder, plan)))
    assert end.returncode == 0, end.stderr
    return [int(line) for line in end.stdout.split()]


def _weights(run):
    found = {}
    with h5py.File(runs.fold_folder(run, "0") / runs.layout.WEIGHTS) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def _assert_same(whole, cut):
    here, there = _weights(whole), _weights(cut)
    assert here.keys() == there.keys() and len(here) > 5
    assert all(np.array_equal(here[name], there[name]) for name in here)
    histories = [pd.read_csv(runs.fold_folder(each, "0") / "history.csv") for each in (whole, cut)]
    assert histories[0].equals(histories[1]) and {"loss", "stop_loss", "val_auc"} <= set(histories[0])
    left = {path.name for path in runs.fold_folder(cut, "0").iterdir()}
    assert left == {"history.csv", "timings.json", runs.layout.WEIGHTS, "weights.json"}


def test_a_kill_between_a_checkpoint_and_its_name_costs_an_epoch_and_changes_nothing(run):
    """The network has dropout and accumulates gradients; the epoch is chosen on cases cut from the training folds."""
    whole, cut = _twin(run, "whole"), _twin(run, "between")
    assert _train([(whole, "none"), (cut, "rename:2")]) == [0, 1]
    _assert_same(whole, cut)


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(run):
    whole, cut = (_twin(run, f"moments-{number}") for number in range(2))
    kills = _train([(whole, "none"), (cut, "seed:1")])
    assert kills[0] == 0 and kills[1] >= 2
    _assert_same(whole, cut)


def _command(run, name):
    data = run.recipe.data
    options = {"sequences": data.sequences, "size": [data.size], "edge-mm": [data.edge_mm], "epochs": [12],
               "width": [run.recipe.network.width], "folds": [2], "batch-size": [4], "micro-batch-size": [4],
               "cache": [run.cache.parent.parent], "models": [run.folder.parent], "run": [name], "fold": [0],
               "data": [run.data], "recipe": ["demo-3d"]}
    words = [str(word) for name, words in options.items() for word in (f"--{name}", *words)]
    return [sys.executable, str(SCRIPT), *words, "--no-forecast"]


@pytest.mark.slow
def test_a_killed_command_leaves_no_fold_behind_and_goes_on_to_the_same_weights(run):
    """kill -9 of the command while an epoch runs, then the same again; the fold's process ends by itself."""
    subprocess.run(_command(run, "command"), check=True, capture_output=True)
    folder = run.folder.parent / "cut" / "fold-0"
    process = subprocess.Popen(_command(run, "cut"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (folder / "checkpoint.npz").is_file():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (folder / runs.layout.WEIGHTS).is_file()
    subprocess.run(_command(run, "cut"), check=True, capture_output=True)
    whole, cut = (dataclasses.replace(run, folder=run.folder.parent / name) for name in ("command", "cut"))
    here, there = _weights(whole), _weights(cut)
    assert all(np.array_equal(here[name], there[name]) for name in here)
    assert len(pd.read_csv(folder / "history.csv")) == 12
    assert not (folder / "checkpoint.npz").exists()
