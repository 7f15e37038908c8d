"""From a row of predictions to what made it: networks of the right folds, arrays, series, a command with all fields."""

import hashlib
import json

import pandas as pd
import pytest

from radiogen.evaluation.report.provenance import commands, provenance_table, read_run_provenance
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions


@pytest.fixture
def models(tmp_path):
    """Run `a` with two folds, a holdout and a test case; `both` joins it with a run that is gone."""
    folder = tmp_path / "models" / "a"
    cache = tmp_path / "cache"
    cache.mkdir()
    table = complete(pd.DataFrame({"case": ["00000", "00001", "00002", "00003"],
                                   "fold": ["0", "1", "holdout", "test"],
                                   "label": pd.array([0, 1, 1, None], dtype="Int64"),
                                   "probability": [0.2, 0.8, 0.6, 0.5]}))
    write_predictions(folder / "predictions.csv", table)
    for fold in "01":
        (folder / f"fold-{fold}").mkdir()
        (folder / f"fold-{fold}" / "model.weights.h5").write_bytes(fold.encode())
    (folder / "recipe.json").write_text(json.dumps(
        {"name": "demo-3d", "description": "Ours.", "seed": 7,
         "data": {"sequences": ["FLAIR", "T2w"], "sequences_as_channels": True, "window": False}}))
    (folder / "run.json").write_text(json.dumps({"recipe": "demo-3d", "data": "in put/x", "cache": str(cache)}))
    (folder / "arrays.csv").write_text("BraTS21ID,sha256\n00000,aa\n00001,bb\n")
    (cache / "00000.json").write_text(json.dumps({
        "contents": {"FLAIR": "ff", "T2w": "22"},
        "geometry": [{"sequence": "FLAIR", "slices": 20}, {"sequence": "T2w", "slices": 31}]}))
    write_predictions(folder.parent / "both" / "predictions.csv", table)
    (folder.parent / "both" / "run.json").write_text(json.dumps({"members": ["a", "gone"], "method": "rank-mean"}))
    return folder.parent


def _table(models, name):
    return provenance_table(open_predictions(models, name), read_run_provenance(models / name)).set_index("case")


def test_a_case_is_led_to_the_network_that_did_not_train_on_it_and_the_holdout_to_all(models):
    networks = _table(models, "a")["networks"]
    assert networks["00000"].endswith("fold-0/model.weights.h5") and " " not in networks["00000"]
    assert networks["00001"].endswith("fold-1/model.weights.h5")
    for case in ("00002", "00003"):
        assert [place.split("/")[-2] for place in networks[case].split()] == ["fold-0", "fold-1"]


def test_networks_arrays_and_series_come_with_their_hashes(models):
    row = _table(models, "a").loc["00000"]
    assert row["networks_sha256"] == hashlib.sha256(b"0").hexdigest()
    assert row["array_sha256"] == "aa" and row["series_sha256"] == "FLAIR:ff T2w:22" and row["seed"] == 7
    assert row["series_files"] == "in put/x/train/00000/FLAIR/* in put/x/train/00000/T2w/*"
    assert _table(models, "a").loc["00003", "series_files"].startswith("in put/x/test/00003/")


def test_the_command_tells_every_field_of_the_recipe_and_quotes_a_path(models):
    output = commands(read_run_provenance(models / "a"))
    assert output[0] == ("python scripts/train.py --data 'in put/x' --recipe demo-3d --run a --fold all --seed 7 "
                       "--sequences FLAIR T2w --sequences-as-channels --no-window")
    assert output[1] == "python scripts/predict.py --run a"


def test_a_row_of_an_ensemble_has_the_members_that_are_there_and_the_command_that_joins_them(models):
    table = _table(models, "both")
    assert set(table["run"]) == {"a"} and len(table) == 4
    assert table.loc["00000", "command"].endswith("scripts/ensemble.py --run a gone --name both --method rank-mean")


def test_no_row_tells_the_folders_above_the_project_and_another_disk_is_reported_whole(models):
    facts = {"recipe": "demo-3d", "data": str(models.parent / "in put" / "x"), "cache": str(models.parent / "cache")}
    (models / "a" / "run.json").write_text(json.dumps(facts))
    table = _table(models, "a")
    assert str(models.parent) not in table.to_csv()
    assert table.loc["00000", "array"] == "cache/00000.npy"
    assert table.loc["00000", "series_sha256"] == "FLAIR:ff T2w:22"
    (models / "a" / "run.json").write_text(json.dumps({**facts, "data": "/disk/x"}))
    assert _table(models, "a").loc["00000", "series_files"].startswith("/disk/x/train/00000/FLAIR/*")


def test_commands_quote_the_names_of_runs(models):
    (models / "a").rename(models / "a b")
    (models / "both" / "run.json").write_text(json.dumps({"members": ["a b", "gone"], "method": "mean"}))
    output = commands(read_run_provenance(models / "both"))
    assert "--run 'a b' --fold all" in output[0] and output[1] == "python scripts/predict.py --run 'a b'"
    assert output[2] == "python scripts/ensemble.py --run 'a b' gone --name both --method mean"


def test_slices_are_those_that_a_2d_run_saw_or_all_that_a_cube_was_made_of(models):
    assert _table(models, "a").loc["00000", "slices"] == "FLAIR:20 T2w:31"
    (models / "a" / "predictions_slices.csv").write_text(
        "BraTS21ID,fold,sequence,slice,MGMT_value,probability\n00000,0,FLAIR,6,0,0.1\n00000,0,FLAIR,9,0,0.2\n"
        "00000,0,T2w,3,0,0.3\n")
    assert _table(models, "a").loc["00000", "slices"] == "FLAIR:6,9 T2w:3"


def test_what_is_gone_leaves_its_cell_empty(models):
    (models / "a" / "run.json").unlink()
    row = _table(models, "a").loc["00001"]
    assert row["series_sha256"] == row["array"] == row["series_files"] == row["command"] == ""
