"""Runs that begin with other people's weights: checked before anything is made, recorded, held to what was recorded."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.weight_files import safetensors_of, state_of
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.networks.backend import keras
from radiogen.runs.lineage import FirstWeights, beginning_text, first_weights_of
from radiogen.runs.tables import read_seen_cases
from radiogen.training import fit, runs, workflow
from radiogen.training.model import make_network
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipes import REPORT_2D


@pytest.fixture
def weights(tmp_path):
    """A file of the small recipe's architecture: resnet6 of width 4, one channel."""
    (tmp_path / "weights").mkdir()
    return safetensors_of(tmp_path / "weights" / "net.safetensors", state_of((1, 1)))


@pytest.fixture
def begin(small_data, small_recipe, weights, tmp_path):
    """Begin the run `name` with the file of weights; options change recipe fields."""
    def call(name="a", start_from=None, **change):
        recipe = small_recipe.replace(**{"weights": str(weights), "epochs": 1, **change})
        start = tmp_path / "models" / start_from if start_from else None
        return workflow.begin_run(small_data, recipe, tmp_path / "models" / name, tmp_path / "cache", workers=1,
                                  start_from=start)

    return call


def _saw(weights, text):
    (weights.parent / "saw.csv").write_text(text)


def test_a_run_records_the_file_and_each_fold_what_was_found(begin, weights, eager):
    run = begin()
    assert run.first_weights == FirstWeights("net.safetensors", files.sha256(weights))
    assert runs.open_run(run.folder).first_weights == run.first_weights
    fit.train_fold(run, "0")
    record = json.loads((run.folder / "fold-0" / "first_weights.json").read_text())
    assert record["sha256"] == files.sha256(weights) and record["file"] == str(weights)
    assert record["message"] == "12 of 12 layers took their initial weights from net.safetensors"


def test_before_the_first_step_a_fold_has_the_files_weights(begin, weights, monkeypatch):
    class Stopped(Exception):
        pass

    taken = {}

    def stop(model, *_, **__):
        taken.update({layer.name: layer.get_weights() for layer in model.layers})
        raise Stopped

    run = begin()
    monkeypatch.setattr(keras.Model, "fit", stop)
    with pytest.raises(Stopped):
        fit.train_fold(run, "0")
    kernel = state_of((1, 1))["layer2.0.conv2.weight"]
    assert np.array_equal(taken["conv3_block1_2_conv"][0], np.moveaxis(kernel, (0, 1), (-1, -2)))
    assert taken["head"] == []


@pytest.mark.parametrize(("name", "problem"), [("absent.pth", "is missing"), ("net.txt", "has no ending"),
                                               ("other.safetensors", "is of another network"),
                                               ("broken.h5", "damaged"), ("evil.pth", "only tensors are read")])
