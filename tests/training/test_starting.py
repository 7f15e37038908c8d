"""A run that starts from another one: the same fold's weights, on the same folds, and all else anew."""

import json
import shutil

import numpy as np
import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.inference.label_permutation import draw_run, run_permutations
from radiogen.networks.backend import keras
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.lineage import folds_fingerprint, lineage_text
from radiogen.training import fit, runs, workflow
from radiogen.training.checkpoints import epochs_done, load_checkpoint
from radiogen.training.model import load_trained, make_network
from radiogen.training.recipe.recipe import as_flat_dict

from .changed_data import change_data


@pytest.fixture(scope="module")
def place(small_data, small_recipe, small_cache, pretend_trained, tmp_path_factory):
    """A folder with the run `a`, both of its folds as if they were trained for four epochs."""
    root = tmp_path_factory.mktemp("starting")
    pretend_trained(workflow.begin_run(small_data, small_recipe, root / "models" / "a", small_cache, workers=1))
    return root


@pytest.fixture
def begin(place, small_data, small_recipe, small_cache, tmp_path):
    """Begin the run `name` from a copy of `a`; options change its recipe. Returns it."""
    models = tmp_path / "models"
    shutil.copytree(place / "models" / "a", models / "a")

    def call(name="b", source="a", data=small_data, leave_out=(), **change):
        recipe = small_recipe.replace(**{"epochs": 2, "learning_rate": 0.001, **change})
        start = models / source if source else None
        return workflow.begin_run(data, recipe, models / name, small_cache, leave_out=leave_out, workers=1,
                                  start_from=start)

    return call


class Stopped(Exception):
    """Raised where the first step would be."""


@pytest.fixture
def begin_fold(monkeypatch):
    """Begin a fold in this process and stop before its first step."""
    def call(run, fold):
        def stop(*_, **__):
            raise Stopped

        with monkeypatch.context() as patch, pytest.raises(Stopped):
            patch.setattr(keras.Model, "fit", stop)
            fit.train_fold(run, fold)

    return call


def _weights(run, fold):
    model = make_network(run.recipe.network, run.recipe.data)
    load_trained(model, run, fold)
    return model.get_weights()


def _same(one, other):
    return len(one) == len(other) > 5 and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_before_the_first_step_a_fold_has_the_weights_of_the_same_fold_and_a_new_optimiser(begin, begin_fold):
    run = begin()
    begin_fold(run, "1")
    parts = fit.fold_batches(run, "1")
    model = fit.compile_network(run.recipe, len(parts.train.inputs), parts.train.num_batches)
    owner = {"fold": "1", **as_flat_dict(run.recipe), "started_from": run.lineage[0].weights["1"]}
    path = runs.fold_folder(run, "1") / fit.CHECKPOINT
    state = load_checkpoint(path, model, owner)
    source = runs.open_run(run.folder.parent / "a")
    assert epochs_done(path) == 0 and state.history == ()
    assert _same(model.get_weights(), _weights(source, "1")) and not _same(model.get_weights(), _weights(source, "0"))
    moments = [np.asarray(each) for each in model.optimizer.variables if "learning_rate" not in each.path]
    assert len(moments) > 5 and not any(each.any() for each in moments)
    first = json.loads((runs.fold_folder(run, "1") / "first_weights.json").read_text())
    assert first["run"] == "a" and first["fold"] == "1" and first["sha256"] == run.lineage[0].weights["1"]


def test_a_fold_that_has_begun_goes_on_without_its_source_to_the_same_weights(begin, begin_fold, eager):
    whole, cut = begin("whole"), begin("cut")
    fit.train_fold(whole, "0")
    begin_fold(cut, "0")
    shutil.rmtree(cut.folder.parent / "a")
    fit.train_fold(begin("cut"), "0")
    assert _same(_weights(whole, "0"), _weights(cut, "0"))
    assert len((runs.fold_folder(cut, "0") / "history.csv").read_text().splitlines()) == 3
    with pytest.raises(UserError, match="models/a: is missing, and cut starts from it; fold 1 of cut has not started"):
        fit.train_fold(cut, "1")


