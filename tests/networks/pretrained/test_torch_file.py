"""Files of torch.save: both formats are read to the number; files that lie, or hold code, are refused unread."""

import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from benchmarks.synthetic.weight_files import (
    MAGIC,
    Names,
    Tensor,
    pickled,
    tensors,
    with_zip64,
    write_legacy,
    write_zip,
)
from radiogen.networks.pretrained.stored_tensors import Damaged, Forbidden
from radiogen.networks.pretrained.torch_file import read_torch
from radiogen.networks.pretrained.zip_directory import read_directory

RANDOM = np.random.default_rng(0)
ARRAYS = {"a": RANDOM.normal(size=(2, 3, 4)).astype("f4"), "b": RANDOM.normal(size=(5,)),
          "c": RANDOM.normal(size=(3, 2)).astype("f2"), "n": np.array(7, "i8"), "bytes": np.arange(3, dtype="u1")}
FORMATS = {"zip": write_zip, "legacy": write_legacy}
either = pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)


def _read(path):
    return {name: tensor.read() for name, tensor in read_torch(path).items()}


def _same(read, arrays=ARRAYS):
    return list(read) == list(arrays) and all(
        np.array_equal(read[name], array.astype("f4") if array.dtype.kind == "f" else array)
        for name, array in arrays.items())


@either
def test_every_kind_of_number_is_read_from_both_formats(tmp_path, write):
    assert _same(_read(write(tmp_path / "x.pth", tensors(ARRAYS))))


def test_a_big_endian_archive_has_the_same_numbers(tmp_path):
    assert _same(_read(write_zip(tmp_path / "x.pth", tensors(ARRAYS), order="big")))
    with pytest.raises(Damaged, match="unknown byte order"):
        read_torch(_archive(tmp_path / "y.pth", [("archive/data.pkl", GOOD), ("archive/byteorder", b"middle")]))


def test_the_end_records_of_zip64_count_where_they_are_there(tmp_path):
    path = write_zip(tmp_path / "x.pth", tensors(ARRAYS))
    path.write_bytes(with_zip64(path.read_bytes()))
    assert _same(_read(path))


@either
def test_views_of_one_storage_are_read_by_their_strides(tmp_path, write):
    numbers = np.arange(12, dtype="f4")
    views = Names(rows=Tensor(numbers, (3, 4), (4, 1), "0"), columns=Tensor(numbers, (4, 3), (1, 4), "0"),
                  tail=Tensor(numbers, (2, 2), (2, 1), "0", first=8), one=Tensor(numbers, (), (), "0", first=5),
                  spread=Tensor(numbers, (3, 2), (0, 1), "0"))
    read = _read(write(tmp_path / "x.pth", views))
    table = numbers.reshape(3, 4)
    assert np.array_equal(read["rows"], table) and np.array_equal(read["columns"], table.T)
    assert read["tail"].tolist() == [[8, 9], [10, 11]] and read["one"] == 5
    assert read["spread"].tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("where", ["state_dict", "model_state_dict", "model", "network", "net"])
@either
def test_the_state_dict_of_a_checkpoint_is_found(tmp_path, write, where):
    moment = tensors({"m": np.ones(3, "f4")})["m"]
    optimiser = {"state": {0: {"momentum_buffer": moment}}, "param_groups": [{"lr": 0.1}]}
    content = {"epoch": 3, "best": 0.5, where: tensors({"a": ARRAYS["a"]}), "optimizer": {}}
    assert _same(_read(write(tmp_path / "x.pth", content)), {"a": ARRAYS["a"]})
    moment.key = "m"
    assert _same(_read(write(tmp_path / "y.pth", {**content, "optimizer": optimiser})), {"a": ARRAYS["a"]})


@either
def test_a_file_without_a_table_of_tensors_says_what_it_has(tmp_path, write):
    with pytest.raises(Damaged, match="it has epoch, lr"):
        read_torch(write(tmp_path / "x.pth", {"epoch": 3, "lr": 0.1}))
    with pytest.raises(Forbidden):
        read_torch(write(tmp_path / "y.pth", [1, 2]))


NUMBERS = np.zeros(8, "f4")


