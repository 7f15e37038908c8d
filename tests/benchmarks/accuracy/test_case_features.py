"""The features of benchmarks/accuracy/case_features.py see what they are there for, and no label of a scored case."""


import numpy as np
import pandas as pd

from benchmarks.accuracy import case_features
from radiogen.core.auc import auc
from radiogen.runs.folds import make_folds
from radiogen.runs.predictions import scored


def head(core_voxels: float, rim_voxels: float = 8.0) -> np.ndarray:
    """(3, 64, 64, 64) uint8: a grey ball as head; in T1wCE a bright ball of `rim_voxels` with a dark core."""
    grid = np.indices((64, 64, 64)) - 31.5
    far, near = (np.sqrt(((grid - np.reshape(middle, (3, 1, 1, 1))) ** 2).sum(axis=0))
                 for middle in ((0, 0, 0), (0, 0, 10)))
    cubes = np.where(far < 28, 120, 0) * np.ones((3, 1, 1, 1))
    cubes[2][near < rim_voxels] = 230
    cubes[1:, near < core_voxels] = 60
    return cubes.astype(np.uint8)


def test_a_tumour_with_a_large_core_enhances_less_within_its_hull():
    solid, hollow = (case_features.cube_features(head(core)) for core in (0, 6))
    for level in ("0.15", "0.3"):
        assert hollow[f"hull enhancement from {level}"] < 0.75 * solid[f"hull enhancement from {level}"]
        assert abs(hollow[f"hull log volume from {level}"] - solid[f"hull log volume from {level}"]) < 0.3


def test_the_grey_values_of_a_scanner_do_not_change_what_enhances():
    cubes = head(5)
    darker = np.stack([cubes[0], cubes[1], (cubes[2] * 0.7).astype(np.uint8)])
    one, other = (case_features.cube_features(each) for each in (cubes, darker))
    assert abs(one["hull enhancement from 0.3"] - other["hull enhancement from 0.3"]) < 0.05


def test_a_mark_in_a_corner_is_seen():
    marked = head(5)
    marked[:, :, :6, :6] = 255
    assert case_features.cube_features(head(5))["brightest corner"] == 0
    assert case_features.cube_features(marked)["brightest corner"] > 0.3


def test_empty_cubes_have_the_same_features_all_finite():
    empty = case_features.cube_features(np.zeros((3, 64, 64, 64), np.uint8))
    assert list(empty) == list(case_features.cube_features(head(5)))
    assert np.isfinite(list(empty.values())).all()


def _cases(signal: float):
    labels = pd.DataFrame({"case": [f"{number:05d}" for number in range(100)], "label": [0, 1] * 50})
    random = np.random.default_rng(0)
    values = random.normal(size=(100, 4))
    values[:, 0] += signal * labels["label"]
    return make_folds(labels), pd.DataFrame(values, index=labels["case"])


def test_the_labels_of_a_fold_have_no_part_in_its_own_probabilities():
    folds, features = _cases(1.0)
    first = (folds["fold"] == "0").to_numpy()
    turned = folds.assign(label=np.where(first, 1 - folds["label"], folds["label"]))
    one, other = (case_features.predict_by_features(features, each) for each in (folds, turned))
    assert one.loc[first, "probability"].equals(other.loc[first, "probability"])
    assert (one.loc[~first, "probability"] != other.loc[~first, "probability"]).any()


def test_what_tells_the_label_is_learnt_and_scored_for_every_case():
    folds, features = _cases(3.0)
    table = case_features.predict_by_features(features, folds)
    assert set(table["fold"]) == {"0", "1", "2", "3", "4", "holdout"}
    assert auc(*scored(table)) > 0.93


def test_a_hidden_variable_is_learnt_in_place_of_the_label_and_not_from_the_scored_cases():
    folds, features = _cases(3.0)
    random = np.random.default_rng(8)
    hidden = pd.Series(random.normal(size=len(folds)), index=folds["case"])
    features = features.assign(signal=hidden + 0.1 * random.normal(size=len(folds)))
    table = case_features.predict_by_features(features, folds, hidden=hidden)
    assert np.corrcoef(table["probability"], hidden)[0, 1] > 0.9
    first = (folds["fold"] == "0").to_numpy()
    other = case_features.predict_by_features(features, folds, hidden=hidden.where(~first, -hidden))
    assert table.loc[first, "probability"].equals(other.loc[first, "probability"])
    assert (table.loc[~first, "probability"] != other.loc[~first, "probability"]).any()
