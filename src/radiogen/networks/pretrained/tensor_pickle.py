"""The pickles that PyTorch writes, read by a machine that knows tensors alone and calls nothing.

In: bytes. Out: dictionaries, lists, tuples, texts, numbers, and `PickledTensor` where the pickle would build a tensor.
Python's own unpickler is not used: a name outside of `_REBUILD` and the storages, or an instruction that makes objects
of other classes, ends the reading (`Forbidden`). Memory grows with the bytes read, never with what they declare.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from radiogen.networks.pretrained.stored_tensors import Damaged, Forbidden

STORAGES = {"DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
            "BFloat16Storage": "bfloat16", "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16",
            "CharStorage": "int8", "ByteStorage": "uint8", "BoolStorage": "bool"}

LONGEST_NAME = 1000


@dataclass(frozen=True)
class PickledStorage:
    """Numbers that lie outside of the pickle, under a key."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class PickledTensor:
    """A tensor's storage, first number, shape and strides, as the pickle declares them: nothing is checked yet."""

    storage: PickledStorage
    first: object
    shape: object
    strides: object


@dataclass
class Unpickled:
    """What a pickle holds; end: the byte after it; storages: all that it refers to, by key."""

    content: Any
    end: int
    storages: dict[str, PickledStorage]


def unpickle(data: bytes, start: int = 0) -> Unpickled:
    """The pickle that begins at byte `start`.

    Raises `Forbidden` where it needs anything but tensors and plain values, `Damaged` where it is cut off or broken.
    """
    machine = _Machine(data, start)
    try:
        while machine.step():
            pass
        return Unpickled(machine.stack.pop(), machine.place, machine.storages)
    except (IndexError, struct.error, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        raise Damaged("its pickle is cut off or broken") from None


@dataclass(frozen=True)
class _Global:
    """A name that a pickle imports; it stays a name."""

    name: str


class _Mark:
    """The place on the stack from which the next list, tuple or table is taken."""


_MARK = _Mark()


@dataclass
class _Machine:
    """Pickle's stack machine (pickletools.py describes each instruction)."""

    data: bytes
    place: int
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: dict[str, PickledStorage] = field(default_factory=dict)

    def step(self) -> bool:
        """Carry out one instruction; False after the last one."""
        code = self.take(1)
        if code == b".":
            return False
        instruction = _INSTRUCTIONS.get(code)
        if instruction is None:
            raise Forbidden(f"its pickle has the instruction {code!r}, which no tensor needs")
        instruction(self)
        return True

    def take(self, count: int) -> bytes:
        """The next bytes of the pickle."""
        taken = self.data[self.place:self.place + count] if count >= 0 else b""
        if len(taken) != count:
            raise Damaged("its pickle is cut off")
        self.place += count
        return taken

    def number(self, form: str) -> Any:
        """The next number, in a form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Text up to the end of a line."""
        text = self.take(self.data.find(b"\n", self.place, self.place + LONGEST_NAME) - self.place)
        self.take(1)
        return text.decode("ascii")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def since_mark(self) -> list[Any]:
        """What was pushed since the last mark, taken from the stack with it."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            if place == 0:
                raise Damaged("its pickle is broken")
            place -= 1
        taken = self.stack[place + 1:]
        del self.stack[place:]
        return taken

    def last(self, count: int) -> tuple[Any, ...]:
        """The last values, taken from the stack."""
        if len(self.stack) < count:
            raise Damaged("its pickle is broken")
        taken = tuple(self.stack[len(self.stack) - count:])
        del self.stack[len(self.stack) - count:]
        return taken

    def text(self, form: str, encoding: str = "utf-8") -> None:
        self.push(self.take(self.number(form)).decode(encoding))

    def set_items(self, items: list[Any]) -> None:
        """Put names and values, one after the other, into the table on the stack. Names are texts or numbers: the
        hash of a tuple nested a million times would end the process."""
        table = self.stack[-1]
        if type(table) is not dict or len(items) % 2 or not all(type(key) in (str, int) for key in items[::2]):
            raise Damaged("its pickle is broken: a table is none")
        table.update(zip(items[::2], items[1::2], strict=True))

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise Damaged("its pickle is broken: a list is none")
        self.stack[-1].extend(items)

    def import_name(self, module: Any, name: Any) -> None:
        full = f"{module}.{name}"
        if full not in _REBUILD and _storage_kind(full) is None:
            raise Forbidden(f"its pickle names {full[:80]}, which is no tensor")
        self.push(_Global(full))

    def reduce(self) -> None:
        called, arguments = self.last(2)
        if type(called) is not _Global or called.name not in _REBUILD or type(arguments) is not tuple:
            raise Forbidden("its pickle calls something that builds no tensor")
        self.push(_REBUILD[called.name](*arguments))

    def build(self) -> None:
        """An OrderedDict's attributes, which PyTorch uses for versions, are left out; nothing else may have any."""
        state, = self.last(1)
        if type(self.stack[-1]) is not dict or type(state) is not dict:
            raise Forbidden("its pickle sets attributes of an object")

    def refer(self) -> None:
        """A storage: ('storage', its class, key, device, count)."""
        (identity,) = self.last(1)
        if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
            raise Forbidden("its pickle refers to something that is no storage")
        _, kind, key, _, count, *view = identity
        kind = _storage_kind(kind.name) if type(kind) is _Global else None
        if kind is None or type(key) is not str or type(count) is not int or count < 0 or view not in ([], [None]):
            raise Damaged("its pickle refers to a storage of an unknown form")
        storage = PickledStorage(key, kind, count)
        if self.storages.setdefault(key, storage) != storage:
            raise Damaged("its pickle describes a storage in two ways")
        self.push(storage)


def _storage_kind(name: str) -> str | None:
    """The kind of numbers of PyTorch's class of this name; None for other names."""
    place, _, last = name.rpartition(".")
    return STORAGES.get(last) if place in ("torch", "torch.cuda", "torch.storage") else None


def _ordered_dict() -> dict:
    return {}


def _rebuild_tensor(storage: Any, first: Any, shape: Any, strides: Any, *_: Any) -> PickledTensor:
    if type(storage) is not PickledStorage:
        raise Damaged("a tensor of its pickle has no storage")
    return PickledTensor(storage, first, shape, strides)


def _rebuild_parameter(tensor: Any, *_: Any) -> PickledTensor:
    if type(tensor) is not PickledTensor:
        raise Damaged("a parameter of its pickle is no tensor")
    return tensor


def _size(lengths: Any) -> tuple:
    """No copy: a pickle could ask for as many as it has bytes."""
    if type(lengths) is not tuple:
        raise Damaged("a size of its pickle is no tuple")
    return lengths


_REBUILD: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict, "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor, "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch.Size": _size}
"""What stands in for each function that a pickle of tensors calls."""

_INSTRUCTIONS: dict[bytes, Callable[[_Machine], object]] = {
    b"\x80": lambda m: m.take(1), b"\x95": lambda m: m.take(8),
    b"N": lambda m: m.push(None), b"\x88": lambda m: m.push(True), b"\x89": lambda m: m.push(False),
    b"}": lambda m: m.push({}), b"]": lambda m: m.push([]), b")": lambda m: m.push(()), b"(": lambda m: m.push(_MARK),
    b"J": lambda m: m.push(m.number("<i")), b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")), b"G": lambda m: m.push(m.number(">d")),
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number("<B")), "little", signed=True)),
    b"X": lambda m: m.text("<I"), b"\x8c": lambda m: m.text("<B"), b"\x8d": lambda m: m.text("<Q"),
    b"T": lambda m: m.text("<i", "latin-1"), b"U": lambda m: m.text("<B", "latin-1"),
    b"\x85": lambda m: m.push(m.last(1)), b"\x86": lambda m: m.push(m.last(2)), b"\x87": lambda m: m.push(m.last(3)),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"s": lambda m: m.set_items(list(m.last(2))), b"u": lambda m: m.set_items(m.since_mark()),
    b"a": lambda m: m.extend(list(m.last(1))), b"e": lambda m: m.extend(m.since_mark()),
    b"q": lambda m: m.memo.__setitem__(m.number("<B"), m.stack[-1]),
    b"r": lambda m: m.memo.__setitem__(m.number("<I"), m.stack[-1]),
    b"\x94": lambda m: m.memo.__setitem__(len(m.memo), m.stack[-1]),
    b"h": lambda m: m.push(m.memo[m.number("<B")]), b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"c": lambda m: m.import_name(m.line(), m.line()), b"\x93": lambda m: m.import_name(*m.last(2)),
    b"R": _Machine.reduce, b"b": _Machine.build, b"Q": _Machine.refer}
"""Instructions of protocols 2 to 5 that tensors, tables and plain values need; `since_mark` keeps their order."""