def test_a_file_that_no_fold_could_load_is_refused_before_anything_is_made(begin, weights, name, problem, tmp_path):
    safetensors_of(weights.with_name("other.safetensors"), state_of((1, 1, 1, 1)))
    for other in ("net.txt", "broken.h5"):
        weights.with_name(other).write_bytes(weights.read_bytes())
    weights.with_name("evil.pth").write_bytes(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")
    with pytest.raises(UserError, match=problem):
        begin(weights=str(weights.with_name(name)))
    assert not (tmp_path / "models").exists() and not (tmp_path / "cache").exists()


def test_a_file_that_was_exchanged_is_refused_when_a_fold_begins(begin, weights):
    run = begin()
    state = state_of((1, 1))
    state["bn1.bias"] += 1
    safetensors_of(weights, state)
    assert begin().first_weights == run.first_weights  # what was recorded stays
    with pytest.raises(UserError, match=r"is not the file that a was begun with \(SHA-256 .*restore it"):
        fit.train_fold(run, "0")


def test_a_trained_run_needs_its_file_no_longer(begin, weights, pretend_trained):
    pretend_trained(begin())
    weights.unlink()
    run = begin()
    workflow.train(run, ["0", "1"])
    assert runs.trained_folds(run) == ["0", "1"]


@pytest.mark.parametrize("heading", ["case", "BraTS21ID"])
def test_the_table_of_seen_cases_is_copied_into_the_run(begin, weights, heading):
    _saw(weights, f"note,{heading},cohort,patient\nx,00001,,p1\ny,other-7,Elsewhere,\n")
    run = begin()
    seen = read_seen_cases(run.folder)
    assert seen.to_dict("list") == {"case": ["00001", "other-7"], "patient": ["p1", ""], "cohort": ["", "Elsewhere"]}
    assert list(pd.read_csv(run.folder / "saw.csv").columns) == ["BraTS21ID", "patient", "cohort"]
    _saw(weights, f"{heading}\n00002\n")
    assert list(read_seen_cases(begin().folder)["case"]) == ["00001", "other-7"]  # as it was when the run began


def test_a_run_without_such_a_table_has_none(begin):
    assert read_seen_cases(begin().folder) is None


@pytest.mark.parametrize(("text", "problem"), [
    ("patient\np1\n", "saw.csv: row 1: has no column BraTS21ID or case"), ("", "is empty"),
    ("case,cohort\n00001\n", "row 2: has 1 cell"),
    ("case\n00001\n7\n", "row 3: BraTS21ID is '7'; leading zeros were lost")])
def test_a_table_of_seen_cases_that_cannot_be_read_is_refused_before_anything_is_made(begin, weights, text, problem,
                                                                                      tmp_path):
    _saw(weights, text)
    with pytest.raises(UserError, match=problem):
        begin()
    assert not (tmp_path / "models").exists()


def test_short_numbers_of_another_cohort_have_lost_nothing(begin, weights):
    _saw(weights, "case,cohort\n7,Elsewhere\n")
    assert list(read_seen_cases(begin().folder)["case"]) == ["7"]


def test_a_run_that_starts_from_such_a_run_takes_its_record_over_without_the_file(begin, weights, pretend_trained):
    _saw(weights, "case\n00001\n")
    first = begin("a")
    pretend_trained(first)
    weights.unlink()
    (weights.parent / "saw.csv").unlink()
    second = begin("b", start_from="a")
    assert second.first_weights == first.first_weights
    assert list(read_seen_cases(second.folder)["case"]) == ["00001"]
    assert beginning_text(second.first_weights, second.lineage) == \
        f"started from a (1 epoch), which began with net.safetensors (SHA-256 {first.first_weights.sha256[:10]}...)"


def test_runs_that_begin_at_random_record_nothing(begin):
    run = begin(weights=None)
    assert run.first_weights is None and "first_weights" not in json.loads((run.folder / "run.json").read_text())
    assert beginning_text(None, ()) == ""


def test_imagenet_is_recorded_without_a_file():
    assert beginning_text(FirstWeights("imagenet", ""), ()) == "began with ImageNet's weights"


@pytest.mark.parametrize("record", [{}, {"file": "x"}, {"file": "x", "sha256": 3}, ["x"], "x"])
def test_a_damaged_record_is_named(tmp_path, record):
    with pytest.raises(UserError, match="has no readable record of its first weights"):
        first_weights_of({"first_weights": record}, tmp_path / "run.json")


def test_pytorchs_files_are_for_3d_networks():
    with pytest.raises(UserError, match=r"--weights x\.pth: is for 3D networks.*--rank 3"):
        check_recipe(REPORT_2D.replace(weights="x.pth"))


@pytest.mark.parametrize(("change", "layer"), [
    ({"weights": "x.pth"}, "head"), ({"weights": "x.safetensors", "normalisation": "z-score", "gamma": 0.0,
                                      "array_dtype": "float16"}, "head"),
    ({"weights": "x.h5"}, "imagenet"), ({}, "centre")])
def test_a_network_scales_its_inputs_as_the_weights_expect_them(small_recipe, change, layer):
    recipe = small_recipe.replace(**change)
    model = make_network(recipe.network, recipe.data)
    assert layer in [each.name for each in model.layers]
    if layer == "head":
        expected = 0 if recipe.data.normalisation == "z-score" else -0.36 / 0.16
        assert model.get_layer("head").offset == pytest.approx(expected)
