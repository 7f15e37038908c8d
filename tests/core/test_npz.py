"""A file of arrays is read as it was written, or refused in one line, wherever it is damaged."""

import io

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.core.npz import read_npz

ARRAYS = {"ids": np.array(["00000", "00001"]), "values": np.arange(200.0).reshape(2, 100)}


@pytest.fixture
def path(tmp_path):
    np.savez_compressed(tmp_path / "kept.npz", **ARRAYS)
    return tmp_path / "kept.npz"


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _refused(path, names=tuple(ARRAYS)):
    with pytest.raises(UserError, match=r"kept\.npz: cannot be read \(.*\); make it again$") as error:
        read_npz(path, names, "make it again")
    assert "\n" not in str(error.value)


def test_arrays_come_back_by_their_names_and_no_others(path):
    found = read_npz(path, ("values", "ids"), "")
    assert list(found) == ["values", "ids"] and found["ids"].tolist() == ["00000", "00001"]
    assert np.array_equal(found["values"], ARRAYS["values"]) and list(read_npz(path, ("ids",), "")) == ["ids"]


def test_a_name_that_is_not_there_is_refused(path):
    _refused(path, ("ids", "colour"))


def test_a_damaged_byte_is_noticed_or_changes_nothing(path):
    whole = path.read_bytes()
    noticed = 0
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1:])
        try:
            found = read_npz(path, ARRAYS, "make it again")
        except UserError:
            noticed += 1
        else:  # a date, or a header's copy in zip's directory
            assert all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS)
    assert noticed > len(whole) / 10


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused(path, share):
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    _refused(path)


@pytest.mark.parametrize("save", [
    lambda path: path.write_bytes(_npy(ARRAYS["values"])), lambda path: path.write_text("no arrays"),
    lambda path: path.unlink(), lambda path: np.savez(path, ids=np.array([{}], object), values=1)],
    ids=["one array", "text", "nothing", "objects"])
def test_what_is_no_file_of_these_arrays_is_refused(path, save):
    save(path)
    _refused(path)


def test_memory_that_runs_out_says_nothing_of_the_file(path, monkeypatch):
    def load(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np, "load", load)
    with pytest.raises(MemoryError):
        read_npz(path, ARRAYS, "make it again")
