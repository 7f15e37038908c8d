"""Pickles: plain values and tensors come through; code, and whatever else a pickle can do, does not."""

import contextlib
import os
import pickle
import struct
import sys
from collections import OrderedDict

import numpy as np
import pytest

from benchmarks.synthetic.weight_files import Names, Tensor, pickled
from radiogen.networks.pretrained.stored_tensors import Damaged, Forbidden
from radiogen.networks.pretrained.tensor_pickle import PickledStorage, PickledTensor, unpickle

PLAIN = {"epoch": 3, "loss": 0.25, "name": "net", "done": True,
         "rest": [1, -70000, None, False, (), (1, 2), (3, 4, 5, 6)],
         "large": 2 ** 60, "negative": -5, 7: {"nested": [[]]}, "twice": ["net", "net"]}


class Runs:
    """Unpickled by Python, this calls `os.system`."""

    def __reduce__(self):
        return os.system, ("echo ran > /dev/null",)


class WithState:
    """An object with attributes."""

    def __init__(self):
        self.value = 1


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_through_as_python_wrote_them(protocol):
    assert unpickle(pickle.dumps(PLAIN, protocol)).content == PLAIN
    assert unpickle(pickle.dumps(OrderedDict(a=1, b=[2]), protocol)).content == {"a": 1, "b": [2]}


def test_a_tensor_is_its_storage_and_its_shape_and_nothing_of_it_is_read():
    read = unpickle(pickled(Names(weight=Tensor(np.zeros(0, "f4"), (2, 3), (3, 1), "5", first=4, count=10))))
    storage = PickledStorage("5", "float32", 10)
    assert read.content == {"weight": PickledTensor(storage, 4, (2, 3), (3, 1))}
    assert read.storages == {"5": storage}


def test_pickles_stand_one_after_the_other():
    first = pickled([1, 2])
    both = first + pickled("rest") + b"more"
    assert unpickle(both).end == len(first)
    assert unpickle(both, len(first)).content == "rest"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("value", [Runs(), WithState(), eval, print, np.zeros(2), {1, 2}, bytearray(b"x"), 2 ** 5000,
                                   pickle.Unpickler, sys.exit, {"state_dict": Runs()}],
                         ids=["os.system", "object", "eval", "print", "numpy", "set", "bytearray", "long", "Unpickler",
                              "exit", "inside"])
def test_what_is_no_tensor_is_refused_and_nothing_is_called(protocol, value, monkeypatch):
    content = pickle.dumps(value, protocol)
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("called"))
    with pytest.raises((Forbidden, Damaged)):
        unpickle(content)


@pytest.mark.parametrize("name", ["os\nsystem", "posix\nsystem", "nt\nsystem", "builtins\neval", "__builtin__\neval",
                                  "builtins\ngetattr", "builtins\n__import__", "subprocess\nPopen", "torch\nload",
                                  "torch.hub\nload", "torch._utils\n_rebuild_tensor_v2.__globals__",
                                  "torch\nos.system", "torch.serialization\nload", "torch\nTensor",
                                  "numpy.core.multiarray\n_reconstruct", "collections\nOrderedDict.__init__",
                                  "collections\neval", "evil\nFloatStorage", "_codecs\nencode", "__main__\nRuns",
                                  "copyreg\n_reconstructor", "operator\nattrgetter"])
def test_names_outside_of_the_list_are_refused(name):
    with pytest.raises(Forbidden, match="which is no tensor"):
        unpickle(b"\x80\x02c" + name.encode() + b"\n(X\x02\x00\x00\x00lstR.")
    module, last = name.split("\n")
    with pytest.raises(Forbidden, match="which is no tensor"):
        unpickle(pickled(b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, last)) + b"\x93"))


STORAGE = b"ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
A_TENSOR = pickled(Tensor(np.zeros(2, "f4"), (2,), (1,), "0"))[2:-1]
TEXT = b"X\x01\x00\x00\x00a"


