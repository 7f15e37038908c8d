"""Every kind of series that the compiled path takes: the voxels that were written, and what pydicom makes of them."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import Made
from radiogen.imaging import read_series

from ..made.both_paths import agree, assert_slices_are_frames, frames_by_pydicom, reader_of
from ..made.fast_kinds import KINDS
from ..made.other_kinds import OTHERS
from ..made.other_readers import compare, dcm2niix_volumes, simpleitk_volumes

SEED = 28
BOTH_PEERS = (
    "explicit", "implicit", "text beside", "JSON beside", "DICOMDIR beside", "empty file beside", "raw data beside",
    "another series beside", "implicit, text beside", "functional groups", "private sequences",
    "private sequences, implicit", "trailing padding", "trailing padding, implicit", "8 bits", "16 bits, signed",
    "32 bits, signed", "spare bits of 16", "spare bits of 16, signed", "rescaled", "rescaled, signed",
    "rescaled, 8 bits", "enhanced")
ONLY_SIMPLEITK = (
    "private sequences, UN", "8 bits, signed", "32 bits", "MONOCHROME1", "MONOCHROME1, 12 bits", "MONOCHROME1, signed",
    "MONOCHROME1, 8 bits, implicit")
ONLY_DCM2NIIX = (
    "localisers beside", "copies", "geometry in functional groups", "zeros behind the pixels", "time points", "echoes",
    "phase and magnitude", "repeats in the order of their numbers", "float", "double")
"""Kinds that the other reader takes for the volume that was written; it refuses or misreads the rest."""


def _made(kind, folder) -> Made:
    return KINDS[kind](folder, np.random.default_rng(SEED))


@pytest.mark.parametrize("kind", KINDS)
def test_both_paths_find_the_voxels_and_the_places_that_were_written(tmp_path, kind):
    made = _made(kind, tmp_path)
    volume = agree(tmp_path)
    assert volume.voxels.dtype == made.voxels.dtype
    assert np.array_equal(volume.voxels, made.voxels)
    np.testing.assert_allclose(volume.affine, made.affine, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_the_compiled_path_takes_is_read_by_it(tmp_path, kind):
    _made(kind, tmp_path)
    reader = reader_of(read_series(tmp_path))
    assert reader.name == "fast", reader.reason
    assert not reader.reason


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "mosaic" not in kind])
def test_every_slice_is_the_pixel_array_of_pydicom_at_its_place(tmp_path, kind):
    _made(kind, tmp_path)
    assert_slices_are_frames(read_series(tmp_path), frames_by_pydicom(tmp_path))


@pytest.mark.parametrize("kind", BOTH_PEERS + ONLY_SIMPLEITK)
def test_simpleitk_finds_the_same_voxels_in_the_same_place(tmp_path, kind):
    pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    _made(kind, tmp_path)
    _assert_one_is_ours(tmp_path, simpleitk_volumes(tmp_path))


@pytest.mark.parametrize("kind", BOTH_PEERS + ONLY_DCM2NIIX)
def test_dcm2niix_finds_the_same_voxels_in_the_same_place(tmp_path, kind):
    pytest.importorskip("dcm2niix", reason="install the extra `test` for dcm2niix")
    _made(kind, tmp_path / "in")
    _assert_one_is_ours(tmp_path / "in", dcm2niix_volumes(tmp_path / "in", tmp_path / "out"))


@pytest.mark.parametrize("kind", OTHERS)
def test_both_paths_agree_on_what_the_compiled_path_may_leave_to_pydicom(tmp_path, kind):
    OTHERS[kind](tmp_path, np.random.default_rng(SEED))
    agree(tmp_path)


@pytest.mark.parametrize(("kind", "name"), [
    ("RLE", "imagecodecs"), ("JPEG 2000", "imagecodecs"), ("deflated", "pydicom"), ("big endian", "pydicom")])
def test_a_series_that_compiled_code_does_not_read_says_why_in_one_short_phrase(tmp_path, kind, name):
    OTHERS[kind](tmp_path, np.random.default_rng(SEED))
    reader = reader_of(read_series(tmp_path))
    assert reader.name == name
    assert 0 < len(str(reader.reason)) <= 100 and "\n" not in str(reader.reason)


def test_a_series_read_with_fast_false_is_read_by_pydicom(tmp_path):
    _made("explicit", tmp_path)
    assert reader_of(read_series(tmp_path, fast=False)).name == "pydicom"


def test_one_multi_frame_file_is_read_by_its_own_path_as_by_its_folder(tmp_path):
    made = _made("enhanced, rescaled by frame", tmp_path)
    volume = agree(tmp_path / "enhanced.dcm")
    assert np.array_equal(volume.voxels, made.voxels)


def _assert_one_is_ours(folder, others):
    ours = read_series(folder)
    apart = [compare((ours.voxels, ours.affine), other) for other in others]
    assert min(apart)[0] < 1e-3 and min(apart)[1] < 1e-6, apart
