"""Vector instructions that numba has no words for, in LLVM's own language: each becomes part of its caller.

In: addresses (uint64) of arrays in C order; what lies there is not checked. Out: what is written at the last address.
LLVM picks the processor's own instructions for them.
"""

import functools
from collections.abc import Callable, Sequence

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.core.base import BaseContext as Target
from numba.core.types import Type
from numba.core.typing import Context, Signature
from numba.extending import intrinsic

Intrinsic = tuple[Signature, Callable[..., ir.Value]]
"""What numba wants of an intrinsic: its signature, and a function that writes its instructions."""

_ADDRESS = numba.types.uint64
_INT, _LONG, _FLOAT = ir.IntType(32), ir.IntType(64), ir.FloatType()
_INTS, _FLOATS = ir.VectorType(_INT, 8), ir.VectorType(_FLOAT, 8)


def _long(number: int) -> ir.Constant:
    return ir.Constant(_LONG, number)


def _load(builder: ir.IRBuilder, kind: ir.Type, address: ir.Value, offset: int | ir.Value) -> ir.Value:
    """A value of the LLVM type `kind`, `offset` bytes behind `address`, aligned to 2 bytes or more."""
    place = builder.add(address, _long(offset) if isinstance(offset, int) else offset)
    return builder.load(builder.inttoptr(place, kind.as_pointer()), align=2)


def _store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, offset: int | ir.Value, align: int = 2
           ) -> ir.Value:
    place = builder.add(address, _long(offset) if isinstance(offset, int) else offset)
    return builder.store(value, builder.inttoptr(place, value.type.as_pointer()), align=align)


def _shuffle(builder: ir.IRBuilder, first: ir.Value, second: ir.Value, places: Sequence[int]) -> ir.Value:
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(_INT, len(places)), places))


def _repeat(builder: ir.IRBuilder, value: ir.Value, count: int) -> ir.Value:
    single = builder.insert_element(ir.Constant(ir.VectorType(value.type, count), ir.Undefined), value, _INT(0))
    return _shuffle(builder, single, single, [0] * count)


def _transposed(builder: ir.IRBuilder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """8 vectors of 8 values, each vector made of what was at its place in all others."""
    rows = list(rows)
    for distance, low, high in ((4, [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
                                (2, [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
                                (1, [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15])):
        for row in range(8):  # quarters of the block change places, then quarters of those, then pairs
            if not row & distance:
                above, below = rows[row], rows[row + distance]
                rows[row] = _shuffle(builder, above, below, low)
                rows[row + distance] = _shuffle(builder, above, below, high)
    return rows


@intrinsic
def transpose_floats(context: Context, source: Type, source_step: Type, target: Type, target_step: Type) -> Intrinsic:
    """Write 8 x 8 float32 at `source` transposed to `target`; steps are bytes from row to row."""
    def build(context: Target, builder: ir.IRBuilder, signature: Signature, values: Sequence[ir.Value]) -> ir.Value:
        source, source_step, target, target_step = values
        rows = [_load(builder, _FLOATS, source, builder.mul(source_step, _long(row))) for row in range(8)]
        for row, values in enumerate(_transposed(builder, rows)):
            _store(builder, values, target, builder.mul(target_step, _long(row)))
        return context.get_dummy_value()
    return numba.types.void(_ADDRESS, _ADDRESS, _ADDRESS, _ADDRESS), build


@intrinsic
def transpose_shorts(context: Context, source: Type, source_step: Type, target: Type) -> Intrinsic:
    """Write 8 x 16 uint16 at `source`, `source_step` bytes from row to row, as 16 x 8 float32 to `target`."""
    def build(context: Target, builder: ir.IRBuilder, signature: Signature, values: Sequence[ir.Value]) -> ir.Value:
        source, source_step, target = values
        rows = [_load(builder, _INTS, source, builder.mul(source_step, _long(row))) for row in range(8)]
        for pair, both in enumerate(_transposed(builder, rows)):  # two neighbours in 32 bits, the first one low
            first = builder.and_(both, ir.Constant(_INTS, [0xFFFF] * 8))
            second = builder.lshr(both, ir.Constant(_INTS, [16] * 8))
            for number, whole in enumerate((first, second)):
                _store(builder, builder.sitofp(whole, _FLOATS), target, 32 * (2 * pair + number))
        return context.get_dummy_value()
    return numba.types.void(_ADDRESS, _ADDRESS, _ADDRESS), build


def _weighted_sum(taps: int, more: bool) -> Callable[..., object]:
    """The sum of `taps` vectors of 8 floats, each times one of `weights`; more: added to what is at the target."""
    def weighted_sum(context: Context, source: Type, weights: Type, target: Type) -> Intrinsic:
        def build(context: Target, builder: ir.IRBuilder, signature: Signature, values: Sequence[ir.Value]) -> ir.Value:
            source, weights, target = values
            total = _load(builder, _FLOATS, target, 0) if more else None
            for tap in range(taps):
                weight = _repeat(builder, _load(builder, _FLOAT, weights, 4 * tap), 8)
                product = builder.fmul(_load(builder, _FLOATS, source, 32 * tap), weight, flags=("fast",))
                total = product if total is None else builder.fadd(total, product, flags=("fast",))
            _store(builder, total, target, 0)
            return context.get_dummy_value()
        return numba.types.void(_ADDRESS, _ADDRESS, _ADDRESS), build
    return intrinsic(weighted_sum)


sum_of_two, sum_of_three, sum_of_four = (_weighted_sum(taps, False) for taps in (2, 3, 4))
add_four = _weighted_sum(4, True)


@intrinsic
def copy_past_cache(context: Context, source: Type, target: Type, count: Type) -> Intrinsic:
    """Copy `count` blocks of 64 bytes to `target`, a multiple of 64, and leave none of it in the cache.

    Returns the bits that are set in any of the blocks' words of 8 bytes.
    """
    def build(context: Target, builder: ir.IRBuilder, signature: Signature, values: Sequence[ir.Value]) -> ir.Value:
        source, target, count = values
        kind = ir.VectorType(_LONG, 4)
        found = cgutils.alloca_once_value(builder, ir.Constant(kind, [0] * 4))
        stream = builder.module.add_metadata([ir.Constant(_INT, 1)])
        with cgutils.for_range(builder, count) as loop:
            for half in range(2):
                offset = builder.add(builder.mul(loop.index, _long(64)), _long(32 * half))
                block = _load(builder, kind, source, offset)
                _store(builder, block, target, offset, align=32).set_metadata("nontemporal", stream)
                builder.store(builder.or_(builder.load(found), block), found)
        builder.fence("seq_cst")  # other threads see the blocks before they see that they are there
        parts = [builder.extract_element(builder.load(found), _INT(part)) for part in range(4)]
        return functools.reduce(builder.or_, parts)
    return numba.types.uint64(_ADDRESS, _ADDRESS, _ADDRESS), build
