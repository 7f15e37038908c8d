"""The page of a run's explained cases shows heat at the very place of the patient where the network's input has it."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import AXIAL
from radiogen.arrays.cache import cache_folder
from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.dataset.layout import series_path
from radiogen.imaging.view.page import volumes_folder
from radiogen.inference.pages.report_images import nearest_slices, shown_case, write_report_images
from radiogen.runs.explained import Explained, write_explained_cases
from radiogen.runs.layout import EXPLAINED, REPORT_IMAGES, REPORT_IMAGES_FILES
from radiogen.training.runs import Run, cache_settings

CORNER = AXIAL[:3] @ [3, 3, 3, 1]
"""Where in the patient the bright corner of a case of `small_data` with label 1 lies, LPS mm."""


def _run(recipe, data, folder):
    return Run(folder, recipe, data, folder / "cache", pd.DataFrame())


def _array(run, case):
    settings = cache_settings(run.recipe.data)
    places = {name: series_path(run.data, "train", case, name) for name in settings.sequences}
    return case_array(settings, read_case(places, [settings], whole=True, case=case), whole=True).array


def _explained(run, cases, sequence, image, slices):
    """Heat that is where the network's input is brightest. image: the part of a case's array."""
    images = np.stack([image(_array(run, case)) for case in cases])
    heat = np.where(images > 0.6 * images.max(), images, 0).astype(np.uint8)
    count = len(cases)
    return Explained(
        ids=np.array(cases), folds=np.array(["holdout"] * count), labels=np.ones(count, int),
        probabilities=np.full(count, 0.25), called=np.zeros(count, int), sequence=sequence,
        sequences=np.array(run.recipe.data.sequences), rank=run.recipe.data.rank, geometry=run.recipe.data.geometry,
        images=images[:, slices], heat=heat[:, slices], slices=np.tile(slices, (count, 1)),
        views=np.zeros((count, len(run.recipe.data.sequences), *images.shape[2:]), np.uint8))


RECIPES = {
    "sequences as channels of a cube": ({"size": 12}, "FLAIR", lambda array: array[1], np.arange(12)),
    "every second section of it": ({"size": 12, "rank": 2, "slices_per_series": 6}, "FLAIR", lambda array: array[1],
                                   np.arange(1, 12, 2)),
    "a stretched cube of one sequence": ({"size": 12, "geometry": "stretch", "edge_mm": None, "sequences": ("T1wCE",),
                                          "sequences_as_channels": False}, "T1wCE", lambda array: array[0],
                                         np.arange(12)),
    "slices": ({"size": 16, "rank": 2, "edge_mm": None, "sequences": ("T1wCE",), "sequences_as_channels": False},
               "T1wCE", lambda array: array, np.arange(8)),
}


@pytest.mark.parametrize("name", RECIPES)
def test_heat_has_its_middle_where_the_series_is_bright(small_data, small_recipe, tmp_path, name):
    changes, sequence, image, slices = RECIPES[name]
    run = _run(small_recipe.replace(**changes), small_data, tmp_path)
    explained = _explained(run, ["00001"], sequence, image, slices)
    case = shown_case(run, explained, 0, pd.Series({"00001": "train"}))
    hot = np.argwhere(case.heat.voxels)
    middle = case.heat.affine[:3] @ [*np.average(hot, axis=0, weights=case.heat.voxels[tuple(hot.T)]), 1]
    assert np.abs(middle - CORNER).max() < 0.8, "mm; the series' slices are 3 mm apart"
    assert [one.name for one in case.series] == list(case.over) == list(run.recipe.data.sequences)
    bright = np.argwhere(case.series[-1].volume.voxels == 400)
    assert case.series[-1].volume.affine[:3] @ [*bright.mean(axis=0), 1] == pytest.approx(CORNER)


def test_a_slices_heat_reaches_half_way_to_the_next_and_no_farther():
    found = nearest_slices(np.array([10, 20, 30]), 48)
    assert found[[0, 4]].tolist() == [-1, -1] and found[[36, 47]].tolist() == [-1, -1]
    assert found[[5, 10, 14]].tolist() == [0, 0, 0] and found[[16, 24]].tolist() == [1, 1]
    assert found[[26, 35]].tolist() == [2, 2]
    np.testing.assert_array_equal(nearest_slices(np.arange(5), 5), np.arange(5))
    assert nearest_slices(np.array([2]), 5).tolist() == [-1, -1, 0, -1, -1]


def test_the_page_lies_beside_the_run_with_its_cases_and_goes_where_none_is_explained(
        small_data, small_recipe, small_cache, tmp_path):
    cache = cache_folder(small_data, cache_settings(small_recipe.data), small_cache)
    run = dataclasses.replace(_run(small_recipe, small_data, tmp_path / "models" / "r"), cache=cache)
    write_explained_cases(run.folder, _explained(run, ["00001", "00003"], "FLAIR", lambda array: array[1],
                                                 np.arange(8)))
    page, *beside = write_report_images(run)
    text = page.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert page == run.folder / REPORT_IMAGES and beside == []
    assert [one["title"] for one in data["cases"]] == [
        f"{case}: methylated, called unmethylated (0.25), holdout" for case in ("00001", "00003")]
    assert "a face can be made" in text and data["cases"][1]["note"] == "Grad-CAM of all sequences together"
    (run.folder / EXPLAINED).unlink()
    assert write_report_images(run) == [] and not page.exists()


def test_the_layout_names_the_folder_that_the_page_reads_its_volumes_from():
    assert volumes_folder(Path(REPORT_IMAGES)).name == REPORT_IMAGES_FILES
