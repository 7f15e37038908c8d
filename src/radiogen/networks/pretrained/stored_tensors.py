"""A tensor as a file of weights declares it, checked against the file before any of its numbers is read.

In: what a header says of one tensor. Out: a `StoredTensor`, whose `read` returns the array. A declaration costs no
memory; one that the file cannot keep is refused here, whatever format it came in.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER_LIMIT = 4 << 20
"""Bytes that names, shapes and other declarations of a file may take; those of a ResNet-200 take a twentieth."""
MAX_AXES = 16

ITEM_TYPES = {"float64": "f8", "float32": "f4", "float16": "f2", "bfloat16": "u2", "int64": "i8", "int32": "i4",
              "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "u1"}
"""numpy's type of one number of each kind; bfloat16 is the upper half of a float32."""


class Damaged(ValueError):
    """A file that is cut off, or declares what it does not have."""


class Forbidden(ValueError):
    """A file that holds something else than tensors, such as code."""


@dataclass(frozen=True)
class StoredTensor:
    """Where the numbers of one tensor are in a file.

    kind: a key of `ITEM_TYPES`; offset: of the first number, bytes; strides: in numbers; byte_order: `<` or `>`.
    """

    path: Path
    kind: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    byte_order: str = "<"

    def read(self) -> np.ndarray:
        """The array; floating-point numbers as float32. Raises `Damaged` where the file ends before it does."""
        item = np.dtype(self.byte_order + ITEM_TYPES[self.kind])
        span = _span(self.shape, self.strides)
        with self.path.open("rb") as file:
            file.seek(self.offset)
            content = file.read(span * item.itemsize)
        if len(content) < span * item.itemsize:
            raise Damaged("ends before its tensors do")
        array = np.ndarray(self.shape, item, content, strides=[step * item.itemsize for step in self.strides])
        if self.kind == "bfloat16":
            return (array.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):  # too large for float32 is infinite, which is refused later
            return array.astype(np.float32 if item.kind == "f" else item.newbyteorder("="))


@dataclass(frozen=True)
class Region:
    """A part of a file with numbers of one kind, one after the other; offset: bytes from the file's start."""

    path: Path
    kind: str
    offset: int
    count: int
    byte_order: str = "<"


def declare_tensor(region: Region, first: object, shape: object, strides: object = None) -> StoredTensor:
    """The tensor of this shape that begins with number `first` of a region; strides: row by row where they are None.

    Raises `Damaged` where a length is no whole number from 0 upwards, or the region has fewer numbers than the tensor.
    """
    lengths = whole_numbers(shape)
    steps = _steps_row_by_row(lengths) if strides is None else whole_numbers(strides)
    begin, = whole_numbers([first])
    if len(lengths) != len(steps):
        raise Damaged(f"a tensor has {len(lengths)} axes and {len(steps)} strides")
    if begin + _span(lengths, steps) > region.count or math.prod(lengths) > region.count:
        raise Damaged(f"a tensor of {_shown(lengths)} numbers declares more than the {region.count} that are stored")
    return StoredTensor(region.path, region.kind, region.offset + begin * item_size(region.kind), lengths, steps,
                        region.byte_order)


def item_size(kind: str) -> int:
    """Bytes of one number of this kind."""
    return np.dtype(ITEM_TYPES[kind]).itemsize


def whole_numbers(values: object) -> tuple[int, ...]:
    """`values`, at most 16 whole numbers from 0 upwards, of 63 bits; raises `Damaged` where they are something else."""
    if not isinstance(values, list | tuple) or len(values) > MAX_AXES or not all(
            type(each) is int and 0 <= each < 1 << 63 for each in values):
        raise Damaged("a shape, stride or offset is no short list of whole numbers")
    return tuple(values)


def _steps_row_by_row(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1:]) for axis in range(len(shape)))


def _span(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """From the first to the last number, both counted; 0 for an empty tensor."""
    return 0 if 0 in shape else 1 + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
