"""The checklist: what the run knows stands there, what it cannot know is left to the author, no link leads nowhere."""

import json

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit.claim import UNKNOWN, claim_items
from radiogen.evaluation.report.assess import assess_run
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions

from ..cohorts import write_cohort

RECIPE = {"name": "demo-3d", "seed": 5,
          "data": {"rank": 3, "sequences": ["FLAIR"], "size": 24, "geometry": "isotropic", "edge_mm": 200.0,
                   "normalisation": "percentile", "array_dtype": "uint8"},
          "network": {"architecture": "resnet6", "width": 8, "pooling": "maximum", "outputs": 2, "weights": None},
          "optimisation": {"early_stopping_fraction": 0.0, "learning_rate": 0.002, "schedule": "cosine",
                           "batch_size": 16, "epochs": 24},
          "augmentation": {"flips": ["left-right"], "shift": 0.1, "gamma": 0.0},
          "split": {"holdout_fraction": 0.25, "folds": 4}}


@pytest.fixture
def run(tmp_path):
    """Forty cases in four folds with a holdout."""
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    write_predictions(tmp_path / "r" / "predictions.csv", complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(40)], "fold": np.resize(["0", "1", "2", "3", "holdout"], 40),
        "label": pd.array(labels, dtype="Int64"), "probability": random.random(40)})))
    (tmp_path / "r" / "run.json").write_text(json.dumps({"recipe": "demo-3d", "data": "input/mine"}))
    return open_predictions(tmp_path, "r")


def _write_recipe(run, part="data", **changes):
    """RECIPE as the run's, with changes in a part of it."""
    (run.folder / "recipe.json").write_text(json.dumps({**RECIPE, part: {**RECIPE[part], **changes}}))


def _items(run, explained=False):
    return {item.number: item for item in claim_items(assess_run(run), explained)}


def test_there_are_42_items_and_what_no_program_knows_is_unknown(run):
    items = _items(run)
    assert list(items) == list(range(1, 43))
    assert all(items[number].answer == UNKNOWN and not items[number].links for number in (2, 6, 42))


def test_recipe_and_split_stand_in_words(run):
    _write_recipe(run)
    items = _items(run)
    assert "resnet6 in 3D" in items[22].answer and items[24].answer == "random (He), seed 5"
    assert "32 cases in folds, 8 held out; a holdout of 25%, then 4 folds" in items[20].answer
    assert "flipped left-right, shifted by up to 10%;" in items[25].answer


def test_rotations_and_zooms_are_reported_where_the_recipe_has_them(run):
    _write_recipe(run, "augmentation", rotation_degrees=15.0, zoom=0.1)
    assert "shifted by up to 10%, rotated by up to 15 degrees, zoomed by up to 10%;" in _items(run)[25].answer


def test_what_was_done_about_planes_is_reported(run):
    _write_recipe(run, "optimisation", balance="planes")
    assert "the label says nothing of the planes" in _items(run)[25].answer


def test_without_a_recipe_the_model_is_unknown_and_nothing_is_made_up(run):
    items = _items(run)
    assert {number for number in (9, 22, 24, 25) if items[number].known} == set()


def test_only_files_that_are_there_are_linked(run):
    assert _items(run)[20].links == ()
    (run.folder / "folds.csv").write_text("BraTS21ID\n")
    assert _items(run)[20].links == (("folds.csv", "folds.csv"),)


def test_images_are_named_only_where_there_are_some(run):
    assert not _items(run)[31].known
    assert "Grad-CAM" in _items(run, explained=True)[31].answer


def test_the_item_on_external_data_is_none_until_another_cohort_was_judged(run):
    items = _items(run)
    assert items[32].answer.startswith("none") and "no external test" in items[38].answer
    write_cohort(run.folder)
    items = _items(run)
    assert items[32].answer.startswith("elsewhere: 80 cases, AUC 0.") and "look 1 of 1" in items[32].answer
    assert "external test on elsewhere alone" in items[38].answer and "no external test" not in items[38].answer
    assert items[32].links == (("#external", "another hospital"),)
