"""Files of weights as PyTorch and safetensors write them, made without either, true and false ones.

`pickled` writes protocol 2 as `torch.save` does; `Tensor` is in the place of a tensor. `write_zip` and `write_legacy`
put the storages beside it in the two formats; `state_of` has the names of a ResNet's weights.
"""

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KINDS = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i8": "LongStorage",
         "|u1": "ByteStorage"}
MAGIC, PROTOCOL = 0x1950a86a20f9469cfc6c, 1001


@dataclass
class Tensor:
    """A tensor over a storage: `numbers` (one axis), under `key`."""

    numbers: np.ndarray
    shape: Sequence[int]
    strides: Sequence[int]
    key: str
    first: int = 0
    kind: str = ""
    count: int | None = None
    rebuild: str = "torch._utils\n_rebuild_tensor_v2"


class Names(dict):
    """Pickled as an OrderedDict."""


def tensors(arrays: Mapping[str, np.ndarray]) -> Names:
    """Each array as a whole storage of its own."""
    return Names({name: Tensor(whole.ravel(), array.shape, [step // array.itemsize for step in whole.strides],
                               str(number))
                  for number, (name, array) in enumerate(arrays.items()) for whole in [np.array(array, order="C")]})


def pickled(value: object) -> bytes:
    """A whole pickle of protocol 2."""
    return b"\x80\x02" + _instructions(value) + b"."


def _instructions(value: object) -> bytes:  # noqa: PLR0911
    if value is None or value is True or value is False:
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, bytes):  # instructions as they are
        return value
    if isinstance(value, int):
        short = -2 ** 31 <= value < 2 ** 31
        return b"J" + struct.pack("<i", value) if short else b"\x8a\x10" + value.to_bytes(16, "little", signed=True)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, Tensor):
        kind = value.kind or KINDS[value.numbers.dtype.newbyteorder("<").str]
        count = len(value.numbers) if value.count is None else value.count
        storage = (b"(" + _instructions("storage") + f"ctorch\n{kind}\n".encode() + _instructions(value.key)
                   + _instructions("cpu") + _instructions(count) + b"tQ")
        return (f"c{value.rebuild}\n(".encode() + storage + _instructions(value.first)
                + _instructions(tuple(value.shape)) + _instructions(tuple(value.strides)) + b"\x89"
                + _instructions(Names()) + b"tR")
    if isinstance(value, tuple | list):
        items = b"".join(map(_instructions, value))
        return b"(" + items + b"t" if isinstance(value, tuple) else b"](" + items + b"e"
    start = b"ccollections\nOrderedDict\n)R" if isinstance(value, Names) else b"}"
    return start + b"(" + b"".join(_instructions(key) + _instructions(item) for key, item in value.items()) + b"u"


def storages(value: object) -> dict[str, np.ndarray]:
    """The numbers of every storage in a value, by key."""
    if isinstance(value, Tensor):
        return {value.key: value.numbers}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return {key: numbers for item in items for key, numbers in storages(item).items()}


def write_zip(path: Path, value: object, *, order: str = "little", method: int = zipfile.ZIP_STORED,
              more: Sequence[tuple[str, bytes]] = (), pickle: bytes | None = None) -> Path:
    """PyTorch's archive; more: further files in it; pickle: instead of the value's."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", pickled(value) if pickle is None else pickle)
        archive.writestr("archive/byteorder", order)
        for key, numbers in storages(value).items():
            archive.writestr(f"archive/data/{key}", numbers.astype(numbers.dtype.newbyteorder(order)).tobytes())
        for name, content in more:
            archive.writestr(name, content)
    return path


def write_legacy(path: Path, value: object, *, keys: Sequence[str] | None = None, grown: int = 0) -> Path:
    """PyTorch's format before 1.6; grown: by how much each storage's count is wrong."""
    kept = storages(value)
    with path.open("wb") as file:
        for part in (MAGIC, PROTOCOL, {"protocol_version": PROTOCOL, "little_endian": True}, value,
                     sorted(kept) if keys is None else list(keys)):
            file.write(pickled(part))
        for key in sorted(kept):
            file.write(struct.pack("<q", len(kept[key]) + grown) + kept[key].tobytes())
    return path


def with_zip64(content: bytes) -> bytes:
    """The same archive with the end records of zip64 that PyTorch writes: then the old ones' numbers do not count."""
    place = content.rindex(b"PK\x05\x06")
    count, = struct.unpack("<H", content[place + 10:place + 12])
    length, start = struct.unpack("<2L", content[place + 12:place + 20])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    end = content[place:place + 8] + b"\xff" * 12 + content[place + 20:]
    return content[:place] + record + locator + end


def write_safetensors(path: Path, header: object, content: bytes = b"", *, length: int | None = None) -> Path:
    """A header, as JSON or as bytes, and what follows it; length: what is declared of the header instead."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + content)
    return path


def safetensors_of(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Arrays as safetensors keeps them."""
    kinds = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "<i8": "I64", "|u1": "U8"}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    body = io.BytesIO()
    for name, array in arrays.items():
        first = body.tell()
        body.write(array.tobytes())
        header[name] = {"dtype": kinds[array.dtype.str], "shape": list(array.shape),
                        "data_offsets": [first, body.tell()]}
    return write_safetensors(path, header, body.getvalue())


def state_of(blocks: Sequence[int], width: int = 4, channels: int = 1, *, shortcut: str = "B", bottleneck: bool = False,
             kernel: int = 3) -> dict[str, np.ndarray]:
    """Random weights under the names of MONAI's and Med3D's 3D ResNets, without their heads; shortcut: `A` has none."""
    random, state = np.random.default_rng(0), {}

    def layer(convolution: str, normalisation: str, size: int, before: int, after: int) -> None:
        state[f"{convolution}.weight"] = random.normal(0, 0.2, (after, before, size, size, size)).astype("f4")
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{normalisation}.{part}"] = random.uniform(0.5, 1.5, after).astype("f4")
        state[f"{normalisation}.num_batches_tracked"] = np.array(7, "i8")

    layer("conv1", "bn1", kernel, channels, width)
    before = width
    for stage, count in enumerate(blocks, start=1):
        inside = width * 2 ** (stage - 1)
        after = 4 * inside if bottleneck else inside
        for number in range(count):
            name = f"layer{stage}.{number}"
            for place, (size, one, two) in enumerate([(1, before, inside), (3, inside, inside), (1, inside, after)]
                                                     if bottleneck else [(3, before, inside), (3, inside, after)], 1):
                layer(f"{name}.conv{place}", f"{name}.bn{place}", size, one, two)
            if before != after and shortcut == "B":
                layer(f"{name}.downsample.0", f"{name}.downsample.1", 1, before, after)
            before = after
    return state
