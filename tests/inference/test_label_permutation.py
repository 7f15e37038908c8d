"""The label-permutation test trains the run itself on permuted labels, and nothing of the run is changed by it."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.inference import label_permutation
from radiogen.inference.label_permutation import draw_run, draw_seconds, permute_labels, plane_strata, run_permutations
from radiogen.runs.predictions import complete, read_predictions, write_predictions
from radiogen.runs.records import read_facts
from radiogen.task import RSNA_MICCAI
from radiogen.training import runs, workflow

FOLDS = pd.DataFrame({"case": [f"{number:05d}" for number in range(60)],
                      "label": ([1] * 7 + [0] * 13) * 2 + [1, 0] * 10,
                      "fold": ["0"] * 20 + ["1"] * 20 + ["holdout"] * 20})


@pytest.fixture
def run(tmp_path, small_recipe):
    """A run whose two folds look trained; nothing was."""
    folder = tmp_path / "models" / "a"
    for fold in ("0", "1"):
        (folder / f"fold-{fold}").mkdir(parents=True)
        (folder / f"fold-{fold}" / runs.layout.WEIGHTS).write_bytes(b"")
    return runs.Run(folder, small_recipe, tmp_path / "data", tmp_path / "cache", FOLDS)


@pytest.fixture
def trained(monkeypatch):
    """The draws that were trained, by folder; each says of every case what its label is, but for the first five."""
    names = []

    def finish(permuted, at_once):
        names.append(permuted.folder.name)
        judged = permuted.folds[permuted.folds["fold"] != "holdout"].copy()
        judged["probability"] = judged["label"].astype(float)
        judged.iloc[:5, -1] = 0.5
        write_predictions(permuted.folder / "predictions.csv", complete(judged))

    monkeypatch.setattr(label_permutation, "_finish_draw", finish)
    return names


def test_labels_are_exchanged_within_folds_and_the_holdout_keeps_its_own():
    drawn = permute_labels(FOLDS, 1)
    assert drawn.groupby("fold")["label"].sum().equals(FOLDS.groupby("fold")["label"].sum())
    changed = (drawn["label"] != FOLDS["label"]).groupby(FOLDS["fold"]).any()
    assert changed.to_dict() == {"0": True, "1": True, "holdout": False}


def test_within_planes_each_plane_of_each_fold_keeps_its_share():
    planes = np.array(["axial", "coronal"] * 30)
    drawn = permute_labels(FOLDS, 1, planes)
    groups = [FOLDS["fold"], planes]
    assert drawn.groupby(groups)["label"].sum().equals(FOLDS.groupby(groups)["label"].sum())
    assert (drawn["label"] != FOLDS["label"]).any()


def test_every_order_of_labels_is_as_likely_as_any_other():
    """Four cases, two of them methylated: six orders, each about a sixth of 1,200 draws."""
    folds = FOLDS.iloc[:4].assign(label=[1, 1, 0, 0])
    orders = pd.Series([tuple(permute_labels(folds, seed)["label"]) for seed in range(1200)]).value_counts()
    assert len(orders) == 6
    assert orders.min() > 140 and orders.max() < 265  # 200 with a deviation of 13


def test_a_draw_is_the_run_in_all_but_labels_seed_and_folder(run):
    first, second = draw_run(run, 0), draw_run(run, 1)
    assert first.recipe.replace(seed=run.recipe.seed) == run.recipe
    assert len({first.recipe.seed, second.recipe.seed, run.recipe.seed}) == 3
    assert first.folds[["case", "fold"]].equals(run.folds[["case", "fold"]])
    assert first.cache == run.cache and first.folder.parent == run.folder / "permutations"
    assert draw_run(run, 0).folds.equals(first.folds)


def test_a_run_that_is_not_trained_whole_has_no_permutation_test(run):
    bare = dataclasses.replace(run, folder=run.folder.parent / "bare")
    command = rf"python scripts/train\.py --run bare --models {re.escape(str(bare.folder.parent))} --fold all"
    with pytest.raises(UserError, match=f"fold 0, 1 is not trained; {command}"):
        run_permutations(bare, 1)


def test_no_draw_at_all_is_reported(run):
    with pytest.raises(UserError, match="--permutations 0: is no number of draws"):
        run_permutations(run, 0)


def test_finished_draws_are_kept_and_only_missing_ones_are_trained(run, trained):
    first = pd.read_csv(run_permutations(run, 1))
    table = pd.read_csv(run_permutations(run, 3))
    assert trained == ["folds-000", "folds-001", "folds-002"]
    assert list(table.columns) == ["draw", "within", "auc"] and list(table["draw"]) == [0, 1, 2]
    assert table.iloc[:1].equals(first) and table["auc"].between(0.8, 1).all()


def test_draws_within_planes_stand_beside_the_others(run, trained):
    _geometry(run.folder, FOLDS["case"], ["axial", "coronal"] * 30)
    run_permutations(run, 1)
    table = pd.read_csv(run_permutations(run, 2, within_planes=True))
    assert table[["draw", "within"]].to_numpy().tolist() == [[0, "folds"], [0, "planes"], [1, "planes"]]


def test_a_draw_of_other_labels_is_not_taken_for_this_runs(run, trained):
    run_permutations(run, 1)
    other = dataclasses.replace(run, folds=FOLDS.assign(label=1 - FOLDS["label"]))
    with pytest.raises(UserError, match="was drawn for other labels or folds; delete this folder"):
        run_permutations(other, 1)


def test_a_draw_trains_with_the_geometry_that_balanced_planes_are_drawn_by(run, trained):
    (run.folder / "geometry.csv").write_text("BraTS21ID,split,sequence,plane\n00000,train,FLAIR,axial\n")
    run_permutations(run, 1)
    kept = run.folder / "permutations" / "folds-000" / "geometry.csv"
    assert kept.read_bytes() == (run.folder / "geometry.csv").read_bytes()


@pytest.mark.slow
def test_a_draw_trains_every_fold_anew_and_leaves_the_run_as_it_was(small_data, small_recipe, tmp_path):
    recipe = small_recipe.replace(epochs=1)
    whole = workflow.begin_run(small_data, recipe, tmp_path / "models" / "a", tmp_path / "cache", workers=1)
    workflow.train(whole, ["0", "1"])
    before = {path: path.read_bytes() for path in whole.folder.rglob("*") if path.is_file()}
    area = pd.read_csv(run_permutations(whole, 1))["auc"].item()
    assert 0 <= area <= 1 and draw_seconds(whole) > 0
    kept = read_predictions(whole.folder / "permutations" / "folds-000" / "predictions.csv")
    judged = whole.folds[whole.folds["fold"] != "holdout"]
    assert "float32 on a CPU" in read_facts(whole.folder / "permutations" / "folds-000")["predicted_by"]
    assert set(kept["case"]) == set(judged["case"])
    assert (kept.set_index("case")["label"] != judged.set_index("case")["label"]).any()
    assert not list((whole.folder / "permutations").rglob(runs.layout.WEIGHTS))
    assert {path: path.read_bytes() for path in before} == before


def test_the_cost_of_a_draw_is_that_of_all_epochs_of_all_folds(run, tmp_path):
    bare = dataclasses.replace(run, folder=tmp_path)
    assert np.isnan(draw_seconds(bare))
    for fold, seconds in (("0", [1.0, 2.0]), ("1", [2.0, 4.0])):
        (tmp_path / f"fold-{fold}").mkdir()
        (tmp_path / f"fold-{fold}" / "timings.json").write_text(json.dumps({"seconds_an_epoch": seconds}))
    assert draw_seconds(bare) == 9.0
    (tmp_path / "fold-0" / "timings.json").unlink()
    assert draw_seconds(bare) == 12.0


def _geometry(folder, cases, planes):
    table = pd.DataFrame({"case": cases, "split": "train", "sequence": "FLAIR", "plane": planes})
    sizes = dict.fromkeys(("slices", "rows", "columns", "slice_spacing_mm", "row_mm", "column_mm"), 1)
    RSNA_MICCAI.to_file(table.assign(**sizes)).to_csv(folder / "geometry.csv", index=False)


def test_planes_come_from_the_runs_own_geometry(run, tmp_path):
    own = dataclasses.replace(run, folder=tmp_path, folds=FOLDS)
    _geometry(tmp_path, FOLDS["case"], ["axial", "coronal"] * 30)
    assert list(plane_strata(own)[:2]) == ["axial", "coronal"]


def test_planes_that_leave_no_label_to_exchange_are_reported(run, tmp_path):
    own = dataclasses.replace(run, folder=tmp_path, folds=FOLDS)
    _geometry(tmp_path, FOLDS["case"], FOLDS["label"].map({1: "axial", 0: "coronal"}))
    with pytest.raises(UserError, match="different labels; leave out --within-planes"):
        plane_strata(own)
