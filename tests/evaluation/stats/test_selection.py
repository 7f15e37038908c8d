"""The best of many looks at labels without meaning is seldom better than chance; a signal among them is found."""

import numpy as np
import pytest

from radiogen.evaluation.stats.cross_validation import within_folds
from radiogen.evaluation.stats.selection import best_of_looks

REPETITIONS = 80
FEW = 8
"""More false alarms than so many among the repetitions come in about 2 % where 5 % are true."""


def _drawn(random, cases, folds):
    labels = random.permutation(np.arange(cases) % 2 == 0)
    return labels, random.integers(0, folds, cases)


def _pair_share(looks, labels):
    """The AUC of each row."""
    return (looks[:, labels][:, :, None] > looks[:, ~labels][:, None, :]).mean(axis=(1, 2))


@pytest.mark.parametrize(("members", "folds"), [(1, 5), (5, 1)])
def test_the_best_of_fifty_looks_at_noise_is_better_than_chance_in_one_study_of_twenty(members, folds):
    random, by_itself, as_best = np.random.default_rng(members + folds), 0, 0
    for _ in range(REPETITIONS):
        labels, places = _drawn(random, 40, folds)
        looks = random.normal(size=(50, 40))
        chosen = np.argsort(-_pair_share(looks, labels))[:members]
        found = best_of_looks(labels, places, np.vstack([looks, looks[chosen].mean(axis=0)]), 50, sizes=(members,),
                              draws=159)
        by_itself, as_best = by_itself + (found.p < 0.05), as_best + (found.p_best < 0.05)
    assert as_best <= FEW and by_itself > REPETITIONS / 4


def test_one_look_is_as_good_by_itself_as_best_of_one():
    labels, folds = _drawn(np.random.default_rng(1), 60, 5)
    found = best_of_looks(labels, folds, np.random.default_rng(2).normal(size=(1, 60)) + labels, 0)
    assert found.p == found.p_best


def test_twenty_copies_of_one_look_are_worth_one_look():
    labels, folds = _drawn(np.random.default_rng(1), 60, 5)
    looks = np.tile(np.random.default_rng(2).normal(size=60) + 0.5 * labels, (20, 1))
    found = best_of_looks(labels, folds, looks, 0)
    assert found.p == found.p_best


def test_an_offset_of_a_fold_counts_for_nothing():
    random = np.random.default_rng(3)
    labels, folds = _drawn(random, 80, 4)
    look = random.normal(size=(1, 80)) + 0.4 * labels
    assert best_of_looks(labels, folds, look, 0) == best_of_looks(labels, folds, look + 5.0 * folds, 0)


def test_p_of_one_look_is_that_of_all_permutations():
    labels = np.array([True, True, True, False, False, False])
    look = np.array([[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])
    found = best_of_looks(labels, np.zeros(6, int), look, 0, draws=4000)
    assert found.p == pytest.approx(2 / 20, abs=0.02)  # one of the 20 ways to label them, twice


def test_a_look_at_some_of_the_cases_counts_by_those():
    random = np.random.default_rng(4)
    labels, folds = _drawn(random, 60, 1)
    looks = random.normal(size=(2, 60)) + np.array([[0.9], [0.0]]) * labels
    looks[1, :30] = np.nan
    found = best_of_looks(labels, folds, looks, 0)
    assert found.p <= found.p_best < 3 * found.p + 0.01


def test_constant_predictions_and_folds_of_one_class_have_no_p():
    labels = np.arange(8) < 4
    assert np.isnan(best_of_looks(labels, np.zeros(8, int), np.ones((1, 8)), 0).p)
    assert np.isnan(best_of_looks(labels, labels.astype(int), np.arange(8.0)[None], 0).p_best)
    found = best_of_looks(labels, np.zeros(8, int), np.stack([np.arange(8.0, 0, -1), np.ones(8)]), 0)
    assert found.p == found.p_best


def test_an_ensemble_of_five_good_looks_stands():
    random = np.random.default_rng(6)
    labels, folds = _drawn(random, 160, 5)
    looks = random.normal(size=(5, 160)) + 0.6 * labels
    found = best_of_looks(labels, folds, np.vstack([looks, looks.mean(axis=0)]), 5, sizes=(5,))
    assert found.p_best < 0.01


def test_a_strong_look_stands_among_two_hundred_trials_of_a_search_and_a_weak_one_does_not():
    random = np.random.default_rng(8)
    labels, folds = _drawn(random, 100, 5)
    noise = random.normal(size=100)
    strong, weak = (best_of_looks(labels, folds, (noise + effect * labels)[None], 0, more=200, draws=400)
                    for effect in (1.5, 0.4))
    assert strong.p_best < 0.05 and weak.p < 0.05 < weak.p_best


def test_a_trial_is_counted_by_the_p_that_allows_for_overlapping_training_sets():
    random = np.random.default_rng(9)
    labels, folds = _drawn(random, 120, 3)
    look = random.normal(size=120) + 0.75 * labels
    searched, alone = (best_of_looks(labels, folds, look[None], 0, more=more) for more in (10, 0))
    corrected = within_folds(labels, look, folds).p
    assert alone.p_best == alone.p < corrected, "permuted labels under fixed predictions vary less"
    assert searched.p_best == pytest.approx(searched.p + 10 * corrected)
    one_fold = np.zeros(120, int)
    whole = best_of_looks(labels, one_fold, look[None], 0, more=10)
    assert whole.p_best == pytest.approx(11 * whole.p, rel=0.5), "a holdout has no training sets that overlap"
