"""A pretraining from data sets to a run that begins with it: what is learned from, what is kept, what arrives."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.networks.backend import keras
from radiogen.networks.pretrained.hdf5_file import read_layers
from radiogen.pretraining.workflow import pretrain
from radiogen.runs.layout import run_names
from radiogen.runs.lineage import FirstWeights
from radiogen.runs.tables import read_seen_cases
from radiogen.training import fit, workflow
from radiogen.training.model import make_network


def _weights(made):
    """All arrays of the encoder that a pretraining ended with, by their place in the file."""
    found = {}
    with h5py.File(made.folder / "encoder.weights.h5") as file:
        file.visititems(lambda name, node: found.update({name: node[...]}) if isinstance(node, h5py.Dataset) else None)
    return found


def _same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture
def trains(small_data, small_cache, small_recipe, tmp_path):
    """Begin a run with a pretraining; options change the recipe's fields."""
    def call(weights="pretrained:pre", **change):
        recipe = small_recipe.replace(weights=weights, epochs=1, **change)
        return workflow.begin_run(small_data, recipe, tmp_path / "models" / "run", small_cache, workers=1)

    return call


def test_the_record_names_every_case_labelled_or_not_with_its_data_set_and_its_array(begin, small_data):
    made = begin(leave_out=["00003"])
    seen = pd.read_csv(made.folder / "saw.csv", dtype=str, keep_default_na=False)
    assert seen["case"].tolist() == [f"{number:05d}" for number in range(22) if number != 3]
    assert set(seen["cohort"]) == {small_data.name} and set(seen["seen"]) == {"images"}
    assert seen["sha256"].str.fullmatch("[0-9a-f]{64}").all() and (seen["split"] == "test").sum() == 2
    assert set(seen["patient"]) == {""}  # nobody has said whose images they are
    facts = json.loads((made.folder / "pretraining.json").read_text())
    assert facts["cases"] == 21 and facts["data"][0]["name"] == small_data.name and len(facts["arrays"]) == 64


@pytest.mark.parametrize("objective", ["contrast", "masking"])
def test_the_loss_falls_and_the_encoder_is_kept_last(begin, eager, objective):
    made = begin(objective=objective, epochs=6, learning_rate=0.01)
    assert not (made.folder / "encoder.weights.h5").exists()
    found = pretrain(made)
    loss = pd.read_csv(made.folder / "history.csv")["loss"]
    assert len(loss) == 6 and loss.iloc[-1] < 0.9 * loss.iloc[0]
    assert not found.collapsed and not (made.folder / "checkpoint.npz").exists()
    assert json.loads((made.folder / "pretraining.json").read_text())["spread"] == found.spread


def test_before_its_first_step_a_fold_has_the_encoders_weights_but_for_the_head(begin, trains, eager, monkeypatch,
                                                                               small_recipe):
    class Stopped(Exception):
        pass

    taken = {}

    def stop(model, *_, **__):
        taken.update({layer.name: layer.get_weights() for layer in model.layers})
        raise Stopped

    made = begin(epochs=1)
    pretrain(made)
    run = trains()
    assert run.first_weights == FirstWeights("pretrained:pre", run.first_weights.sha256)
    monkeypatch.setattr(keras.Model, "fit", stop)
    with pytest.raises(Stopped):
        fit.train_fold(run, "0")
    stored = read_layers(made.folder / "encoder.weights.h5")
    keras.utils.set_random_seed(1)
    random = {layer.name: layer.get_weights() for layer in make_network(small_recipe.network, small_recipe.data).layers}
    learned = {name for name, values in taken.items() if values and name != "predictions"}
    assert set(stored) == learned and len(learned) == 12
    for name in learned:
        assert all(np.array_equal(one, other) for one, other in zip(taken[name], stored[name], strict=True))
    assert not np.array_equal(taken["conv1_conv"][0], random["conv1_conv"][0])


def test_what_the_pretraining_saw_goes_into_the_run(begin, trains, eager, tmp_path):
    pretrain(begin(epochs=1))
    run = trains()
    seen = read_seen_cases(run.folder)
    assert len(seen) == 22 and set(seen["seen"]) == {"images"} and set(seen["sha256"]) == set(
        pd.read_csv(run.folder / "arrays.csv")["sha256"])
    shutil.rmtree(tmp_path / "models" / "pre")  # the run keeps its own record
    assert trains().first_weights == run.first_weights


