"""Which cases have a mask, and which masks do not fit, is seen before training, whatever one bad mask is."""

import json

import numpy as np
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, write_series
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.inspect.masks import inspect_masks, summarise_masks
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume

SHAPE = (6, 16, 12)
COARSE = AXIAL @ np.diag([1.0, 2.0, 2.0, 1.0])


def _labels(number=1, shape=SHAPE):
    labels = np.zeros(shape, np.uint8)
    labels[2:4, 3:6, 4:8] = number
    return labels


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Six cases, FLAIR as DICOM and T2w on another grid; masks of which one fits."""
    data = tmp_path_factory.mktemp("data") / "six"
    masks = {"00000": Volume(_labels(), None), "00001": None, "00002": Volume(_labels(9), None),
             "00003": Volume(_labels(shape=(6, 8, 6)), COARSE), "00004": Volume(_labels(0), None), "00005": "torn"}
    for case, mask in masks.items():
        folder = data / "train" / case
        write_series(folder / "FLAIR", pattern(SHAPE))
        write_series(folder / "T2w", pattern((3, 16, 12)))
        affine = read_series(folder / "FLAIR").affine
        if isinstance(mask, Volume):
            write_nifti(folder / "mask.nii.gz", Volume(mask.voxels, affine if mask.affine is None else mask.affine))
        elif mask:
            (folder / "mask.nii.gz").write_bytes(b"no image")
    (data / "dataset.json").write_text(json.dumps({"mask_values": {"core": [1, 2]}, "sequences": ["FLAIR", "T2w"]}))
    return inspect_masks(data, workers=1).set_index("case")


def test_every_case_has_a_mask_or_has_none_or_one_that_is_refused_with_its_reason(table):
    assert table["mask"].to_dict() == {"00000": "present", "00001": "missing", "00002": "refused", "00003": "present",
                                       "00004": "refused", "00005": "refused"}
    assert (table["refused"] != "").to_numpy().tolist() == (table["mask"] == "refused").to_numpy().tolist()


def test_a_mask_is_on_the_grid_of_the_series_from_which_it_was_drawn(table):
    assert table["grid_of"]["00000"] == "FLAIR" and table["grid_of"]["00003"] == ""


def test_the_size_of_a_tumour_is_in_millilitres(table):
    voxel_mm3 = abs(np.linalg.det(AXIAL[:3, :3]))
    assert table["tumour_ml"]["00000"] == pytest.approx(24 * voxel_mm3 / 1000, rel=1e-3)


def test_cases_are_counted_and_named_by_what_is_odd(table):
    lines = "\n".join(summarise_masks(table.reset_index()))
    assert "5 of 6 cases have one, 2 can be read" in lines
    assert "1 without a mask: 00001" in lines and "series has (it is resampled): 00003" in lines
    assert "train/00005/mask: " in lines


def test_numbers_that_the_task_does_not_name_are_listed(tmp_path):
    data = tmp_path / "one"
    labels = _labels()
    labels[0, 0, :3] = 4, 7, 7
    write_series(data / "train" / "00000" / "FLAIR", pattern(SHAPE))
    write_nifti(data / "train" / "00000" / "mask.nii.gz", Volume(labels, AXIAL))
    (data / "dataset.json").write_text(json.dumps({"mask_values": {"core": [1]}}))
    found = inspect_masks(data, workers=1)
    assert found["unnamed_numbers"].tolist() == ["4 7"]
    assert "1 with numbers that mask_values does not name, 4 and 7, which" in "\n".join(summarise_masks(found))


def test_a_data_set_without_masks_and_a_folder_of_series_have_none(tmp_path):
    write_series(tmp_path / "set" / "train" / "00000" / "FLAIR", pattern(SHAPE))
    for folder in (tmp_path / "set", tmp_path / "set" / "train" / "00000"):
        assert inspect_masks(folder, workers=1).empty and summarise_masks(inspect_masks(folder, workers=1)) == []