def test_run_json_tells_the_source_its_weights_epochs_and_its_own_ancestors(begin, pretend_trained):
    one = begin("b")
    pretend_trained(one)
    two = begin("c", "b")
    facts = json.loads((two.folder / "run.json").read_text())["lineage"]
    assert [ancestor["run"] for ancestor in facts] == ["b", "a"]
    assert facts[0]["epochs"] == {"0": 2, "1": 2} and facts[1]["epochs"] == {"0": 4, "1": 4}
    assert facts[0]["weights"] == {
        fold: files.sha256(runs.fold_folder(one, fold) / runs.layout.WEIGHTS) for fold in "01"}
    assert {ancestor["folds"] for ancestor in facts} == {folds_fingerprint(two.folds)}
    lineage = lineage_text(runs.open_run(two.folder).lineage)
    assert lineage == "started from b (2 epochs), which started from a (4 epochs)"


def test_a_run_that_was_begun_goes_on_with_and_without_the_option_and_with_no_other(begin):
    run = begin()
    assert begin().lineage == begin(source=None).lineage == run.lineage != ()
    shutil.copytree(run.folder.parent / "a", run.folder.parent / "z")
    with pytest.raises(UserError, match="b: was started with the weights of a, not with those of z; choose another"):
        begin(source="z")
    begin("d", source=None)
    with pytest.raises(UserError, match="d: was started from scratch, not with those of a; choose another --run"):
        begin("d")


@pytest.mark.parametrize(("change", "said"), [
    ({"width": 8}, "was made with --width 4, not 8; leave out --width"),
    ({"size": 9}, "was made with --size 8, not 9"),
    ({"sequences": ("T1wCE",)}, r"was made with --sequences \['FLAIR', 'T1wCE'\], not \['T1wCE'\]"),
    ({"pooling": "average"}, "was made with --pooling maximum, not average"),
    ({"outputs": 1}, "was made with --outputs 2, not 1"),
    ({"normalisation": "min-max"}, "was made with --normalisation percentile, not min-max"),
    ({"folds": 3}, "was made with --folds 2, not 3"),
    ({"holdout_fraction": 0.4}, "was made with --holdout-fraction 0.2, not 0.4"),
    ({"weights": "imagenet"}, "was made with --weights None, not imagenet"),
    ({"seed": 7}, "has 000.. in .*, not in .*: a fold's weights have seen the cases of the other folds; take its"),
    ({"leave_out": ("00003",)}, "also has case 00003|has .* in "),
    ({"early_stopping_fraction": 0.3}, "would choose the epoch on cases that trained the networks of a"),
])
def test_other_networks_images_or_folds_are_refused_and_nothing_is_made(begin, change, said, tmp_path):
    with pytest.raises(UserError, match=said):
        begin(**change)
    assert not (tmp_path / "models" / "b").exists()


@pytest.mark.parametrize("change", [
    {"batch_size": 8}, {"micro_batch_size": 2}, {"schedule": "constant"}, {"gamma": 0.3}, {"tta": True},
    {"suspicious_auc": 0.8}, {"early_stopping_patience": 3}])
def test_what_makes_neither_images_nor_network_may_differ(begin, change):
    assert begin(**change).lineage


def test_another_seed_of_training_on_the_same_split_is_taken(begin):
    assert begin(seed=7, split_seed=42).recipe.seed == 7


@pytest.mark.parametrize("changed", ["labels", "images"])
def test_another_data_set_is_refused(begin, small_data, tmp_path, changed):
    data = shutil.copytree(small_data, tmp_path / "other")
    change_data(data, changed)
    with pytest.raises(UserError, match={"labels": "has another label for|not in",
                                         "images": "was trained on other images than those of .*other;"}[changed]):
        begin(data=data)
    assert not (tmp_path / "models" / "b" / "run.json").exists()


