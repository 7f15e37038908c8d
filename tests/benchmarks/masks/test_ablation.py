"""The ablation's rows: what each may see, and what is said of the difference."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy.studies import run_name
from benchmarks.masks import ablation
from radiogen.core.auc import auc
from radiogen.imaging.volume import Volume
from radiogen.training.recipe.checks import check_recipe


def _row(name, share):
    return {"name": name, "auc": 0.5 + 0.4 * share, "low": 0.6, "high": 0.95, "share": share}


def test_predicted_and_true_masks_differ_in_the_mask_alone_and_are_runs_of_their_own():
    found = ablation.trials(200, 42)
    one, other = found[ablation.PREDICTED].recipe, found[ablation.TRUE].recipe
    assert one.replace(mask=None) == other and one.data.mask == "locator:locator"
    assert found[ablation.HEAD].recipe.data.region == "head"
    assert all(check_recipe(trial.recipe) for trial in found.values())
    assert len({run_name(trial) for trial in found.values()}) == 3
    assert len({(trial.phantom, trial.recipe.seed) for trial in found.values()}) == 1  # the same patients and folds


@pytest.mark.parametrize(("predicted", "words", "holds"), [(0.90, "2.0 points of what is possible less", True),
                                                           (0.95, "3.0 points of what is possible more", True),
                                                           (0.88, "4.0 points of what is possible less", False)])
def test_the_difference_is_of_what_is_possible(predicted, words, holds):
    rows = [_row(ablation.PREDICTED, predicted), _row(ablation.TRUE, 0.92)]
    assert words in ablation.difference_line(rows)
    assert (ablation.lost(rows) <= ablation.MOST_LOST + 1e-9) == holds


def test_the_network_of_the_mask_alone_sees_it_in_full_brightness():
    mask = Volume(np.array([[[0, 1], [1, 0]]], np.uint8), np.eye(4))
    found = ablation.silhouette(mask)
    assert found.voxels.tolist() == [[[0, 255], [255, 0]]] and found.voxels.dtype == np.uint8
    assert (found.affine == mask.affine).all()


def test_volume_and_place_are_those_of_the_tumour():
    voxels = np.zeros((10, 20, 30), np.uint8)
    voxels[2:4, 5:10, 20:30] = 1
    affine = np.array([[0, 0, 2.0, -30], [0, 2.0, 0, -20], [5.0, 0, 0, 0], [0, 0, 0, 1]])
    found = ablation.volume_and_place(Volume(voxels, affine))
    assert found["log_ml"] == pytest.approx(np.log(100 * 20 / 1000))
    assert [found[name] for name in ("left", "back", "up")] == pytest.approx([19, -6, 12.5])
    assert [found[name] for name in ("wide", "deep", "tall")] == pytest.approx([20, 10, 10])
    assert found["off_middle"] == pytest.approx(19)


def test_a_case_is_scored_by_a_model_of_the_other_folds():
    random = np.random.default_rng(0)
    labels, folds = np.arange(60) % 2, np.repeat(["0", "1", "2"], 20)
    inputs = labels[:, None] + random.normal(0, 0.3, (60, 2))
    assert auc(labels, ablation.out_of_fold_logistic(inputs, labels, folds)) > 0.9
    changed = labels.copy()
    changed[:20] = 1 - changed[:20]  # the labels of fold 0 do not reach its own scores
    same = [ablation.out_of_fold_logistic(inputs, each, folds)[:20] for each in (labels, changed)]
    assert np.array_equal(*same)


def test_the_table_and_the_picture_have_every_row(tmp_path):
    table = pd.DataFrame({"case": ["a", "b", "c", "d"] * 5, "fold": "0", "label": pd.array([0, 1] * 10, "Int64"),
                          "probability": [0.1, 0.9, 0.6, 0.4] * 5})
    rows = [ablation.judged(ablation.TRUE, table, 0.9), _row(ablation.PREDICTED, 0.5)]
    assert rows[0]["auc"] == pytest.approx(0.75) and rows[0]["share"] == pytest.approx(0.25 / 0.4)
    assert ablation.table_lines(rows, 0.9)[2].startswith("| true mask | 0.750 (")
    ablation.draw(tmp_path / "a.png", rows, 0.9)
    assert (tmp_path / "a.png").stat().st_size > 1000
