"""Draws are the same however many come at once, and take memory by the cases."""

import tracemalloc

import numpy as np
import pytest

from radiogen.evaluation.stats import resampling
from radiogen.evaluation.stats.intervals import bootstrap_auc, permutation_p, roc_band
from radiogen.evaluation.stats.resampling import blocks, draw_patients, permutations
from radiogen.evaluation.stats.selection import best_of_looks


@pytest.fixture(autouse=True)
def nothing_kept():
    """Each test draws by itself."""
    resampling._kept.clear()


def _labels(cases=33):
    return np.random.default_rng(cases).permutation(np.arange(cases) < cases * 0.45)


def test_resamples_keep_the_number_of_cases_of_each_class():
    labels = _labels()
    times = draw_patients(labels, 50, seed=0)
    assert (times[:, labels].sum(axis=1) == labels.sum()).all()
    assert (times[:, ~labels].sum(axis=1) == (~labels).sum()).all()


def test_draws_are_shared_by_whoever_compares_the_same_cases_and_nobody_can_change_them():
    labels = np.arange(30) % 3 == 0
    times = draw_patients(labels, 20, seed=7)
    assert draw_patients(labels.copy(), 20, seed=7) is times
    with pytest.raises(ValueError, match="read-only"):
        times[0, 0] = 5
    other = draw_patients(~labels, 20, seed=7)
    assert other is not times and (other[:, labels].sum(axis=1) == labels.sum()).all()


def test_each_draw_is_in_one_block_and_a_block_has_no_more_numbers_than_it_may(monkeypatch):
    monkeypatch.setattr(resampling, "BLOCK", 100)
    parts = list(blocks(23, 30))
    assert [number for part in parts for number in range(part.start, part.stop)] == list(range(23))
    assert {part.stop - part.start for part in parts[:-1]} == {3}
    assert list(blocks(2, 1000)) == [slice(0, 1), slice(1, 2)]
    assert list(blocks(0, 5)) == []


def test_resamples_are_those_of_one_draw_of_them_all(monkeypatch):
    labels, random = _labels(), np.random.default_rng([7, 0])
    ones, zeros = int(labels.sum()), int((~labels).sum())
    expected = [random.multinomial(size, np.full(size, 1 / size), size=50) for size in (ones, zeros)]
    monkeypatch.setattr(resampling, "BLOCK", 100)
    times = draw_patients(labels, 50, seed=7)
    assert np.array_equal(times[:, labels], expected[0])
    assert np.array_equal(times[:, ~labels], expected[1])


def test_permutations_are_those_of_one_draw_of_them_all(monkeypatch):
    values = np.random.default_rng(1).normal(size=21)
    expected = np.random.default_rng(3).permuted(np.tile(values, (40, 1)), axis=1)
    monkeypatch.setattr(resampling, "BLOCK", 50)
    assert np.array_equal(np.concatenate(list(permutations(values, 40, np.random.default_rng(3)))), expected)


def test_a_patient_who_is_drawn_more_often_than_a_byte_can_say_is_counted_right():
    class Extreme:
        def multinomial(self, cases, shares, size):
            return np.tile([cases, *[0] * (cases - 1)], (size, 1))

    times = resampling._drawn(np.arange(900) < 600, 3, Extreme())
    assert times[:, 0].tolist() == [600] * 3
    assert times[:, 600].tolist() == [300] * 3


def test_no_more_resamples_are_kept_than_the_memory_that_is_for_them(monkeypatch):
    monkeypatch.setattr(resampling, "KEPT_BYTES", 2 * 20 * 33)
    first = draw_patients(_labels(), 20, seed=1)
    others = [draw_patients(_labels(), 20, seed=seed) for seed in (2, 3)]
    assert draw_patients(_labels(), 20, seed=3) is others[1]
    assert draw_patients(_labels(), 20, seed=1) is not first
    monkeypatch.setattr(resampling, "KEPT_BYTES", 1)
    last = draw_patients(_labels(), 20, seed=4)
    assert draw_patients(_labels(), 20, seed=4) is last


@pytest.mark.parametrize("figure", [
    lambda labels, scores: bootstrap_auc(labels, scores, draws=60),
    lambda labels, scores: roc_band(labels, scores, np.linspace(0, 1, 9), draws=60),
    lambda labels, scores: permutation_p(labels, scores, draws=60),
    lambda labels, scores: best_of_looks(labels, np.arange(len(labels)) % 2,
                                         np.stack([scores, -scores, scores ** 2]), 0, sizes=(2,), draws=60)])
def test_no_figure_depends_on_how_many_draws_come_at_once(monkeypatch, figure):
    labels = _labels()
    scores = np.random.default_rng(2).normal(labels).round(1)
    whole = figure(labels, scores)
    monkeypatch.setattr(resampling, "BLOCK", 70)
    resampling._kept.clear()
    assert np.array_equal(np.asarray(figure(labels, scores)), np.asarray(whole))


@pytest.mark.parametrize("figure", [
    lambda labels, scores: bootstrap_auc(labels, scores, draws=500),
    lambda labels, scores: permutation_p(labels, scores, draws=500),
    lambda labels, scores: best_of_looks(labels, np.zeros(len(labels), int), scores[None], 0, draws=500)])
def test_draws_take_a_byte_a_case_and_a_block(monkeypatch, figure):
    cases = 2000
    labels, scores = _labels(cases), np.random.default_rng(2).normal(size=cases)
    monkeypatch.setattr(resampling, "BLOCK", 20_000)
    tracemalloc.start()
    figure(labels, scores)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.3 * 500 * cases + 100 * resampling.BLOCK