def test_a_copy_of_the_data_set_is_taken(begin, small_data, tmp_path):
    assert begin(data=shutil.copytree(small_data, tmp_path / "copy")).lineage


def test_exchanged_weights_are_refused(begin, tmp_path):
    one, other = (tmp_path / "models" / "a" / f"fold-{fold}" / runs.layout.WEIGHTS for fold in "01")
    one.rename(tmp_path / "kept")
    other.rename(one)
    (tmp_path / "kept").rename(other)
    with pytest.raises(UserError, match="fold-0/model.weights.h5: is not the file that training of fold 0 wrote"):
        begin()


def test_weights_without_a_record_and_folds_without_weights_are_refused(begin, tmp_path):
    folder = tmp_path / "models" / "a" / "fold-1"
    (folder / "weights.json").unlink()
    with pytest.raises(UserError, match="fold-1: has no weights.json"):
        begin()
    (folder / runs.layout.WEIGHTS).unlink()
    with pytest.raises(UserError, match="--start-from a: fold 1 is not trained; python scripts/train.py --run a"):
        begin()


def test_a_source_that_was_trained_anew_meanwhile_is_refused(begin):
    run = begin()
    source = runs.fold_folder(run, "0").parent.parent / "a" / "fold-0"
    write_weights(source, make_network(run.recipe.network, run.recipe.data).save_weights)
    with pytest.raises(UserError, match="a/fold-0: does not have the weights that b was started with"):
        fit.train_fold(run, "0")


def test_a_source_whose_own_ancestor_had_other_folds_is_refused(begin):
    run = begin()
    for fold in "01":
        write_weights(runs.fold_folder(run, fold), make_network(run.recipe.network, run.recipe.data).save_weights)
    facts = json.loads((run.folder / "run.json").read_text())
    facts["lineage"][0]["folds"] = "0" * 64
    (run.folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="--start-from b: started with weights of a, which had other folds"):
        begin("c", "b")


def test_a_run_cannot_start_from_itself_from_an_ensemble_or_from_nowhere(begin, tmp_path):
    files.write_json(tmp_path / "models" / "both" / "run.json", {"members": ["a", "b"]})
    for source, said in (("b", "--start-from b: is the run itself"), ("both", "it is an ensemble"),
                         ("none", "models/none: there is no such run")):
        with pytest.raises(UserError, match=said):
            begin(source=source)


def test_a_checkpoint_of_another_lineage_is_refused(begin, begin_fold):
    run = begin()
    begin_fold(run, "0")
    facts = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({key: facts[key] for key in facts if key != "lineage"}))
    with pytest.raises(UserError, match="belongs to another run or fold: started_from was"):
        fit.train_fold(runs.open_run(run.folder), "0")


def test_permuted_labels_start_from_nothing(begin):
    run = begin()
    for fold in "01":
        write_weights(runs.fold_folder(run, fold), make_network(run.recipe.network, run.recipe.data).save_weights)
    with pytest.raises(UserError, match="b: began with the networks of a, which were trained on the true labels"):
        run_permutations(run, 1)
    assert draw_run(run, 0).lineage == ()


def test_more_epochs_of_a_finished_run_name_the_way_forward(begin):
    with pytest.raises(UserError, match="epochs 4, not 9; choose another --run name, with --start-from a"):
        begin("a", source=None, epochs=9, learning_rate=0.002)


@pytest.mark.parametrize("lineage", [7, [7], [{"run": "a"}],
                                  [{"run": "a", "weights": {"0": 1}, "epochs": {}, "folds": ""}]])
def test_a_damaged_lineage_is_named(begin, lineage):
    run = begin()
    facts = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**facts, "lineage": lineage}))
    with pytest.raises(UserError, match="run.json: has no readable lineage"):
        runs.open_run(run.folder)
