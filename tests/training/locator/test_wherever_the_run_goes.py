"""A run that crops to predicted masks predicts the same case alike everywhere; and a locator is no such run."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.inference.one_case import answer_text, predict_case
from radiogen.inference.pages.report_images import shown_case
from radiogen.inference.prediction import predict_run
from radiogen.kaggle.kernels import bundle as kaggle_bundle
from radiogen.kaggle.kernels.bundle import _copy_run
from radiogen.kaggle.kernels.session import MANIFEST, predict_session, unpack_runs
from radiogen.kaggle.training import session, session_steps
from radiogen.kaggle.training.packs import unpack
from radiogen.kaggle.training.plan import TrainingPlan, planned_runs
from radiogen.kaggle.training.push_session import write_training_bundle
from radiogen.kaggle.training.session import CACHE, Order, run_session
from radiogen.networks.backend import keras
from radiogen.runs.explained import Explained
from radiogen.runs.fold_weights import check_weights, write_weights
from radiogen.runs.located.crop_masks import read_crop_masks, write_crop_masks
from radiogen.task import ID, RSNA_MICCAI
from radiogen.training.locator.networks import locators_of, open_locator
from radiogen.training.locator.training import judge_locator
from radiogen.training.model import make_network
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.recipe.recipes import DEMO_3D_TUMOUR
from radiogen.training.runs import fold_folder, open_run
from radiogen.training.workflow import begin_run, train

RECIPE = DEMO_3D_TUMOUR.replace(sequences=("FLAIR", "T1wCE"), size=8, width=4, folds=2, mask="locator:loc",
                                holdout_fraction=0.0, tta=False)


@pytest.fixture
def predicted(home, masked, bright):
    """A run with networks of chance on the cropped cases, and its predictions by case."""
    run = begin_run(masked, RECIPE, home / "models" / "user", home / "cache", workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        write_weights(fold_folder(run, fold), make_network(run.recipe.network, run.recipe.data).save_weights)
    table = pd.read_csv(predict_run(run), dtype={"BraTS21ID": str})
    bright.clear()
    return run, table.set_index("BraTS21ID")["probability"]


def test_a_run_keeps_how_many_of_its_cases_have_a_mask_and_how_good_they_are(predicted, masked, home, bright, tmp_path):
    run, _ = predicted
    kept, table = read_crop_masks(run.folder), pd.read_csv(run.folder / "located.csv", dtype={"BraTS21ID": str})
    assert kept.locator == run.recipe.data.mask.removeprefix("locator:") and kept.own is None
    assert set(table["BraTS21ID"]) == set(run.folds[ID]) and len(table) == kept.figures.cases == 8
    assert kept.figures.predicted == kept.figures.true_masks == kept.figures.wholly_inside == 8
    assert kept.figures.dice["median"] == pytest.approx(table["dice"].median())
    bare = tmp_path / "bare"
    shutil.copytree(masked, bare)
    for mask in bare.glob("*/*/mask.nii.gz"):
        mask.unlink()
    run = begin_run(bare, RECIPE, home / "models" / "bare", tmp_path / "cache", workers=1)
    figures = read_crop_masks(run.folder).figures
    assert (figures.predicted, figures.true_masks, figures.dice, figures.least_inside) == (8, 0, None, None)


def test_what_the_locator_says_of_its_own_cases_stands_beside_a_runs_masks(
        masked, home, bright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # from where the copied locator looks for its arrays
    shutil.copytree(home / "models" / "loc", tmp_path / "models" / "loc")
    judge_locator(open_run(tmp_path / "models" / "loc"), workers=1)
    run = begin_run(masked, RECIPE, tmp_path / "models" / "user", home / "cache", workers=1)
    kept = read_crop_masks(run.folder)
    assert kept.own.cases == 8 and kept.own.dice is not None and kept.own.true_masks == 8
    write_crop_masks(run.folder, kept)
    assert read_crop_masks(run.folder) == kept


@pytest.mark.parametrize("case", ["00008", "00002"])
def test_one_patient_is_located_and_predicted_as_in_the_data_set(predicted, masked, bright, tmp_path, case):
    run, probability = predicted
    shutil.copytree(next(masked.glob(f"*/{case}")), tmp_path / case)
    (tmp_path / case / "mask.nii.gz").unlink()
    answer = predict_case(run, tmp_path / case)
    assert answer.probability == pytest.approx(probability[case], abs=1e-6)
    locator = open_run(run.folder.parent / "loc").folds.set_index("case")["fold"]
    assert [fold for fold, _ in bright] == ([locator[case]] if case in locator else ["0", "1"])


def test_of_a_patient_in_whom_nothing_is_found_the_whole_head_is_shown_and_it_is_said(
        predicted, masked, tmp_path, monkeypatch):
    from radiogen.imaging.findings import Finding, FindingCode
    from radiogen.training.locator import predicted_masks

    monkeypatch.setattr(predicted_masks, "find_tumour", lambda *_: Finding(FindingCode.LOCATOR_NOTHING))
    answer = predict_case(predicted[0], masked / "test" / "00008")
    assert "mask: not used: none was found by the locator" in answer_text(answer)


def test_the_explained_cases_are_shown_with_heat_where_the_predicted_masks_put_the_input(
        home, masked, bright, tmp_path, monkeypatch):
    from radiogen.imaging.findings import Finding, FindingCode
    from radiogen.training.locator import predicted_masks

    monkeypatch.setattr(predicted_masks, "find_tumour", lambda *_: Finding(FindingCode.LOCATOR_NOTHING))
    run = begin_run(masked, RECIPE, home / "models" / "whole-heads", tmp_path / "cache", workers=1)
    size, case = RECIPE.data.size, "00008"
    hot = np.ones((1, size, size, size), np.uint8)
    explained = Explained(
        ids=np.array([case]), folds=np.array(["0"]), labels=np.ones(1, int), probabilities=np.array([0.75]),
        called=np.ones(1, int), sequence="FLAIR", sequences=np.array(RECIPE.data.sequences), rank=3,
        geometry=RECIPE.data.geometry, images=hot, heat=hot, slices=np.arange(size)[None],
        views=np.zeros((1, 2, size, size), np.uint8))
    shown = shown_case(run, explained, 0, pd.Series({case: "test"}))
    np.testing.assert_allclose(shown.heat.affine, files.read_json(run.cache / f"{case}.json")["grid"])


def test_kaggles_session_carries_the_locator_and_predicts_as_here(predicted, masked, bright, tmp_path):
    run, probability = predicted
    assert locators_of([run.recipe]) == ["loc"]
    (tmp_path / "bundle").mkdir()
    members = {name: _copy_run(run.folder.parent / name, tmp_path / "bundle") for name in ("user", "loc")}
    files.write_json(tmp_path / "bundle" / MANIFEST, {"wheels": [], "runs": members})
    data = tmp_path / "input" / RSNA_MICCAI.name
    shutil.copytree(masked / "test", data / "test", ignore=shutil.ignore_patterns("mask*"))
    (data / "sample_submission.csv").write_text("BraTS21ID,MGMT_value\n00008,0.5\n")
    path = predict_session(tmp_path / "bundle", tmp_path / "input", tmp_path / "working", workers=1)
    assert pd.read_csv(path)["MGMT_value"].tolist() == pytest.approx([probability["00008"]], abs=1e-6)
    record = files.read_json(path.with_name("session.json"))
    assert (record["runs"], record["imputed"]) == (["user"], [])
    assert sorted(fold for fold, _ in bright) == ["0", "1"]


@pytest.fixture
def planned(home, masked):
    """A plan of a run at Kaggle that crops by the locator, and its runs."""
    options = ("--mask locator:loc --sequences FLAIR T1wCE --size 8 --width 4 --folds 2 --epochs 1 --batch-size 4 "
               "--micro-batch-size 4 --holdout-fraction 0 --no-tta")
    plan = TrainingPlan("somebody", "Radiogen train crops", ("demo-3d-tumour",), options=tuple(options.split()),
                        data=masked, models=home / "models")
    return plan, planned_runs(plan)


def _session(number, kind, planned, bundle, root):
    """The record of a session at Kaggle, whose steps run in this process; root: with `data` and earlier sessions."""
    plan, runs = planned
    inputs, place = root / f"input-{number}", root / f"session-{number}"
    shutil.copytree(root / "data", inputs / "competitions" / plan.competition)
    for before in range(1, number):
        shutil.copytree(root / f"session-{before}", inputs / "notebooks" / "somebody" / f"train-{before}")
    (root / f"home-{number}").mkdir()
    recipes = {name: as_dict(recipe) for name, recipe in runs.items()}
    order = Order(number, kind, recipes, plan.competition, time.monotonic() + 9 * 3600, bundle)
    return files.read_json(run_session(order, inputs, place, root / f"home-{number}"))


@pytest.fixture
def at_kaggle(planned, masked, bright, tmp_path, monkeypatch):
    """A call by number and kind runs a session as above, on the competition without masks, with the plan's bundle."""
    def step(words, place, end):
        session_steps.STEPS[words[0]](place, Path(words[2]))
        return session._Outcome(True)

    monkeypatch.setattr(session, "_run_step", step)
    monkeypatch.setattr(session, "visible_gpus", lambda: [])
    monkeypatch.setattr(kaggle_bundle, "missing_packages", lambda _: {})
    monkeypatch.setattr(kaggle_bundle, "_build_wheel",
                        lambda folder: files.write_bytes(folder / "radiogen-1-py3-none-any.whl", b"wheel"))
    bundle = write_training_bundle(*planned, tmp_path / "bundle", None)
    shutil.copytree(masked, tmp_path / "data", ignore=shutil.ignore_patterns("mask*"))
    bright.clear()
    return lambda number, kind: _session(number, kind, planned, bundle, tmp_path)