@pytest.mark.parametrize("instructions", [
    STORAGE + b"(K\x01tR",  # a storage is called
    TEXT + b")R",  # a text is called
    b"NN" + b"R",
    A_TENSOR + b"}b",  # attributes of a tensor
    b"}" + TEXT + b"b",
    b"ccollections\nOrderedDict\n)\x81",  # NEWOBJ
    b"ccollections\nOrderedDict\n)}\x92",  # NEWOBJ_EX
    b"(ccollections\nOrderedDict\no",  # OBJ
    b"(ios\nsystem\n",  # INST
    b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00",  # EXT
    b"Pos.system\n", b"S'a'\n", b"I1\n", b"V a\n", b"\x8b\x01\x00\x00\x00\x01", b"\x97", b"\x98", b"\x8f",
    TEXT + b"Q",  # a persistent id that is no storage
    b"(" + TEXT + STORAGE + TEXT + TEXT + b"K\x01tQ",
    b"(X\x06\x00\x00\x00moduleNNNNtQ",
    b"ccollections\nOrderedDict\n](](K\x01K\x02eeq\x01\x85R",  # copies of a list, as many as a pickle has bytes
    b"ctorch\nSize\n]\x85R",
    REBUILD + b")R", REBUILD + b"(NNNNtR", REBUILD + b"(K\x01K\x02K\x03K\x04tR",
    b"ctorch._utils\n_rebuild_parameter\n(NtR",
    b"}(" + TEXT + b"u", b"}](K\x01K\x02eK\x01s", b"}((K\x01tK\x02u", b"}NK\x01s", b"K\x01K\x02a", b"K\x01(K\x02e",
    b"t", b"u", b"e", b"\x85", b"\x87", b"R", b"b", b"Q", b"s", b"", b"q\x01", b"h\x05", b"j\xff\xff\xff\xff",
    b"T\xff\xff\xff\xff", b"X\xff\xff\xff\xff", b"\x8d" + b"\xff" * 8, b"X\x01\x00\x00\x00\xff",
    b"c" + b"a" * 5000 + b"\nb\n", b"c\xff\nb\n", b"cos", b"(" * 1000 + b"t" * 1001,
], ids=lambda instructions: repr(instructions[:24]))
def test_an_instruction_that_no_tensor_needs_ends_the_reading(instructions):
    with pytest.raises((Forbidden, Damaged)):
        unpickle(b"\x80\x02" + instructions + b".")


@pytest.mark.parametrize("part", [b"K\x05", b"N", b"X\x01\x00\x00\x00k"])
def test_a_storage_is_described_in_one_way(part):
    def storage(kind, count):
        return b"(X\x07\x00\x00\x00storagectorch\n" + kind + b"\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + count + b"tQ"

    with pytest.raises(Damaged):
        unpickle(b"\x80\x02(" + storage(b"FloatStorage", b"K\x04") + storage(b"DoubleStorage", part) + b"t.")


def test_a_memo_of_any_number_takes_the_memory_of_one():
    assert unpickle(b"\x80\x02K\x07r\xff\xff\xff\xffj\xff\xff\xff\xff\x86.").content == (7, 7)


def test_a_list_that_contains_itself_and_one_nested_a_hundred_thousand_times_are_no_trouble():
    assert len(unpickle(b"\x80\x02]q\x00h\x00a.").content) == 1
    deep = unpickle(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".").content
    assert len(deep) == 1
    with pytest.raises(Damaged):  # its hash would call itself a hundred thousand times
        unpickle(b"\x80\x02})" + b"\x85" * 100_000 + b"K\x01s.")


def test_no_pickle_that_is_cut_off_leads_to_anything_but_a_refusal():
    whole = pickled({"state_dict": Names(a=Tensor(np.zeros(4, "f4"), (2, 2), (2, 1), "0")), "more": PLAIN["rest"]})
    assert unpickle(whole).content["more"] == PLAIN["rest"]
    for end in range(len(whole)):
        with pytest.raises((Damaged, Forbidden)):
            unpickle(whole[:end])


def test_no_pickle_whose_bytes_were_changed_leads_to_anything_but_a_refusal_or_plain_values():
    random = np.random.default_rng(0)
    whole = pickled({"state_dict": Names(a=Tensor(np.zeros(4, "f4"), (2, 2), (2, 1), "0")), "more": PLAIN["rest"]})
    refused = 0
    for _ in range(3000):
        content = bytearray(whole)
        for place in random.integers(len(content), size=random.integers(1, 6)):
            content[place] = random.integers(256)
        try:
            unpickle(bytes(content))
        except (Damaged, Forbidden):
            refused += 1
    assert refused > 1000
    for _ in range(3000):
        with contextlib.suppress(Damaged, Forbidden):
            unpickle(random.bytes(40))


def test_text_of_python_2_is_text():
    assert unpickle(b"\x80\x02U\x03abcT" + struct.pack("<i", 2) + b"de\x86.").content == ("abc", "de")
