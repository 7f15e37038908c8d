"""Safetensors: true files are read to the number, headers that lie are refused before anything is read."""

import struct

import numpy as np
import pytest

from benchmarks.synthetic.weight_files import safetensors_of, write_safetensors
from radiogen.networks.pretrained.safetensors_file import read_safetensors
from radiogen.networks.pretrained.stored_tensors import Damaged

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def _arrays():
    random = np.random.default_rng(0)
    return {"a": random.normal(size=(2, 3, 4)).astype("f4"), "b": random.normal(size=(5,)),
            "c": random.normal(size=(3, 2)).astype("f2"), "n": np.array(7, "i8"), "empty": np.zeros((0, 3), "f4")}


def test_every_kind_of_number_is_read_and_floats_become_float32(tmp_path):
    arrays = _arrays()
    read = {name: tensor.read() for name, tensor in
            read_safetensors(safetensors_of(tmp_path / "x.safetensors", arrays)).items()}
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(read[name], array.astype("f4") if name != "n" else array)
        assert read[name].dtype == (np.int64 if name == "n" else np.float32)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    path = write_safetensors(tmp_path / "x.safetensors", {"a": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}},
                             struct.pack("<3H", 0x3f80, 0xc000, 0x3e20))
    assert read_safetensors(path)["a"].read().tolist() == [1.0, -2.0, 0.15625]


def test_files_of_the_safetensors_package_are_read(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    arrays = {name: array for name, array in _arrays().items() if array.size}
    numpy.save_file(arrays, tmp_path / "x.safetensors")
    read = read_safetensors(tmp_path / "x.safetensors")
    assert all(np.array_equal(read[name].read(), array.astype(read[name].read().dtype))
               for name, array in arrays.items())


@pytest.mark.parametrize(("header", "content"), [
    ({"a": {**ONE, "shape": [3]}}, b"\0" * 8),
    ({"a": {**ONE, "shape": [1 << 62, 1 << 62]}}, b"\0" * 8),
    ({"a": {**ONE, "shape": [-2]}}, b"\0" * 8),
    ({"a": {**ONE, "shape": [2.0]}}, b"\0" * 8),
    ({"a": {**ONE, "shape": [True, 2]}}, b"\0" * 8),
    ({"a": {**ONE, "shape": "2"}}, b"\0" * 8),
    ({"a": {**ONE, "shape": [1] * 1000 + [2]}}, b"\0" * 8),
    ({"a": {**ONE, "data_offsets": [8, 0]}}, b"\0" * 8),
    ({"a": {**ONE, "data_offsets": [-8, 0]}}, b"\0" * 8),
    ({"a": {**ONE, "data_offsets": [0]}}, b"\0" * 8),
    ({"a": {**ONE, "dtype": "F8_E4M3"}}, b"\0" * 8),
    ({"a": {**ONE, "dtype": ["F32"]}}, b"\0" * 8),
    ({"a": {"dtype": "F32", "shape": [2]}}, b"\0" * 8),
    ({"a": [1]}, b"\0" * 8),
    ({"a": ONE, "b": ONE}, b"\0" * 8),
    ({"a": ONE, "b": {**ONE, "data_offsets": [4, 12]}}, b"\0" * 12),
    ({"a": {**ONE, "data_offsets": [4, 12]}}, b"\0" * 12),
    ({"a": ONE}, b"\0" * 9),
    ({"a": ONE}, b"\0" * 7),
    ([ONE], b""),
    (b'{"a": 1, "a": 1}', b""),
    (b"{", b""),
    (b"\xff\xfe", b""),
    (b"[" * 100_000, b""),
    (b'{"a": {"dtype": "F32", "shape": [' + b"9" * 10_000 + b'], "data_offsets": [0, 8]}}', b"\0" * 8),
])
def test_a_header_that_is_not_true_of_its_file_is_refused(tmp_path, header, content):
    with pytest.raises(Damaged):
        read_safetensors(write_safetensors(tmp_path / "x.safetensors", header, content))


@pytest.mark.parametrize("length", [0, 3, 1 << 40, (1 << 64) - 1])
def test_a_header_of_another_length_than_declared_is_refused(tmp_path, length):
    with pytest.raises(Damaged):
        read_safetensors(write_safetensors(tmp_path / "x.safetensors", {"a": ONE}, b"\0" * 8, length=length))


def test_a_header_that_fills_the_file_is_not_parsed(tmp_path):
    """A file as long as it declares, of nothing but header."""
    path = write_safetensors(tmp_path / "x.safetensors", b" " * (5 << 20))
    with pytest.raises(Damaged, match="more than 4194304"):
        read_safetensors(path)


@pytest.mark.parametrize("size", [0, 5, 8])
def test_a_file_that_ends_at_once_is_refused(tmp_path, size):
    (tmp_path / "x.safetensors").write_bytes(b"\1" * size)
    with pytest.raises(Damaged):
        read_safetensors(tmp_path / "x.safetensors")


def test_metadata_is_no_tensor(tmp_path):
    header = {"__metadata__": {"format": "pt"}, "a": ONE}
    assert list(read_safetensors(write_safetensors(tmp_path / "x.safetensors", header, b"\0" * 8))) == ["a"]