def test_kaggles_first_session_crops_by_the_carried_locator_as_here(at_kaggle, planned, masked, home, bright, tmp_path):
    (name, recipe), = planned[1].items()
    assert recipe.data.mask == f"locator:loc@{open_locator(RECIPE.data, home / 'models').digest}"
    record = at_kaggle(1, "arrays")
    assert record["done"] and {fold for fold, _ in bright} == {"0", "1"}, record
    there = open_run(tmp_path / "home-1" / "models" / name)
    here = begin_run(masked, recipe, home / "models" / "crops", tmp_path / "cache", workers=1)
    digests = [read_index(cache).set_index(ID)["sha256"].to_dict()
               for cache in (here.cache, tmp_path / "home-1" / CACHE / there.cache.parent.name / there.cache.name)]
    assert digests[0] == digests[1] and len(digests[0]) == 9
    assert read_crop_masks(there.folder).figures.predicted == 8


@pytest.mark.slow
def test_kaggles_sessions_train_on_crops_of_the_carried_locator_as_here(at_kaggle, planned, masked, home, tmp_path):
    (name, recipe), = planned[1].items()
    at_kaggle(1, "arrays")
    record = at_kaggle(2, "train")
    assert record["done"] and record["folds"] == {name: {"trained": ["0", "1"], "left": []}}, record
    shutil.copytree(home / "models" / "loc", tmp_path / "here" / "loc")
    run = begin_run(masked, recipe, tmp_path / "here" / name, tmp_path / "cache", workers=1)
    train(run, ["0", "1"])
    predict_run(run)
    unpack(tmp_path / "session-2" / "models.pack", tmp_path / "there")
    for fold in ("0", "1"):
        assert check_weights(tmp_path / "there" / name / f"fold-{fold}") == check_weights(fold_folder(run, fold))
    assert (tmp_path / "there" / name / "predictions.csv").read_bytes() == (run.folder / "predictions.csv").read_bytes()


