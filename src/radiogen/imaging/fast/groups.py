"""Compiled walks over the functional groups of enhanced images (PS3.3, C.7.6.16; sequences: PS3.5, 7.5).

In: the value of a functional groups sequence, as bytes. Out: where the wanted elements of each frame are.
"""

import numpy as np

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


@compiled()
def scan_groups(content, length, implicit, per_frame, spans):
    """The wanted elements of functional groups: `content` uint8 is the value of their sequence, without its end.

    length: bytes of the value; `content` has at least 16 more.

    per_frame: each item is a frame's, in a row of its own; else only the first item counts. spans (frames, columns, 2)
    int64: place in `content` and size, by `elements.GROUP_PATHS`; -1 where absent. Items of more frames than `spans`
    has are passed over. Returns a state.
    """
    is_item, undefined = np.zeros(DEEPEST, np.bool_), np.zeros(DEEPEST, np.bool_)
    plain, ends = np.zeros(DEEPEST, np.bool_), np.zeros(DEEPEST, np.int64)
    nodes, items = np.full(DEEPEST, -1, np.int64), np.zeros(DEEPEST, np.int64)
    depth, at, row = 0, 0, 0
    ends[0], nodes[0], plain[0] = length, 0, implicit
    while True:
        while depth > 0 and not undefined[depth] and at == ends[depth]:
            depth -= 1
        if depth == 0 and at == ends[0]:
            return READ_WELL
        if at + 8 > length or (not undefined[depth] and at > ends[depth]):
            return ODD_ELEMENT
        tag = tag_at(content, at)
        if not is_item[depth]:
            if tag == SEQUENCE_END and undefined[depth]:
                at, depth = at + 8, depth - 1
                continue
            size = number_at(content, at + 4)
            if tag != ITEM or depth + 1 == DEEPEST:
                return ODD_ELEMENT
            items[depth] += 1
            node = nodes[depth] if items[depth] == 1 or (depth == 0 and per_frame) else -1
            at += 8
            if depth == 0:
                row = items[0] - 1 if per_frame else 0
                node = node if row < spans.shape[0] else -1
            if node >= 0 and GROUP_PRESENCE[node] >= 0:
                spans[row, GROUP_PRESENCE[node], 0], spans[row, GROUP_PRESENCE[node], 1] = at, 0
            depth += 1
            is_item[depth], undefined[depth], nodes[depth], ends[depth] = True, size == UNDEFINED, node, at + size
            plain[depth] = plain[depth - 1] or (at + 6 <= length and not is_representation(content, at + 4))
            continue
        if tag == ITEM_END and undefined[depth]:
            at, depth = at + 8, depth - 1
            continue
        representation, head, size = element_at(content, at, plain[depth])
        if head == 0 or tag >> 16 == 0xFFFE or at + head > length:
            return ODD_ELEMENT
        node, target, wanted = -1, -1, 0
        if nodes[depth] >= 0:
            for edge in range(GROUP_BOUNDS[nodes[depth], 0], GROUP_BOUNDS[nodes[depth], 1]):
                if GROUP_EDGES[edge, 1] == tag:
                    wanted, target = GROUP_EDGES[edge, 2], GROUP_EDGES[edge, 3]
                    if wanted == SQ:
                        node, target = ~target, -1
        known_sequence = plain[depth] or representation == SQ or (representation == UN and size == UNDEFINED)
        at += head
        if target >= 0:
            if (not plain[depth] and representation != wanted) or size == UNDEFINED or spans[row, target, 1] >= 0:
                return ODD_ELEMENT
            spans[row, target, 0], spans[row, target, 1] = at, size
        elif node >= 0 or size == UNDEFINED:
            if not known_sequence or depth + 1 == DEEPEST:
                return ODD_ELEMENT
            depth += 1
            is_item[depth], undefined[depth], nodes[depth], ends[depth] = False, size == UNDEFINED, node, at + size
            plain[depth], items[depth] = plain[depth - 1], 0
            continue
        at += size
