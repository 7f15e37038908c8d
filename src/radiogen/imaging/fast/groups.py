"""Compiled walks over the functional groups of enhanced images (PS3.3, C.7.6.16; sequences: PS3.5, 7.5).

In: the value of a functional groups sequence, as bytes. Out: where the wanted elements of each frame are.
"""

from typing import NamedTuple

import numpy as np

from radiogen.core.types import ByteBuffer, IntTable, Mask
from radiogen.imaging.compiled.compiling import compiled
from radiogen.imaging.fast.elements import GROUP_BOUNDS, GROUP_EDGES, GROUP_PRESENCE, SQ, UN
from radiogen.imaging.fast.elements_at import (
    DEEPEST,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    element_at,
    is_representation,
    number_at,
    tag_at,
)
from radiogen.imaging.fast.scan import ODD_ELEMENT, READ_WELL


class _Levels(NamedTuple):
    """By depth, the sequences (even, from 0) and items (odd) that a place in the content lies in.

    is_item, undefined (its length), implicit (its elements have no value representation): bool. ends: where it ends,
    if that is defined. nodes: its node in `elements.GROUP_EDGES`; -1 where nothing in it is wanted. items: those that a
    sequence has so far.
    """

    is_item: Mask
    undefined: Mask
    implicit: Mask
    ends: IntTable
    nodes: IntTable
    items: IntTable


@compiled()
def scan_groups(content: ByteBuffer, length: int, implicit: bool, per_frame: bool, spans: IntTable) -> int:
    """The wanted elements of functional groups: `content` uint8 is the value of their sequence, without its end.

    length: bytes of the value; `content` has at least 16 more. per_frame: each item is a frame's, in a row of its own;
    else only the first item counts. spans (frames, columns, 2) int64: place in `content` and size, by
    `elements.GROUP_PATHS`; -1 where absent. Items of more frames than `spans` has are passed over. Returns a state.
    """
    levels = _Levels(np.zeros(DEEPEST, np.bool_), np.zeros(DEEPEST, np.bool_), np.zeros(DEEPEST, np.bool_),
                     np.zeros(DEEPEST, np.int64), np.full(DEEPEST, -1, np.int64), np.zeros(DEEPEST, np.int64))
    levels.ends[0], levels.nodes[0], levels.implicit[0], depth, at = length, 0, implicit, 0, 0
    while True:
        while depth > 0 and not levels.undefined[depth] and at == levels.ends[depth]:
            depth -= 1
        if depth == 0 and at == levels.ends[0]:
            return READ_WELL
        if at + 8 > length or (not levels.undefined[depth] and at > levels.ends[depth]):
            return ODD_ELEMENT
        tag = tag_at(content, at)
        if levels.undefined[depth] and tag == (ITEM_END if levels.is_item[depth] else SEQUENCE_END):
            at, depth = at + 8, depth - 1
            continue
        if not levels.is_item[depth]:
            if tag != ITEM or depth + 1 == DEEPEST:
                return ODD_ELEMENT
            _begin_item(content, length, at, per_frame, levels, depth, spans)
            at, depth = at + 8, depth + 1
            continue
        representation, head, size = element_at(content, at, levels.implicit[depth])
        if head == 0 or tag >> 16 == 0xFFFE or at + head > length:
            return ODD_ELEMENT
        node, target, wanted = _edge(levels.nodes[depth], tag)
        at += head
        if target >= 0:
            row = levels.items[0] - 1 if per_frame else 0
            other = not levels.implicit[depth] and representation != wanted
            if other or size == UNDEFINED or spans[row, target, 1] >= 0:
                return ODD_ELEMENT
            spans[row, target, 0], spans[row, target, 1] = at, size
        elif node >= 0 or size == UNDEFINED:
            known = levels.implicit[depth] or representation == SQ or (representation == UN and size == UNDEFINED)
            if not known or depth + 1 == DEEPEST:
                return ODD_ELEMENT
            depth += 1
            _enter(levels, depth, False, at, size, node)
            levels.items[depth] = 0
            continue
        at += size


@compiled()
def _begin_item(content: ByteBuffer, length: int, at: int, per_frame: bool, levels: _Levels, depth: int,
                spans: IntTable) -> None:
    """Enter the item whose tag is at `at`, in the sequence of `depth`; note that it is there where that is wanted."""
    levels.items[depth] += 1
    row = levels.items[0] - 1 if per_frame else 0
    counts = (levels.items[depth] == 1 or (depth == 0 and per_frame)) and row < spans.shape[0]
    node, begin = levels.nodes[depth] if counts else -1, at + 8
    if node >= 0 and GROUP_PRESENCE[node] >= 0:
        spans[row, GROUP_PRESENCE[node], 0], spans[row, GROUP_PRESENCE[node], 1] = begin, 0
    _enter(levels, depth + 1, True, begin, number_at(content, at + 4), node)
    if begin + 6 <= length and not is_representation(content, begin + 4):
        levels.implicit[depth + 1] = True


@compiled()
def _enter(levels: _Levels, depth: int, is_item: bool, at: int, size: int, node: int) -> None:
    """A sequence or an item whose value begins at `at`, written as what it lies in."""
    levels.is_item[depth], levels.undefined[depth] = is_item, size == UNDEFINED
    levels.implicit[depth] = levels.implicit[depth - 1]
    levels.ends[depth], levels.nodes[depth] = at + size, node


@compiled()
def _edge(node: int, tag: int) -> tuple[int, int, int]:
    """Of an element within a node: its own node, its column, -1 where it has none, and its representation."""
    if node >= 0:
        for edge in range(GROUP_BOUNDS[node, 0], GROUP_BOUNDS[node, 1]):
            if GROUP_EDGES[edge, 1] == tag:
                wanted, target = GROUP_EDGES[edge, 2], GROUP_EDGES[edge, 3]
                return (~target, -1, wanted) if wanted == SQ else (-1, target, wanted)
    return -1, -1, 0
