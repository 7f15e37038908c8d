"""Every kind of series that the compiled path takes: the voxels that were written, and what pydicom makes of them."""

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radiogen.imaging import read_series

from .both_paths import agree, assert_slices_are_frames, frames_by_pydicom, reader_of
from .fast_kinds import KINDS, beside, localisers_beside, other_series_beside, series, text_beside
from .other_readers import compare, dcm2niix_volumes, simpleitk_volumes
from .series_files import AXIAL, Made, pattern, save, write_series

SEED = 28


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
    assert (reader.name, reader.reason) == ("fast", "")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "mosaic" not in kind])
def test_every_slice_is_the_pixel_array_of_pydicom_at_its_place(tmp_path, kind):
    _made(kind, tmp_path)
    assert_slices_are_frames(read_series(tmp_path), frames_by_pydicom(tmp_path))
