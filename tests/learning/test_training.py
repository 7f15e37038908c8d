"""A fold that was killed ends with the same weights as one that was not; nothing is begun anew in silence."""

import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogen.errors import UserError
from radiogen.learning import runs, workflow
from radiogen.learning.backend import keras
from radiogen.learning.checkpoints import load_checkpoint, save_checkpoint
from radiogen.learning.training import compile_network, train_fold

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "train.py"


@pytest.fixture(scope="module")
def run(small_data, small_recipe, tmp_path_factory):
    """A run with its tables written and nothing trained."""
    root = tmp_path_factory.mktemp("runs")
    return workflow.begin_run(small_data, small_recipe, root / "models" / "a", root / "cache", workers=1)


def _weights(run, fold="0"):
    model = compile_network(run.recipe, 8, 2)
    model.load_weights(runs.fold_folder(run, fold) / runs.WEIGHTS)
    return [keras.ops.convert_to_numpy(variable) for variable in model.weights]


def _command(run, name):
    recipe = run.recipe
    options = {"sequences": recipe.sequences, "size": [recipe.size], "edge-mm": [recipe.edge_mm], "epochs": [12],
               "width": [recipe.width], "folds": [recipe.folds], "batch-size": [4], "memory-batch": [4],
               "cache": [run.cache.parent.parent], "models": [run.folder.parent], "run": [name], "fold": [0],
               "data": [run.data], "recipe": ["demo-3d"]}
    return [sys.executable, str(SCRIPT), *(str(word) for name, words in options.items()
                                           for word in (f"--{name}", *words))]


def test_a_killed_fold_goes_on_to_the_same_weights_bit_for_bit(run):
    """kill -9 of the command while an epoch runs, then the same again; the fold's process ends by itself."""
    subprocess.run(_command(run, "whole"), check=True, capture_output=True)
    folder = run.folder.parent / "cut" / "fold-0"
    process = subprocess.Popen(_command(run, "cut"), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not (folder / "checkpoint.npz").is_file():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (folder / runs.WEIGHTS).is_file()
    done = len(pd.read_csv(folder / "history.csv")) if (folder / "history.csv").is_file() else 0
    assert done < 12
    subprocess.run(_command(run, "cut"), check=True, capture_output=True)
    whole, cut = (dataclasses.replace(run, folder=run.folder.parent / name) for name in ("whole", "cut"))
    for one, other in zip(_weights(whole), _weights(cut), strict=True):
        assert np.array_equal(one, other)
    histories = [pd.read_csv(each.folder / "fold-0" / "history.csv") for each in (whole, cut)]
    assert histories[0].equals(histories[1]) and len(histories[0]) == 12
    assert not (folder / "checkpoint.npz").exists()


def test_a_label_that_can_be_seen_is_learnt_and_predicted_for_every_case(run):
    recipe = dataclasses.replace(run.recipe, epochs=60, batch_size=8, memory_batch=8, brightness=0.0)
    seen = workflow.begin_run(run.data, recipe, run.folder.parent / "seen", run.cache.parent.parent, workers=1)
    for fold in ("0", "1"):
        train_fold(seen, fold)
    table = pd.read_csv(workflow.predict(seen, workers=1), dtype={"BraTS21ID": str})
    assert sorted(table["BraTS21ID"]) == [f"{number:05d}" for number in range(22)]
    assert table["fold"].value_counts().to_dict() == {"0": 8, "1": 8, "holdout": 4, "test": 2}
    known = table[table["fold"] != "test"]
    assert (known["predicted"] == known["MGMT_value"]).mean() >= 0.85
    assert table[table["fold"] == "test"]["MGMT_value"].isna().all()


def test_no_labelled_case_of_the_scored_fold_is_among_the_training_inputs(run, monkeypatch):
    import radiogen.learning.training as training

    made = []

    class Spy(training.Batches):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(training, "Batches", Spy)
    train_fold(dataclasses.replace(run, folder=run.folder.parent / "spied",
                                   recipe=dataclasses.replace(run.recipe, epochs=1)), "0")
    fold = run.folds.set_index("BraTS21ID")["fold"]
    parts = {batches.training: set(fold[batches.inputs["BraTS21ID"]]) for batches in made}
    assert parts == {True: {"1"}, False: {"0"}}


def test_a_checkpoint_carries_weights_moments_steps_and_random_states(tmp_path, small_recipe):
    keras.utils.set_random_seed(1)
    model = compile_network(small_recipe, 8, 2)
    images = np.random.default_rng(0).uniform(size=(4, 8, 8, 8, 2)).astype(np.float32)
    model.fit(images, np.eye(2)[[0, 1, 0, 1]], verbose=0)
    save_checkpoint(tmp_path / "checkpoint.npz", model, [{"epoch": 1, "loss": 0.5}])
    other = compile_network(small_recipe, 8, 2)
    assert load_checkpoint(tmp_path / "checkpoint.npz", other) == [{"epoch": 1, "loss": 0.5}]
    for one, two in zip([*model.variables, *model.optimizer.variables],
                        [*other.variables, *other.optimizer.variables], strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(two))


def test_a_damaged_or_foreign_checkpoint_stops_with_its_name(tmp_path, small_recipe):
    path = tmp_path / "checkpoint.npz"
    model = compile_network(small_recipe, 8, 2)
    save_checkpoint(path, model, [])
    with pytest.raises(UserError, match=r"checkpoint\.npz: belongs to another network; delete"):
        load_checkpoint(path, compile_network(dataclasses.replace(small_recipe, width=8), 8, 2))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=r"checkpoint\.npz: cannot be read"):
        load_checkpoint(path, model)


def test_a_loss_that_is_no_number_stops_the_fold_and_keeps_the_epoch_before(run):
    wild = dataclasses.replace(run, folder=run.folder.parent / "wild",
                               recipe=dataclasses.replace(run.recipe, learning_rate=1e30, schedule="constant"))
    with pytest.raises(UserError, match="the loss became nan in epoch .*lower --learning-rate"):
        train_fold(wild, "0")
    assert not (wild.folder / "fold-0" / runs.WEIGHTS).exists()


def test_a_large_batch_is_reached_by_accumulation_and_never_exceeds_the_inputs(small_recipe):
    for batch_size, steps in ((1024, 25), (16, 4), (4, None)):
        recipe = dataclasses.replace(small_recipe, batch_size=batch_size, memory_batch=4)
        assert compile_network(recipe, 100, 25).optimizer.gradient_accumulation_steps == steps