def test_a_training_at_kaggle_is_not_planned_with_a_locator_that_is_not_there(planned):
    plan, _ = planned
    with pytest.raises(UserError, match="models/other"):
        planned_runs(replace(plan, options=("--mask", "locator:other")))


def test_a_locator_that_began_with_a_file_of_weights_is_the_same_one_in_kaggles_session(home, tmp_path):
    source = tmp_path / "models" / "loc"
    shutil.copytree(home / "models" / "loc", source)
    recipe = files.read_json(source / "recipe.json")
    recipe["network"]["weights"] = str(tmp_path / "other" / "fold-0" / "model.weights.h5")
    files.write_json(source / "recipe.json", recipe)
    for record in source.glob("fold-*/weights.json"):
        files.write_json(record, files.read_json(record) | {"recipe.json": files.sha256(source / "recipe.json")})
    (tmp_path / "bundle").mkdir()
    files.write_json(tmp_path / "bundle" / MANIFEST, {"runs": {"loc": _copy_run(source, tmp_path / "bundle")}})
    unpack_runs(tmp_path / "bundle", tmp_path / "there")
    here, there = (open_locator(RECIPE.data, folder) for folder in (tmp_path / "models", tmp_path / "there"))
    assert there.run.recipe.network.weights == "model.weights.h5" and here.digest == there.digest


def test_a_pretraining_learns_from_the_crops_that_trainings_see_and_they_begin_with_its_encoder(
        predicted, masked, home):
    from radiogen.pretraining.settings import PretrainingSettings
    from radiogen.pretraining.workflow import begin_pretraining, pretrain

    run, _ = predicted
    settings = PretrainingSettings(epochs=1, batch_size=4)
    made = begin_pretraining([masked], RECIPE, settings, home / "models" / "encoder", home / "cache", workers=1)
    kept = read_index(run.cache).set_index(ID)["sha256"]
    assert made.images.cases.set_index(ID)["sha256"].to_dict() == kept.to_dict()
    pretrain(made)
    begun = begin_run(masked, RECIPE.replace(weights="pretrained:encoder"), home / "models" / "begun",
                      home / "cache", workers=1)
    assert begun.cache == run.cache


def test_a_locator_predicts_no_label(home, masked):
    locator = open_run(home / "models" / "loc")
    for refused in (lambda: predict_run(locator), lambda: predict_case(locator, masked / "test" / "00008")):
        with pytest.raises(UserError, match="is a locator: .* --mask locator:loc"):
            refused()
