"""Masks are made wrong by as much as the benchmark says, and its trials can be trained."""

import numpy as np
import pytest

from benchmarks.accuracy import regions
from benchmarks.accuracy.studies import phantom_name, whole_name
from radiogen.imaging.masks import read_mask
from radiogen.imaging.volume import Volume
from radiogen.phantom.data_set import PhantomSettings
from radiogen.training.recipe.checks import check_recipe

GRID = np.diag([5.0, 2.0, 1.0, 1.0])


def _mask():
    voxels = np.zeros((9, 20, 40), np.uint8)
    voxels[4, 10, 20] = 1
    return Volume(voxels, GRID)


def test_a_dilated_mask_reaches_as_far_in_every_direction():
    places = np.argwhere(regions.dilated(_mask(), 5.0).voxels) - [4, 10, 20]
    far = np.linalg.norm(places * [5.0, 2.0, 1.0], axis=1)
    assert far.max() <= 5
    assert [np.abs(places[:, axis]).max() for axis in range(3)] == [1, 2, 5]


def test_a_shifted_mask_lies_five_millimetres_away_in_a_direction_of_its_own():
    moved = [regions.shifted(_mask(), 5.0, np.random.default_rng(number)).affine[:3, 3] for number in range(20)]
    assert np.allclose(np.linalg.norm(moved, axis=1), 5)
    assert np.abs(np.mean(moved, axis=0)).max() < 2.5 and len({tuple(each) for each in np.round(moved, 6)}) == 20


def test_every_trial_is_one_that_can_be_trained_and_has_a_run_of_its_own():
    trials = regions.trials()
    assert all(check_recipe(trial.recipe) for trial in trials)
    assert len({whole_name(trial) for trial in trials}) == len(trials)
    assert {trial.phantom.seed for trial in trials} == {1, 42}


@pytest.mark.parametrize("kind", regions.WRONG)
def test_a_phantom_with_wrong_masks_has_the_same_series_and_labels(kind, tmp_path):
    trial = next(each for each in regions.trials() if each.masks == kind)
    small = PhantomSettings(cases=12, test_cases=0, scale=0.05, effect=2.0)
    trial = trial.__class__(**{**trial.__dict__, "phantom": small})
    regions.make_masks(trial, tmp_path, workers=1)
    true, data = tmp_path / "effect-2-12-scale-0.05", tmp_path / phantom_name(trial)
    assert data != true
    for path in (each for each in true.rglob("*.dcm")):
        assert path.samefile(data / path.relative_to(true))
    assert (true / "train_labels.csv").read_text() == (data / "train_labels.csv").read_text()
    masks = [data / path.relative_to(true) for path in true.rglob("mask.nii.gz")]
    missing = [path for path in masks if not path.is_file()]
    assert len(missing) == (2 if kind == "missing" else 0)
    volumes = [(read_mask(true / path.relative_to(data)), read_mask(path)) for path in masks if path.is_file()]
    if kind == "dilated":
        assert all(wrong.voxels.sum() > right.voxels.sum() for right, wrong in volumes)
    if kind == "shifted":
        assert all(np.isclose(np.linalg.norm((wrong.affine - right.affine)[:3, 3]), 5, atol=0.01)
                   for right, wrong in volumes)