@either
@pytest.mark.parametrize("tensor", [
    Tensor(NUMBERS, (9,), (1,), "0"), Tensor(NUMBERS, (8,), (1,), "0", first=1), Tensor(NUMBERS, (2, 2), (7, 2), "0"),
    Tensor(NUMBERS, (1 << 40,), (0,), "0"), Tensor(NUMBERS, (1 << 62, 1 << 62), (1, 1), "0"),
    Tensor(NUMBERS, (2,), (1 << 62,), "0"), Tensor(NUMBERS, (-1,), (1,), "0"), Tensor(NUMBERS, (4,), (-1,), "0"),
    Tensor(NUMBERS, (4,), (1,), "0", first=-4), Tensor(NUMBERS, (4, 2), (1,), "0"), Tensor(NUMBERS, (2.0,), (1,), "0"),
    Tensor(NUMBERS, (True,), (1,), "0"), Tensor(NUMBERS, (1,) * 40, (1,) * 40, "0"),
    Tensor(NUMBERS, (1 << 40,), (1,), "0", count=1 << 40), Tensor(NUMBERS, (8,), (1,), "0", kind="DoubleStorage"),
    Tensor(NUMBERS, (2,), (1,), "0", count=-8), Tensor(NUMBERS, (2,), (1,), "0", kind="QInt8Storage"),
    Tensor(NUMBERS, (2,), (1,), "0", rebuild="torch._utils\n_rebuild_sparse_tensor"),
], ids=lambda tensor: f"{tensor.shape[:3]}-{tensor.strides[:3]}-{tensor.first}-{tensor.count}-{tensor.kind}")
def test_a_tensor_that_declares_more_than_there_is_is_refused_and_takes_no_memory(tmp_path, write, tensor):
    path = write(tmp_path / "x.pth", Names(a=tensor))
    tracemalloc.start()
    try:
        with pytest.raises((Damaged, Forbidden)):
            read_torch(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def _archive(path, files, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


GOOD = pickled(tensors({"a": NUMBERS}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("files", [
    [("archive/data.pkl", GOOD)],
    [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 31)],
    [("archive/data.pkl", GOOD), ("other/data/0", b"\0" * 32)],
    [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 32), ("archive/data/0", b"\0" * 32)],
    [("archive/data.pkl", GOOD), ("other/data.pkl", GOOD), ("archive/data/0", b"\0" * 32)],
    [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 32), ("../../evil", b"x")],
    [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 32), ("/etc/evil", b"x")],
    [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 32), ("C:\\evil", b"x")],
    [("archive/data.pkl", b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")],
    [("archive/data.pkl", b"\x80\x02c__torch__\nNet\n)\x81."), ("archive/code/x.py", b"")],
    [("archive/data.pkl", pickled("x" * (5 << 20)))],
    [("archive/weights", b"")],
], ids=range(12))
def test_an_archive_that_is_none_of_pytorchs_or_not_whole_is_refused(tmp_path, files):
    with pytest.raises((Damaged, Forbidden)):
        read_torch(_archive(tmp_path / "x.pth", files))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = _archive(tmp_path / "x.pth", [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * (1 << 24))],
                    zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 16
    with pytest.raises(Forbidden, match="compressed or encrypted"):
        read_torch(path)


def test_a_directory_of_millions_of_names_is_not_parsed(tmp_path):
    path = _archive(tmp_path / "x.pth", [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 32)])
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    entry = content[start:content.index(b"PK\x01\x02", start + 1)]
    many = entry * ((5 << 20) // len(entry))
    path.write_bytes(content[:start] + many + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(many), start, 0))
    with pytest.raises(Damaged, match="more than 4194304"):
        read_torch(path)


def test_files_that_overlap_in_an_archive_are_refused(tmp_path):
    path = _archive(tmp_path / "x.pth", [("archive/data.pkl", GOOD), ("archive/data/0", b"\0" * 64)])
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 42:place + 46] = struct.pack("<L", 0)  # the second file begins where the first one does
    path.write_bytes(content)
    with pytest.raises(Forbidden, match="overlap"):
        read_torch(path)


def test_the_directory_names_the_bytes_that_zipfile_reads(tmp_path):
    path = write_zip(tmp_path / "x.pth", tensors(ARRAYS))
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert {name: whole[stored.offset:stored.offset + stored.length] for name, stored in
                read_directory(path).items()} == {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("change", [{"grown": 1}, {"grown": 1 << 60}, {"grown": -1}, {"keys": ["0", "0"]}, {"keys": []},
                                    {"keys": ["0", "other"]}, {"keys": [0]}, {"keys": [["0"]]}])
def test_an_older_file_whose_storages_are_not_those_of_its_tensors_is_refused(tmp_path, change):
    path = write_legacy(tmp_path / "x.pth", tensors({"a": NUMBERS, "b": NUMBERS + 1}), **change)
    with pytest.raises(Damaged):
        read_torch(path)


def test_an_older_file_of_another_number_or_version_is_refused(tmp_path):
    for number, parts in enumerate([(MAGIC + 1, 1001, {}, {}, []), (MAGIC, 1002, {}, {}, []), (MAGIC, 1001, [], {}, []),
                                    (MAGIC, 1001, {}, tensors({}), "0"), ("x",)]):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(b"".join(map(pickled, parts)))
        with pytest.raises((Damaged, Forbidden)):
            read_torch(path)


@pytest.mark.parametrize("content", [b"", b"P", b"PK\x03\x04", b"version https://git-lfs.github.com/spec/v1\n",
                                     b"<!DOCTYPE html>", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, b"\x1f\x8b" + b"\0" * 50])
def test_what_is_no_file_of_torch_save_is_said_to_be_none(tmp_path, content):
    (tmp_path / "x.pth").write_bytes(content)
    with pytest.raises(Damaged):
        read_torch(tmp_path / "x.pth")


@either
def test_no_file_that_is_cut_off_or_changed_leads_to_anything_but_a_refusal_or_numbers(tmp_path, write):
    whole = write(tmp_path / "x.pth", {"state_dict": tensors({"a": NUMBERS, "b": NUMBERS + 1})}).read_bytes()
    damaged, random, refused = tmp_path / "damaged.pth", np.random.default_rng(0), 0
    for number in range(600):
        content = bytearray(whole[:random.integers(len(whole))] if number % 2 else whole)
        for place in random.integers(len(content), size=8) if len(content) and number % 4 < 3 else ():
            content[place] = random.integers(256)
        damaged.write_bytes(content)
        try:
            _read(damaged)
        except (Damaged, Forbidden):
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_what_pytorch_itself_saved_is_read(tmp_path, new):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed beside this Keras")
    state = {"a": torch.arange(12.0).reshape(3, 4).T, "b": torch.ones(2, dtype=torch.bfloat16),
             "n": torch.tensor(5), "p": torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))}
    torch.save({"state_dict": state}, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    read = _read(tmp_path / "x.pth")
    assert all(np.array_equal(read[name], tensor.detach().float().numpy()) for name, tensor in state.items())
