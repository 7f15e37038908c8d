"""Which of many vectors are near to each other, without comparing each with each: a forest of random projections.

In: vectors of targets, and of queries in several views. Out: pairs: the nearest, but for those that every tree parts. A
tree halves the targets at the median of a random direction, and the halves again, until some dozens are left, which are
compared with the queries that fall among them (Dasgupta and Freund, STOC 2008:537). Time grows with the number of
vectors and its logarithm. benchmarks/robustness/scale.py says which share is found.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

TREES, LEAF, KEPT = 32, 128, 16
"""Trees; targets in a leaf at most; pairs of each query, and of each target, that are kept."""
_NUMBERS, _SAMPLE, _VIEWS = 48, 2000, 4
"""Principal components in which vectors are compared; the targets from which they are found; views of a query that
count in a tree."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


def likely_pairs(views: Iterable[Floats], shape: tuple[int, int], targets: Floats, same: bool
                 ) -> tuple[Places, Places]:
    """Pairs of a query and a target, as places of both, each once.

    views: each (queries, numbers); a query is as near as the nearest of its views. shape: how many views and queries
    there are, for no two views are held at once. targets: (targets, numbers). same: queries and targets are the same
    things, of which none is paired with itself. The same input gives the same pairs.
    """
    random = np.random.default_rng(0)
    some = targets[random.permutation(len(targets))[:_SAMPLE]]
    middle = some.mean(axis=0)
    axes = np.linalg.svd(some - middle, full_matrices=False)[2][:_NUMBERS].T
    count, goals = shape[1], (targets - middle) @ axes
    points = np.empty((shape[0] * count, goals.shape[1]), np.float32)
    for number, view in enumerate(views):
        np.matmul(view - middle, axes, out=points[number * count:(number + 1) * count])
    codes, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for _ in range(TREES):
        query, goal, score = _one_tree(points, goals, count, same, random)
        codes, scores = _once(np.append(codes, query * len(goals) + goal), np.append(scores, score), len(goals))
    return np.divmod(codes, len(goals))


def first_of_each(groups: Places, scores: Floats, count: int) -> NDArray[np.bool_]:
    """Whether each of some things, (things,), is among the `count` of its group with the highest scores."""
    order = np.lexsort((-scores, groups))
    ranked = groups[order]
    begins = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[:len(ranked)])
    places = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    chosen = np.zeros(len(groups), bool)
    chosen[order[places < count]] = True
    return chosen


def _one_tree(points: Floats, goals: Floats, count: int, same: bool, random: np.random.Generator
              ) -> tuple[Places, Places, Floats]:
    """Query, target and score, minus half the squared distance: of each view of a query the best target in its leaf, of
    which its best `_VIEWS` views count, and of each target the two best views. points: all views of all `count`
    queries, one view after the other."""
    leaves, leaf_of = _leaves(points, goals, random)
    order = np.argsort(leaf_of, kind="stable")
    ends = np.searchsorted(leaf_of[order], np.arange(len(leaves) + 1))
    sizes, goal_sizes = (np.square(one).sum(axis=1) / 2 for one in (points, goals))
    best, nearest, found = np.full(len(points), -np.inf, np.float32), np.zeros(len(points), np.int64), []
    for leaf, inside in enumerate(leaves):
        own = order[ends[leaf]:ends[leaf + 1]]
        if not len(own):
            continue
        scores = points[own] @ goals[inside].T - sizes[own, None] - goal_sizes[inside]
        if same:
            scores[own[:, None] % count == inside] = -np.inf
        chosen = scores.argmax(axis=1)
        best[own], nearest[own] = scores[np.arange(len(own)), chosen], inside[chosen]
        for _ in range(2):
            chosen = scores.argmax(axis=0)
            found.append((own[chosen] % count, inside, scores[chosen, np.arange(len(inside))]))
            scores[chosen, np.arange(len(inside))] = -np.inf
    by_view = best.reshape(-1, count)
    views = np.argsort(-by_view, axis=0)[:_VIEWS]
    found.append((np.broadcast_to(np.arange(count), views.shape).ravel(),
                  np.take_along_axis(nearest.reshape(-1, count), views, 0).ravel(),
                  np.take_along_axis(by_view, views, 0).ravel()))
    query, goal, score = (np.concatenate(parts) for parts in zip(*found, strict=True))
    good = np.isfinite(score)
    return query[good], goal[good], score[good]


def _leaves(points: Floats, goals: Floats, random: np.random.Generator) -> tuple[Places, Places]:
    """Places of the targets by leaf, (leaves, targets of each), of which a few stand in two so that all leaves are of
    one size; and the leaf that each point falls into, (points,)."""
    depth = max(0, int(np.ceil(np.log2(len(goals) / LEAF))))
    size = -(-len(goals) // 2 ** depth)
    order, leaf_of = np.resize(random.permutation(len(goals)), (1, size * 2 ** depth)), np.zeros(len(points), np.int64)
    for level in range(depth):
        direction = random.standard_normal((goals.shape[1],), dtype=np.float32)
        along = (goals @ direction)[order]
        ranks = np.argsort(along, axis=1)
        order, along = np.take_along_axis(order, ranks, 1), np.take_along_axis(along, ranks, 1)
        half = order.shape[1] // 2
        leaf_of = 2 * leaf_of + (points @ direction > ((along[:, half - 1] + along[:, half]) / 2)[leaf_of])
        order = order.reshape(2 ** (level + 1), -1)
    return order, leaf_of


def _once(codes: Places, scores: Floats, targets: int) -> tuple[Places, Floats]:
    """Each pair once, with its highest score, as far as it is among the `KEPT` best of its query or its target."""
    order = np.lexsort((-scores, codes))
    codes, scores = codes[order], scores[order]
    first = np.append(True, codes[1:] != codes[:-1])[:len(codes)]
    codes, scores = codes[first], scores[first]
    query, target = np.divmod(codes, targets)
    kept = first_of_each(query, scores, KEPT) | first_of_each(target, scores, KEPT)
    return codes[kept], scores[kept]
