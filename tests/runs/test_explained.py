"""The file of explained cases comes back as it was, and a damaged one is named."""

import dataclasses

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.runs.explained import Explained, read_explained_cases, write_explained_cases


@pytest.fixture
def kept():
    """Two cases of three slices."""
    images = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    return Explained(np.array(["00000", "00001"]), np.array(["0", "holdout"]), np.array([0, 1]), np.array([0.25, 0.75]),
                     np.array([0, 1]), "FLAIR", np.array(["FLAIR", "T2w"]), 3, "isotropic", images, images[::-1],
                     np.array([[0, 1, 2]] * 2), images[:, :2])


def test_what_is_written_is_read(tmp_path, kept):
    write_explained_cases(tmp_path, kept)
    found = read_explained_cases(tmp_path)
    assert (found.sequence, found.rank, found.geometry) == ("FLAIR", 3, "isotropic")
    for name in ("ids", "folds", "labels", "probabilities", "called", "sequences", "images", "heat", "slices", "views"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))


def test_a_file_of_another_form_is_one_line_with_its_name(tmp_path):
    np.savez(tmp_path / "explained.npz", ids=np.array(["00000"]))
    with pytest.raises(UserError, match=r"explained\.npz: cannot be read"):
        read_explained_cases(tmp_path)


def test_a_run_without_the_file_has_none(tmp_path):
    assert read_explained_cases(tmp_path) is None


def test_a_damaged_picture_is_one_line_with_the_command_that_makes_it_again(tmp_path, kept):
    path = write_explained_cases(tmp_path, kept)
    content = bytearray(path.read_bytes())
    place = content.index(b"images.npy") + 30  # in the compressed pixels: zlib notices it, before zip's checksum does
    content[place:place + 8] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"explained\.npz: cannot be read .*; delete it and make it again: .*evaluate"):
        read_explained_cases(tmp_path)


@pytest.mark.parametrize("rank", ["three", [2, 3], 2.5])
def test_a_rank_that_is_no_whole_number_is_refused(tmp_path, kept, rank):
    write_explained_cases(tmp_path, dataclasses.replace(kept, rank=rank))
    with pytest.raises(UserError, match=r"explained\.npz: has a rank that is no number"):
        read_explained_cases(tmp_path)
