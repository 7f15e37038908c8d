"""What is near is on the list, and the list grows with the things and not with their pairs."""

import numpy as np
import pytest

from radiogen.evaluation.audit import shortlist
from radiogen.evaluation.audit.shortlist import first_of_each, likely_pairs


def _vectors(seed, count, numbers=24):
    found = np.random.default_rng(seed).normal(size=(count, numbers)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def small(monkeypatch):
    """Few and small trees: enough for some hundred vectors."""
    monkeypatch.setattr(shortlist, "LEAF", 16)
    monkeypatch.setattr(shortlist, "TREES", 12)


def test_a_copy_in_any_view_is_on_the_list(small):
    targets, random = _vectors(1, 400), np.random.default_rng(2)
    chosen = random.permutation(400)[:60]
    copies = targets[chosen] + 0.03 * random.normal(size=(60, 24)).astype(np.float32)
    views = [np.where(np.arange(60)[:, None] % 3 == view, copies, _vectors(9 + view, 60)) for view in range(3)]
    queries, goals = likely_pairs(views, (3, 60), targets, same=False)
    assert len(set(zip(range(60), chosen, strict=True)) - set(zip(queries, goals, strict=True))) <= 1


def test_most_of_the_nearest_are_on_the_list_even_where_no_copy_is(small):
    vectors = _vectors(3, 500, 8)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -1)
    queries, targets = likely_pairs([vectors], (1, len(vectors)), vectors, same=True)
    found = set(zip(queries.tolist(), targets.tolist(), strict=True))
    nearest = likeness.argmax(axis=1)
    assert np.mean([(one, int(other)) in found for one, other in enumerate(nearest)]) > 0.8


@pytest.mark.parametrize("count", [40, 333, 900])
def test_each_has_a_bounded_number_of_pairs_none_with_itself_and_none_twice(small, count):
    vectors = _vectors(4, count)
    queries, targets = likely_pairs([vectors, -vectors], (2, count), vectors, same=True)
    assert (queries != targets).all()
    assert len(set(zip(queries, targets, strict=True))) == len(queries) <= 2 * shortlist.KEPT * count
    assert set(queries) == set(range(count))


def test_no_more_than_a_leaf_is_compared_at_once_and_every_target_stands_in_one(small):
    goals, points = _vectors(5, 333), _vectors(6, 700)
    leaves, leaf_of = shortlist._leaves(points, goals, np.random.default_rng(0))
    assert leaves.shape[1] <= shortlist.LEAF
    assert set(leaves.ravel()) == set(range(333))
    assert leaves.size - 333 < 2 * len(leaves)
    assert set(leaf_of) <= set(range(len(leaves)))


def test_a_target_falls_into_its_own_leaf(small):
    goals = _vectors(7, 256)
    leaves, leaf_of = shortlist._leaves(goals, goals, np.random.default_rng(0))
    assert all(target in leaves[leaf] for target, leaf in enumerate(leaf_of))


def test_the_same_vectors_give_the_same_list(small):
    vectors = _vectors(8, 300)
    first, again = (likely_pairs([vectors], (1, len(vectors)), vectors, same=True) for _ in range(2))
    assert np.array_equal(first, again)


def test_copies_of_one_vector_fill_the_list_of_each_other(small):
    vectors = np.repeat(_vectors(9, 1), 100, axis=0)
    queries, targets = likely_pairs([vectors], (1, len(vectors)), vectors, same=True)
    assert len(queries) and (queries != targets).all()


def test_the_first_of_each_group_are_those_with_the_highest_scores():
    groups, scores = np.array([2, 0, 2, 2, 0]), np.array([0.1, 0.5, 0.9, 0.3, 0.7], np.float32)
    assert first_of_each(groups, scores, 1).tolist() == [False, False, True, False, True]
    assert first_of_each(groups, scores, 2).tolist() == [False, True, True, True, True]
    assert first_of_each(groups[:0], scores[:0], 2).tolist() == []
