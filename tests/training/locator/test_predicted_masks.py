"""Masks that a locator predicts: where they lie, by whom, what becomes of them in a recipe's arrays, what is kept."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from radiogen.arrays.located import located_facts, located_path, read_located
from radiogen.arrays.stored_arrays import open_array, read_index
from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.masks import read_mask
from radiogen.imaging.masks.grids import tumour_box
from radiogen.training import runs, workflow
from radiogen.training.locator import predicted_masks
from radiogen.training.locator.networks import open_locator, with_digest
from radiogen.training.locator.quality import compare_masks, judge_masks, quality_text, summarise
from radiogen.training.recipe.recipes import DEMO_3D_TUMOUR

USES = DEMO_3D_TUMOUR.replace(sequences=("FLAIR", "T1wCE"), size=8, folds=2, epochs=1, mask="locator:loc",
                              holdout_fraction=0.0)
VOXEL_MM = 200 / 64


def _predicted(home, data, **changes):
    locator = dataclasses.replace(open_locator(USES.data, home / "models"), **changes)
    mark = data_fingerprint(data)
    return predicted_masks.predict_masks(data, locator, home / "cache", mark, workers=1)


def _copied(masked, folder):
    shutil.copytree(masked, folder)
    return folder


def test_masks_lie_where_the_tumour_is_whatever_plane_the_series_are_in(home, masked, bright):
    located = _predicted(home, masked)
    for case in sorted(path.name for path in masked.glob("t*/0*")):
        true = read_mask(next(masked.glob(f"*/{case}/mask.nii.gz")))
        found = read_located(located_path(located, case)).voxels
        assert np.abs(np.array(tumour_box(found)) - tumour_box(true)).max() <= 2 * VOXEL_MM
        assert compare_masks(true, found, 10.0)["centres_mm"] <= VOXEL_MM


def test_no_case_is_predicted_by_a_network_that_was_trained_on_it(home, masked, bright, tmp_path):
    own = runs.open_run(home / "models" / "loc").folds.set_index("case")["fold"]
    other = _copied(masked, tmp_path / "theirs")  # other names of the folders, the same files
    (other / "train" / "00003").rename(other / "train" / "00055")
    labels = other / "train_labels.csv"
    labels.write_text(labels.read_text().replace("00003", "00055"))
    located = _predicted(home, other)
    assert {fold for fold, case in bright if case == "00055"} == {own["00003"]}
    assert all(fold == own[case] for fold, case in bright if case in own)
    assert sorted(fold for fold, case in bright if case == "00008") == ["0", "1"]  # a test case: all of them
    assert located_facts(located_path(located, "00008"))["folds"] == ["0", "1"]


def test_what_is_predicted_is_kept_and_what_changed_is_predicted_again(home, masked, bright, tmp_path):
    data = _copied(masked, tmp_path / "kept")
    located = _predicted(home, data)
    bright.clear()
    _predicted(home, data)
    assert not bright
    located_path(located, "00002").unlink()
    _predicted(home, data)
    assert {case for _, case in bright} == {"00002"}


def test_what_is_said_of_a_case_is_not_written_again_and_outlasts_a_run_that_leaves_the_case_out(
        home, masked, bright, tmp_path):
    data = _copied(masked, tmp_path / "said")
    shutil.rmtree(data / "test" / "00008" / "FLAIR")
    located = _predicted(home, data)
    before = {path.name: path.stat().st_mtime_ns for path in located.glob("*.json")}
    assert len(before) == 9 and located_facts(located_path(located, "00008"))["finding"] == "LOCATOR_INPUT"
    locator = open_locator(USES.data, home / "models")
    for leave_out in ((), ("00001",)):
        predicted_masks.predict_masks(data, locator, home / "cache", data_fingerprint(data), leave_out=leave_out,
                                      workers=1)
        assert {path.name: path.stat().st_mtime_ns for path in located.glob("*.json")} == before


def test_a_recipe_crops_to_the_predicted_mask_as_to_the_same_mask_of_its_own(home, masked, bright, tmp_path):
    data = _copied(masked, tmp_path / "own")
    workflow.preprocess(data, [USES], home / "cache", models=home / "models", workers=1)
    settings = runs.cache_settings(with_digest(USES, home / "models").data)
    folder = workflow.cache_folder(data, settings, home / "cache")
    located = folder.parent / f"located-{settings.locator}"
    for mask in located.glob("*.nii.gz"):
        place = next(data.glob(f"t*/{mask.name[:5]}"))
        shutil.copy(mask, place / "mask.nii.gz")
    workflow.preprocess(data, [USES.replace(mask=None)], home / "cache", workers=1)
    own = workflow.cache_folder(data, runs.cache_settings(USES.replace(mask=None).data), home / "cache")
    assert own != folder and len(read_index(own)) == 9
    for case in read_index(own)["case"]:
        assert np.array_equal(open_array(own, case), open_array(folder, case))


@pytest.mark.parametrize("code", ["LOCATOR_NOTHING", "LOCATOR_SEVERAL", "LOCATOR_SIZE"])
def test_where_no_tumour_is_found_the_whole_head_is_shown_with_the_finding_and_counted(
        home, masked, bright, tmp_path, monkeypatch, capsys, code):
    values = {"places": 2, "apart_mm": 40.0, "tumour_ml": 900.0, "low_ml": 1.0, "high_ml": 9.0}
    monkeypatch.setattr(predicted_masks, "find_tumour", lambda *_: Finding(FindingCode[code], (), values))
    data = _copied(masked, tmp_path / code)
    index, = workflow.preprocess(data, [USES], home / "cache", models=home / "models", workers=1)
    assert (index["failed"] == "").all() and index["finding_codes"].str.contains(f"mask:{code}").all()
    head, = workflow.preprocess(data, [USES.replace(mask=None, region="head")], home / "cache", workers=1)
    assert index["sha256"].tolist() == head["sha256"].tolist()
    assert f"9 show the whole head: {FindingCode[code].meaning}" in capsys.readouterr().out


def test_a_case_without_a_series_that_the_locator_needs_shows_its_whole_head(home, masked, bright, tmp_path):
    data = _copied(masked, tmp_path / "lacking")
    shutil.rmtree(data / "test" / "00008" / "FLAIR")
    index, = workflow.preprocess(data, [USES.replace(sequences=("T1wCE",))], home / "cache", models=home / "models",
                                 workers=1)
    cells = index.set_index("case")["finding_codes"]
    assert "mask:LOCATOR_INPUT" in cells["00008"] and "LOCATOR" not in cells["00000"]


def test_a_run_records_the_networks_and_refuses_others(home, masked, bright, tmp_path):
    root = tmp_path / "again"
    shutil.copytree(home / "models" / "loc", root / "models" / "loc")
    run = workflow.begin_run(masked, USES.replace(sequences=("T1wCE",)), root / "models" / "user", home / "cache",
                             workers=1)
    named = json.loads((run.folder / "recipe.json").read_text())["data"]["mask"]
    digest = open_locator(USES.data, root / "models").digest
    assert named == f"locator:loc@{digest}" and runs.cache_settings(run.recipe.data).locator == digest
    assert digest in (run.cache / "settings.json").read_text()
    table = root / "models" / "loc" / "locator_cases.csv"
    table.write_text(table.read_text().replace("00001", "00002"))
    with pytest.raises(UserError, match="is another locator than the recipe's"):
        workflow.renew_arrays(run, workers=1)
    with pytest.raises(UserError, match="--mask locator:loc@"):
        workflow.begin_run(masked, USES.replace(sequences=("T1wCE",)), run.folder, home / "cache", workers=1)


def test_quality_counts_whole_heads_apart_and_measures_the_others(home, masked, bright, monkeypatch):
    located = _predicted(home, masked)
    cases = [f"{number:05d}" for number in range(8)]
    table = judge_masks(masked, located, cases, 10.0, workers=1)
    assert (table["whole_head"] == "").all() and (table["inside"] == 1).all() and table["dice"].between(0.5, 1).all()
    assert (table["networks"] != "").all() and table["box_mm"].max() <= 2 * VOXEL_MM
    table.loc[0, ["whole_head", "dice"]] = ["LOCATOR_SIZE", np.nan]
    table.loc[1, "inside"] = 0.9
    figures = summarise(table, 10.0)
    assert (figures.cases, figures.predicted, figures.whole_head) == (8, 7, {"LOCATOR_SIZE": 1})
    assert (figures.wholly_inside, figures.wholly_inside_of_predicted) == (7, 6)
    assert figures.dice["median"] == pytest.approx(table["dice"].iloc[1:].median())
    assert "7 of 8 cases have a predicted mask" in quality_text("t", figures)
    assert f"Dice: median {figures.dice['median']:.3f}" in quality_text("t", figures)


def test_masks_of_known_size_are_compared_by_hand():
    from radiogen.imaging.volume import Volume

    grid = np.diag([2.0, 2.0, 2.0, 1.0])
    one, other = np.zeros((2, 20, 20, 20), np.uint8)
    one[2:8, 2:8, 2:8], other[2:8, 2:8, 4:8] = 1, 1
    found = compare_masks(Volume(one, grid), Volume(other, grid), 1.0)
    assert found["dice"] == pytest.approx(2 * 144 / (216 + 144)) and found["volume_error"] == pytest.approx(-1 / 3)
    assert found["centres_mm"] == pytest.approx(2.0) and found["box_mm"] == pytest.approx(4.0)
    assert found["inside"] == pytest.approx(5 / 6)  # of the columns, that at 4 mm lies outside: the box begins at 7 mm
    assert compare_masks(Volume(one, grid), Volume(other, grid), 3.0)["inside"] == 1


def test_a_damaged_mask_names_its_note_and_the_remedy(home, masked, bright, tmp_path):
    data = _copied(masked, tmp_path / "damaged")
    located = _predicted(home, data)
    (located / "00001.nii.gz").write_bytes(b"cut off")
    with pytest.raises(UserError, match="00001.located.json.* damaged; delete it and run"):
        read_located(located_path(located, "00001"))


@pytest.mark.parametrize(("name", "message"), [
    ("locator:nobody", "there is no such run"), ("locator:user", "is no locator"), ("locator:half", "fold 1 is not")])
def test_what_is_no_trained_locator_is_refused_before_anything_is_made(home, masked, tmp_path, name, message):
    models = tmp_path / "models"
    shutil.copytree(home / "models" / "loc", models / "half")
    (models / "half" / "fold-1" / "model.weights.h5").unlink()
    workflow.begin_run(masked, USES.replace(mask=None), models / "user", home / "cache", workers=1)
    with pytest.raises(UserError, match=message):
        workflow.preprocess(masked, [USES.replace(mask=name)], tmp_path / "cache", models=models, workers=1)
    assert not (tmp_path / "cache").exists()
