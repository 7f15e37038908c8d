"""Volumes in a page are NIfTI of the same place, with all their values or with those of 8 bits, and what that means."""

import base64
import gzip

import nibabel
import numpy as np
import pytest

from radiogen.imaging.nifti.place import FILE_ORDER, LPS_TO_RAS
from radiogen.imaging.view.packing import UNPLACED, display_window, pack_exactly, pack_in_8_bits
from radiogen.imaging.volume import Volume

OBLIQUE = np.array([[0, -0.8, 3.9, -70], [0, 3.9, 0.8, -96], [5.0, 0, 0, -72], [0, 0, 0, 1]])


def unpacked(text):
    """A packed volume by nibabel: values (slice, row, column), and the affine to LPS."""
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(text)))
    return image.get_fdata().transpose(FILE_ORDER), LPS_TO_RAS @ image.affine[:, [*FILE_ORDER, 3]]


@pytest.mark.parametrize("pack", [pack_exactly, pack_in_8_bits])
def test_a_volume_keeps_its_place(pack):
    _, affine = unpacked(pack(Volume(np.arange(60, dtype=np.int16).reshape(3, 4, 5), OBLIQUE)).text)
    np.testing.assert_allclose(affine, OBLIQUE, atol=1e-4)
    _, affine = unpacked(pack(Volume(np.zeros((3, 4, 5)), None)).text)
    np.testing.assert_allclose(affine, UNPLACED)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8, bool])
def test_exactly_is_every_value_and_nothing_is_said(dtype):
    voxels = (np.random.default_rng(0).random((3, 4, 5)) * 900).astype(dtype)
    packed = pack_exactly(Volume(voxels, OBLIQUE))
    np.testing.assert_array_equal(unpacked(packed.text)[0], voxels)
    assert packed.reduced == ""


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_8_bits_miss_no_value_by_more_than_half_a_step_and_the_page_says_how_long_that_is(dtype):
    voxels = np.random.default_rng(0).normal(300, 90, (8, 40, 50)).astype(dtype)
    voxels[2, 3, 4] = 9000  # one bright voxel does not take the steps of all others
    packed = pack_in_8_bits(Volume(voxels, OBLIQUE))
    values, step = unpacked(packed.text)[0], float(packed.reduced.split("steps of ")[1].split()[0])
    highest = float(packed.reduced.split(" to ")[1].split(";")[0])
    missed = np.abs(values - voxels)
    below = voxels <= highest
    assert step < 4 and missed[below].max() <= 0.51 * step
    assert "2 brighter voxels" in packed.reduced and np.count_nonzero(~below) <= 2
    assert values[~below] == pytest.approx(highest, abs=1)


def test_integers_of_few_values_and_bytes_are_exact_in_8_bits_and_nothing_is_said():
    for voxels in (np.arange(-100, 140, dtype=np.int32).reshape(4, 6, 10), np.arange(240, dtype=np.uint8).reshape(
            4, 6, 10)):
        packed = pack_in_8_bits(Volume(voxels, OBLIQUE))
        np.testing.assert_array_equal(unpacked(packed.text)[0], voxels)
        assert packed.reduced == ""


def test_what_is_no_number_is_dark_and_what_is_infinite_is_as_bright_as_can_be():
    voxels = np.linspace(-5, 5, 60, dtype=np.float32).reshape(3, 4, 5)
    voxels[0, 0, :2] = np.nan, np.inf
    values = unpacked(pack_in_8_bits(Volume(voxels, OBLIQUE)).text)[0]
    assert values[0, 0, 0] == values.min() and values[0, 0, 1] == values.max()
    assert np.isfinite(display_window(voxels)).all()


def test_a_blank_series_has_a_window_and_a_range():
    blank = Volume(np.full((3, 4, 5), 7.0), OBLIQUE)
    assert display_window(blank.voxels) == (7, 8)
    np.testing.assert_allclose(unpacked(pack_in_8_bits(blank).text)[0], 7, atol=0.01)