@pytest.mark.slow
def test_labels_are_not_read(begin, eager, small_data, tmp_path):
    """Weights are the same with the labels exchanged, and without the table of labels."""
    pairs, kept = [], small_data / "train_labels.csv"
    for way in ("exchanged", "absent"):
        copy = tmp_path / way / small_data.name
        shutil.copytree(small_data, copy)
        if way == "absent":
            (copy / kept.name).unlink()
        else:
            labels = pd.read_csv(kept, dtype={"BraTS21ID": str})
            labels.assign(MGMT_value=1 - labels["MGMT_value"]).to_csv(copy / kept.name, index=False)
        made = begin(way, data=[copy], epochs=1)
        pretrain(made)
        pairs.append(_weights(made))
    assert _same(*pairs)


@pytest.mark.slow
def test_a_pretraining_that_was_killed_ends_with_the_weights_of_one_that_was_not(begin, eager, monkeypatch):
    whole = begin("whole", epochs=3)
    pretrain(whole)
    killed = begin("killed", epochs=3)
    begun = keras.callbacks.CallbackList.on_epoch_begin

    def kill(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        begun(self, epoch, logs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keras.callbacks.CallbackList, "on_epoch_begin", kill)
        pretrain(killed)
    assert (killed.folder / "checkpoint.npz").is_file() and not (killed.folder / "encoder.weights.h5").exists()
    pretrain(begin("killed", epochs=3))
    assert _same(_weights(whole), _weights(killed))
    assert pd.read_csv(whole.folder / "history.csv").equals(pd.read_csv(killed.folder / "history.csv"))


def test_a_finished_one_is_left_as_it_is(begin, eager, caplog):
    made = begin(epochs=1)
    found = pretrain(made)
    before = (made.folder / "encoder.weights.h5").read_bytes()
    assert pretrain(begin(epochs=1)) == found
    assert (made.folder / "encoder.weights.h5").read_bytes() == before


def test_it_is_not_resumed_with_other_words_or_images(begin):
    begin()
    with pytest.raises(UserError, match="was begun with --epochs 2, not 3; give that"):
        begin(epochs=3)
    with pytest.raises(UserError, match="was begun with --cases 22, not 21"):
        begin(leave_out=["00003"])


def test_a_run_that_was_trained_is_not_overwritten(begin, trains, tmp_path):
    trains(weights=None)
    with pytest.raises(UserError, match="run: is a run that was trained; choose another --run"):
        begin("run")


def test_a_pretraining_is_not_overwritten_by_a_run_and_is_none_in_the_table_of_runs(begin, small_data, small_recipe,
                                                                                   tmp_path):
    made = begin()
    with pytest.raises(UserError, match="pre: is a pretraining; give the run another name: --run NAME"):
        workflow.begin_run(small_data, small_recipe, made.folder, tmp_path / "cache", workers=1)
    assert not (made.folder / "run.json").exists()
    assert run_names(made.folder.parent) == []


def test_two_data_sets_of_one_name_are_refused(begin, small_data, tmp_path):
    with pytest.raises(UserError, match="names two data sets small"):
        begin(data=[small_data, tmp_path / "elsewhere" / small_data.name])


def test_pretraining_begins_at_random(begin, small_recipe):
    with pytest.raises(UserError, match="--weights imagenet: is what a recipe begins with"):
        begin(recipe=small_recipe.replace(weights="imagenet"))


@pytest.mark.parametrize(("change", "problem"), [
    ({"size": 16}, "pre: was pretrained with --size 8, not 16; give --size 8, or pretrain with this recipe"),
    ({"width": 8}, "pre: was pretrained with --width 4, not 8"),
    ({"architecture": "resnet10"}, "pre: was pretrained with --architecture resnet6, not resnet10"),
    ({"sequences": ("T1wCE",)}, "pre: was pretrained with --sequences"),
    ({"weights": "pretrained:prey"}, "prey: there is no such pretraining (did you mean pre?)"),
    ({"weights": "pretrained:../x"}, "is not a valid name"), ({}, "pre: is a pretraining that is not finished")])
def test_what_cannot_begin_a_run_is_refused_in_one_line_before_it_is_made(begin, trains, change, problem, tmp_path):
    made = begin()
    if change:
        make_network(made.recipe.network, made.recipe.data).save_weights(made.folder / "encoder.weights.h5")
    with pytest.raises(UserError) as caught:
        trains(**change)
    assert problem in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "models" / "run").exists()


@pytest.mark.parametrize(("name", "value"), [("epochs", 0), ("batch_size", 1), ("learning_rate", 0.0),
                                             ("weight_decay", -1.0)])
def test_settings_that_train_nothing_are_refused(begin, name, value, tmp_path):
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')} {value}: is too small"):
        begin(**{name: value})
    assert not (tmp_path / "models").exists()
