"""As many processes as fit, by the largest case; compressed series count as what they are decoded to."""

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless

from benchmarks.synthetic.series_files import write_enhanced, write_series
from radiogen.arrays.series_size import OF_A_PROCESS, OF_THE_LARGEST, _stored_bytes, processes_that_fit

VOXELS = np.zeros((20, 64, 64), np.uint16)
VOXELS[3] = 9


def test_uncompressed_series_are_as_large_as_their_files(tmp_path):
    write_series(tmp_path / "plain", VOXELS)
    assert VOXELS.nbytes <= _stored_bytes(tmp_path / "plain") < VOXELS.nbytes * 1.3


@pytest.mark.parametrize("enhanced", [False, True])
def test_compressed_series_are_as_large_as_their_headers_declare(tmp_path, enhanced):
    if enhanced:
        write_enhanced(tmp_path / "series" / "1.dcm", VOXELS, syntax=JPEGLSLossless)
    else:
        write_series(tmp_path / "series", VOXELS, syntax=JPEGLSLossless)
    assert sum(path.stat().st_size for path in (tmp_path / "series").iterdir()) < VOXELS.nbytes
    assert _stored_bytes(tmp_path / "series") == VOXELS.nbytes


def test_what_is_no_series_counts_as_its_files(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert _stored_bytes(tmp_path) == 5 and _stored_bytes(tmp_path / "missing") == 0


def test_as_many_processes_as_the_largest_case_allows_and_at_least_one(tmp_path):
    write_series(tmp_path / "small", VOXELS[:2])
    write_series(tmp_path / "large", VOXELS)
    cases = [[tmp_path / "small"], [tmp_path / "large"]]
    need = OF_A_PROCESS + int(OF_THE_LARGEST * _stored_bytes(tmp_path / "large"))
    assert processes_that_fit(cases, 3 * need, 8) == (3, need)
    assert processes_that_fit(cases, need // 2, 8) == (1, need)
    assert processes_that_fit(cases, 100 * need, 8)[0] == 8
    assert processes_that_fit([], 0, 4)[0] == 1
