"""A mask is drawn where it lies: its outline on the slice in which it is largest, whichever grid it was drawn on."""

import json

import numpy as np
import pytest

from benchmarks.synthetic.series_files import pattern, write_series
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.inspect.mask_pictures import OUTLINE, mask_pictures
from radiogen.imaging.inspect.masks import inspect_masks
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume

SHAPE = (6, 16, 12)
ROWS, COLUMNS = slice(3, 7), slice(4, 9)


def _labels(shape=SHAPE, number=4):
    labels = np.zeros(shape, np.uint8)
    labels[2:5, 4:6, 5:7] = 1
    labels[number, ROWS, COLUMNS] = 1
    return labels


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Four cases: a mask on FLAIR's grid, one that lies elsewhere in the patient, one on a coarser grid, none."""
    data = tmp_path_factory.mktemp("data") / "four"
    away = np.eye(4)
    away[:3, 3] = 500
    coarse = np.diag([1.0, 2.0, 2.0, 1.0])
    for number in range(4):
        folder = data / "train" / f"0000{number}"
        write_series(folder / "FLAIR", pattern(SHAPE))
        affine = read_series(folder / "FLAIR").affine
        if number < 3:
            write_nifti(folder / "mask.nii.gz", Volume(_labels((6, 8, 6) if number == 2 else SHAPE),
                                                       (affine, away @ affine, affine @ coarse)[number]))
    (data / "dataset.json").write_text(json.dumps({"sequences": ["FLAIR"]}))
    return data


@pytest.fixture(scope="module")
def pictures(data):
    return {one.title: one for one in mask_pictures(data, inspect_masks(data, workers=1), drawn=4, workers=1)}


def _drawn(picture):
    return np.argwhere((picture.pixels == OUTLINE).all(axis=-1))


def test_the_outline_is_the_edge_of_the_mask_in_the_slice_in_which_it_is_largest(pictures):
    one = pictures["00000 FLAIR"]
    assert one.caption == "slice 5 of 6" and one.note == "" and (one.left, one.top) == ("R", "A")
    rows, columns = one.pixels.shape[0] / SHAPE[1], one.pixels.shape[1] / SHAPE[2]
    places = _drawn(one)
    assert places.min(axis=0) == pytest.approx([ROWS.start * rows, COLUMNS.start * columns], abs=1)
    assert places.max(axis=0) == pytest.approx([ROWS.stop * rows - 1, COLUMNS.stop * columns - 1], abs=1)
    middle = [int((ROWS.start + ROWS.stop) / 2 * rows), int((COLUMNS.start + COLUMNS.stop) / 2 * columns)]
    assert tuple(one.pixels[*middle]) != OUTLINE  # what it surrounds is seen


def test_a_mask_on_another_grid_is_drawn_where_it_lies_in_the_patient(pictures):
    one = pictures["00002 FLAIR"]
    rows, columns = one.pixels.shape[0] / SHAPE[1], one.pixels.shape[1] / SHAPE[2]
    middle = _drawn(one).mean(axis=0) / [rows, columns]
    assert middle == pytest.approx([2 * 4.5, 2 * 4.5], abs=1.5)


def test_a_mask_outside_of_its_series_is_said_to_be_and_a_case_without_one_is_not_drawn(pictures):
    assert pictures["00001 FLAIR"].pixels is None and "outside" in pictures["00001 FLAIR"].note
    assert set(pictures) == {f"0000{number} FLAIR" for number in range(3)}


def test_no_more_masks_are_drawn_than_asked_for_spread_over_all(data):
    table = inspect_masks(data, workers=1)
    assert [one.title for one in mask_pictures(data, table, drawn=2, workers=1)] == ["00000 FLAIR", "00002 FLAIR"]
    assert mask_pictures(data, table.iloc[:0], drawn=2, workers=1) == []
