"""A file of labels becomes the tumour, and what is no mask is refused by name."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import AXIAL, write_series
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.findings import FindingCode, codes
from radiogen.imaging.folder import SeriesError
from radiogen.imaging.masks import read_mask
from radiogen.imaging.volume import Volume

BRATS = {"necrosis": (1,), "oedema": (2,), "enhancing": (4,)}


def _labels(dtype=np.uint8):
    """A necrosis of 8 voxels in a rim, beside 20 voxels of oedema."""
    labels = np.zeros((6, 8, 10), dtype)
    labels[1:5, 2:6, 3:7] = 4
    labels[2:4, 3:5, 4:6] = 1
    labels[1, 2:6, 7:9] = 2
    labels[5, 7, 0:5] = 2
    return labels


def _written(folder, labels, affine=AXIAL):
    return write_nifti(folder / "mask.nii.gz", Volume(labels, affine))


def test_without_meanings_every_number_but_0_is_tumour(tmp_path):
    mask = read_mask(_written(tmp_path, _labels()))
    assert mask.voxels.dtype == np.uint8 and mask.findings == ()
    assert mask.voxels.sum() == np.count_nonzero(_labels())
    assert set(np.unique(mask.voxels)) == {0, 1}


def test_the_tumour_is_all_named_parts_together_and_others_are_reported(tmp_path):
    path = _written(tmp_path, _labels())
    assert read_mask(path, BRATS).voxels.sum() == np.count_nonzero(_labels())
    mask = read_mask(path, {"necrosis": (1,), "enhancing": (4, 3)})
    assert mask.voxels.sum() == 64
    assert [(each.code, each.values["numbers"]) for each in mask.findings] == [(FindingCode.MASK_VALUES_UNNAMED, (2,))]


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64, np.int32])
def test_labels_may_be_stored_as_any_numbers(tmp_path, dtype):
    assert read_mask(_written(tmp_path, _labels(dtype)), BRATS).voxels.sum() == np.count_nonzero(_labels())


def test_labels_that_a_file_of_floats_has_rounded_are_labels(tmp_path):
    labels = _labels(np.float32) * np.float32(0.9999)
    assert read_mask(_written(tmp_path, labels), BRATS).voxels.sum() == np.count_nonzero(_labels())


@pytest.mark.parametrize(("change", "code"), [
    (lambda labels: labels * 0.4, FindingCode.MASK_NOT_LABELS), (lambda labels: -labels, FindingCode.MASK_NOT_LABELS),
    (lambda labels: labels * 0, FindingCode.MASK_EMPTY), (lambda labels: labels * 0 + 1, FindingCode.SERIES_BLANK)],
    ids=["probabilities", "negative", "nothing", "everything"])
def test_what_is_no_mask_is_refused_by_name(tmp_path, change, code):
    with pytest.raises(SeriesError) as caught:
        read_mask(_written(tmp_path, change(_labels(np.float32))))
    assert caught.value.finding.code is code


def test_a_mask_without_the_named_parts_marks_no_tumour(tmp_path):
    with pytest.raises(SeriesError) as caught:
        read_mask(_written(tmp_path, _labels()), {"other": (9,)})
    assert caught.value.finding.code is FindingCode.MASK_EMPTY


def test_voxels_that_are_no_number_are_not_tumour(tmp_path):
    labels = _labels(np.float32)
    labels[0] = np.nan
    mask = read_mask(_written(tmp_path, labels))
    assert mask.voxels.sum() == np.count_nonzero(_labels())
    assert codes(mask.findings) == (FindingCode.VALUES_NOT_FINITE,)


def test_a_mask_may_be_a_folder_of_dicom_images(tmp_path):
    write_series(tmp_path / "mask", _labels(np.uint16))
    mask = read_mask(tmp_path / "mask")
    assert np.array_equal(mask.voxels != 0, _labels() != 0)
    assert np.allclose(mask.affine, AXIAL, atol=1e-4)


def test_slices_without_tumour_are_nothing_odd_in_a_mask(tmp_path):
    assert read_mask(_written(tmp_path, np.concatenate([_labels(), _labels() * 0]))).findings == ()


def test_a_mask_that_does_not_say_where_it_lies_has_no_affine(tmp_path):
    mask = read_mask(_written(tmp_path, _labels(), None))
    assert mask.affine is None and mask.voxels.shape == (6, 8, 10)
    assert FindingCode.NIFTI_PLACE_MISSING in codes(mask.findings)
