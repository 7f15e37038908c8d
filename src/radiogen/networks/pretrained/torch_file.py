"""Files of `torch.save`: the zip archive of PyTorch 1.6 and later, and the row of pickles before it.

In: a path. Out: `StoredTensor` by name, of the one table of tensors in it: a `state_dict`, alone or in a checkpoint.
Neither PyTorch nor Python's unpickler is used; tensor_pickle.py reads pickles, zip_directory.py archives. MedicalNet's
files are of the older kind.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from radiogen.networks.pretrained.stored_tensors import (
    HEADER_LIMIT,
    Damaged,
    Forbidden,
    Region,
    StoredTensor,
    declare_tensor,
    item_size,
)
from radiogen.networks.pretrained.tensor_pickle import PickledStorage, PickledTensor, Unpickled, unpickle
from radiogen.networks.pretrained.zip_directory import SIGNATURE, read_directory

MAGIC_NUMBER, PROTOCOL = 0x1950a86a20f9469cfc6c, 1001
"""What the first two pickles of an older file hold (torch/serialization.py)."""

STATES = ("state_dict", "model_state_dict", "model", "network", "net")
"""Under which names checkpoints keep a state_dict: Med3D and Lightning, PyTorch's tutorials, MONAI's handlers."""


def read_torch(path: Path) -> dict[str, StoredTensor]:
    """The tensors that a file of `torch.save` declares, by name.

    Raises `Damaged` where the file is none, is cut off or declares more than it has, `Forbidden` where it holds
    anything but tensors and plain values.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(SIGNATURE):
        return _read_zip(path)
    if start[:1] == b"\x80":
        return _read_pickles(path)
    raise Damaged("is no file of torch.save")


def _read_zip(path: Path) -> dict[str, StoredTensor]:
    """`<folder>/data.pkl`, `<folder>/byteorder` and `<folder>/data/<key>` of an archive."""
    entries = read_directory(path)
    folders = [name.removesuffix("/data.pkl") for name in entries if name.endswith("/data.pkl")]
    if len(folders) != 1:
        raise Damaged("is no archive of torch.save")
    folder, = folders
    order = _content(path, entries[f"{folder}/byteorder"]) if f"{folder}/byteorder" in entries else b"little"
    if order not in (b"little", b"big"):
        raise Damaged("has an unknown byte order")

    def region(storage: PickledStorage) -> Region:
        stored = entries.get(f"{folder}/data/{storage.key}")
        if stored is None or stored.length < storage.count * item_size(storage.kind):
            raise Damaged("has fewer bytes than its tensors declare")
        return Region(path, storage.kind, stored.offset, storage.count, "<" if order == b"little" else ">")

    return _tensors(unpickle(_content(path, entries[f"{folder}/data.pkl"])), region)


def _content(path: Path, stored: tuple[int, int]) -> bytes:
    offset, length = stored
    if length > HEADER_LIMIT:
        raise Damaged(f"has a pickle of {length} bytes, more than {HEADER_LIMIT}")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _read_pickles(path: Path) -> dict[str, StoredTensor]:
    """Five pickles (a number, a version, the machine, the content, the storages' keys), then the storages: of each the
    count of its numbers in eight bytes, and the numbers."""
    with path.open("rb") as file:
        head = file.read(HEADER_LIMIT)
    magic = unpickle(head)
    if magic.content != MAGIC_NUMBER:
        raise Damaged("is no file of torch.save")
    version = unpickle(head, magic.end)
    machine = unpickle(head, version.end)
    content = unpickle(head, machine.end)
    keys = unpickle(head, content.end)
    if version.content != PROTOCOL or not isinstance(machine.content, dict) or not isinstance(keys.content, list):
        raise Damaged("is of a version of torch.save that is not known here")
    order = "<" if machine.content.get("little_endian", True) else ">"
    regions = _locate(path, content.storages, keys, order)

    def region(storage: PickledStorage) -> Region:
        if storage.key not in regions:
            raise Damaged("has fewer storages than its tensors declare")
        return regions[storage.key]

    return _tensors(content, region)


def _locate(path: Path, storages: Mapping[str, PickledStorage], keys: Unpickled, order: str) -> dict[str, Region]:
    """Where each storage lies behind the pickles, by key."""
    regions: dict[str, Region] = {}
    size, place = path.stat().st_size, keys.end
    with path.open("rb") as file:
        for key in keys.content:
            storage = storages.get(key) if isinstance(key, str) else None
            if storage is None or key in regions:
                raise Damaged("lists a storage twice, or one that no tensor has")
            file.seek(place)
            count = int.from_bytes(file.read(8), "little" if order == "<" else "big")
            place += 8
            if count != storage.count or place + count * item_size(storage.kind) > size:
                raise Damaged("has fewer bytes than its tensors declare")
            regions[key] = Region(path, storage.kind, place, count, order)
            place += count * item_size(storage.kind)
    return regions


def _tensors(pickled: Unpickled, region: Callable[[PickledStorage], Region]) -> dict[str, StoredTensor]:
    """The table of tensors in what a pickle holds, each where it lies in the file."""
    table = _state(pickled.content)
    tensors = {name: value for name, value in table.items() if type(value) is PickledTensor}
    return {name: declare_tensor(region(one.storage), one.first, one.shape, one.strides)
            for name, one in tensors.items()}


def _state(content: Any) -> dict[str, Any]:
    """The state_dict in a pickle's content: itself, or under one of `STATES`."""
    if type(content) is not dict:
        raise Forbidden("holds no table of tensors")
    inner = [content[name] for name in STATES if type(content.get(name)) is dict and _has_tensors(content[name])]
    if inner or _has_tensors(content):
        return inner[0] if inner else content
    raise Damaged(f"has no table of tensors (it has {', '.join(map(str, [*content][:5]))[:80] or 'nothing'})")


def _has_tensors(table: dict) -> bool:
    return any(type(value) is PickledTensor and isinstance(name, str) for name, value in table.items())
