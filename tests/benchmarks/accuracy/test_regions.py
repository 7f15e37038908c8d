"""Masks are made wrong by as much as the benchmark says, and its trials can be trained."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import regions
from benchmarks.accuracy.studies import phantom_name, whole_name
from radiogen.core.errors import UserError
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


def _trials():
    return regions.choice_trials(1) + [trial for seed in (42, 101) for trial in regions.shown_trials(seed, {})]


def test_every_trial_is_one_that_can_be_trained_and_has_a_run_of_its_own():
    trials = _trials()
    assert all(check_recipe(trial.recipe) for trial in trials)
    assert len({whole_name(trial) for trial in trials}) == len(trials) == 13
    assert {trial.phantom.seed for trial in trials} == {1, 42, 101}


@pytest.fixture
def judged(monkeypatch):
    """What `main` trains, in order; of each trial the figures that a share of what is possible makes."""
    seen = []

    def trained(trial, *_):
        seen.append(trial)
        share = 0.95 if trial.recipe.data.region == "tumour-only" and trial.recipe.data.crop_edge_mm else 0.9
        return {"study": trial.study, "row": trial.row, "name": trial.name, "run": whole_name(trial), "effect": 2.0,
                "cases": 200, "ceiling": 0.9, "auc": 0.5 + 0.4 * share, "low": 0.8, "high": 0.95, "share": share,
                "correlation": 0.8, "correlation_low": 0.7, "correlation_high": 0.9, "known": 0.9}

    monkeypatch.setattr(regions, "_trained", trained)
    return seen


def test_the_best_on_the_phantom_for_choosing_is_shown_on_the_others_with_every_kind_of_mask(judged, tmp_path, capsys):
    record = tmp_path / "regions.csv"
    regions.main(choose_on=5, show_on=(6, 7), record=record)
    assert [trial.phantom.seed for trial in judged] == [5] * 3 + [6] * 5 + [7] * 5
    assert all(trial.recipe.data.region == "tumour-only" and trial.recipe.data.crop_edge_mm == 72
               for trial in judged[3:])
    printed = capsys.readouterr().out
    assert "Chosen on seed 5: tumour alone, 72 mm." in printed
    assert "true masks, mean of seed 6, seed 7: 95.0% of what is possible" in printed
    regions.main(choose_on=5, show_on=(6, 7), record=record)
    assert len(judged) == 13  # what is recorded is not trained again


def test_a_look_with_another_recipe_stays_beside_the_earlier_one(judged, tmp_path, monkeypatch):
    record = tmp_path / "regions.csv"
    regions.main(choose_on=5, show_on=(6,), record=record)
    before = pd.read_csv(record)
    monkeypatch.setitem(regions.TRIED, "tumour alone, 72 mm", {"region": "tumour-only", "crop_edge_mm": 80.0})
    regions.main(choose_on=5, show_on=(6,), record=record)
    after = pd.read_csv(record)
    assert after.iloc[:len(before)].equals(before) and len(after) > len(before)


def test_a_recipe_is_not_shown_on_the_phantom_on_which_it_was_chosen(tmp_path):
    with pytest.raises(UserError, match="is chosen on the phantom of this seed"):
        regions.main(choose_on=5, show_on=(6, 5), record=tmp_path / "regions.csv")


def test_nothing_is_trained_for_the_tables_alone(judged, tmp_path, capsys):
    regions.main(tables_only=True, record=tmp_path / "regions.csv")
    assert judged == [] and "nothing is recorded of seed 1" in capsys.readouterr().out


@pytest.mark.parametrize("kind", regions.WRONG)
def test_a_phantom_with_wrong_masks_has_the_same_series_and_labels(kind, tmp_path):
    trial = next(each for each in _trials() if each.masks == kind)
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
    assert len(missing) == (2 if kind in ("missing", "degraded") else 0)
    volumes = [(read_mask(true / path.relative_to(data)), read_mask(path)) for path in masks if path.is_file()]
    if kind in ("dilated", "degraded"):
        assert all(wrong.voxels.sum() > right.voxels.sum() for right, wrong in volumes)
    if kind in ("shifted", "degraded"):
        assert all(np.isclose(np.linalg.norm((wrong.affine - right.affine)[:3, 3]), 5, atol=0.01)
                   for right, wrong in volumes)
