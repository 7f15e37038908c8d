"""Files of Hugging Face's safetensors: eight bytes with a length, a JSON header of that length, the numbers.

In: a path. Out: `StoredTensor` by name. The format holds no code; what is checked is whether the header is true: each
tensor has the bytes of its shape, and together they fill the rest of the file without a gap or an overlap, as the
format demands (github.com/huggingface/safetensors, "Format").
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radiogen.networks.pretrained.stored_tensors import (
    HEADER_LIMIT,
    Damaged,
    Region,
    StoredTensor,
    declare_tensor,
    item_size,
    whole_numbers,
)

KINDS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
         "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"}
METADATA = "__metadata__"


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors that a safetensors file declares, by name.

    Raises `Damaged` where its header is no table of tensors, or is not true of the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise Damaged("its header is longer than the file")
        if length > HEADER_LIMIT:
            raise Damaged(f"its header declares {length} bytes, more than {HEADER_LIMIT}")
        header = _parse(file.read(length))
    start = 8 + length
    tensors, ranges = {}, []
    for name, entry in header.items():
        if name != METADATA:
            tensors[name], where = _tensor(path, entry, start)
            ranges.append(where)
    _check_ranges(ranges, size - start)
    return tensors


def _parse(content: bytes) -> Mapping[str, Any]:
    """The header as a table; a name that stands twice is a fault."""
    try:
        header = json.loads(content.decode("utf-8"), object_pairs_hook=_without_doubles)
    except RecursionError:
        raise Damaged("its header is nested too deeply") from None
    except Damaged:
        raise
    except ValueError:  # no text, no JSON, or a number of thousands of digits
        raise Damaged("its header is no JSON") from None
    if not isinstance(header, dict):
        raise Damaged("its header is no table of tensors")
    return header


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise Damaged("its header has a name twice")
    return table


def _tensor(path: Path, entry: object, start: int) -> tuple[StoredTensor, tuple[int, int]]:
    """One tensor, and its first and last byte after the header."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= set(entry):
        raise Damaged("an entry of its header is no tensor")
    kind = KINDS.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if kind is None:
        raise Damaged(f"has numbers of the kind {str(entry['dtype'])[:20]!r}")
    shape, offsets = whole_numbers(entry["shape"]), whole_numbers(entry["data_offsets"])
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * item_size(kind):
        raise Damaged("a tensor has not the bytes that its shape takes")
    return declare_tensor(Region(path, kind, start + offsets[0], math.prod(shape)), 0, shape), (offsets[0], offsets[1])


def _check_ranges(ranges: list[tuple[int, int]], size: int) -> None:
    """Raises `Damaged` unless the ranges fill `size` bytes, each once."""
    end = 0
    for first, last in sorted(ranges):
        if first != end:
            raise Damaged("tensors overlap" if first < end else "there are bytes between its tensors")
        end = last
    if end != size:
        raise Damaged("ends before its tensors do" if end > size else "there are bytes after its tensors")
