"""Out-of-fold predictions: the interval holds the truth whatever the folds' scales are, and p holds its level."""

import numpy as np
import pytest
from scipy import stats

from radiogen.evaluation.stats.cross_validation import null_variance, variance_factor, widened, within_folds
from radiogen.evaluation.stats.intervals import Estimate


def _offset_studies(seed, cases, area, studies, folds=5):
    """Labels, folds and scores (studies, cases); each fold is shifted by a normal of one within-class deviation."""
    random, place = np.random.default_rng(seed), np.arange(cases) % folds
    labels = np.resize(np.repeat([True, False], folds), cases)
    shifts = random.normal(size=(studies, folds))[:, place]
    return labels, place, random.normal(size=(studies, cases)) + shifts + labels * np.sqrt(2) * stats.norm.ppf(area)


@pytest.mark.parametrize(("cases", "studies"), [(25, 150), (160, 150), (585, 100)])
def test_the_interval_within_folds_holds_an_auc_of_080_whatever_the_folds_scales_are(cases, studies):
    labels, place, scores = _offset_studies(cases, cases, 0.8, studies)
    ends = [within_folds(labels, one, place) for one in scores]
    held = np.mean([found.low <= 0.8 <= found.high for found in ends])
    assert held == pytest.approx(0.95, abs=0.03 + 2 * np.sqrt(0.0475 / studies))


@pytest.mark.slow
@pytest.mark.parametrize("cases", [160, 585])
def test_the_interval_within_folds_holds_in_92_to_98_of_100_larger_draws(cases):
    labels, place, scores = _offset_studies(cases, cases, 0.8, 1000)
    ends = [within_folds(labels, one, place) for one in scores]
    assert np.mean([found.low <= 0.8 <= found.high for found in ends]) == pytest.approx(0.95, abs=0.03)


def test_p_is_that_of_the_rank_sum_tests_of_the_folds_with_the_corrected_variance():
    random = np.random.default_rng(1)
    labels, place, scores = random.random(80) < 0.4, np.arange(80) % 4, random.random(80).round(1)
    pairs, wins, variance = 0, 0.0, 0.0
    for fold in range(4):
        own, other = (scores[(place == fold) & (labels == kind)] for kind in (True, False))
        wins += stats.mannwhitneyu(own, other).statistic
        pairs += len(own) * len(other)
        tied = np.unique(scores[place == fold], return_counts=True)[1]
        cases = len(own) + len(other)
        variance += len(own) * len(other) / 12 * (cases + 1 - (tied**3 - tied).sum() / (cases * (cases - 1)))
    found = within_folds(labels, scores, place)
    assert null_variance(labels, scores, place) == pytest.approx(variance / pairs**2)
    z = (wins / pairs - 0.5) / np.sqrt((1 + 4 / 3) * variance / pairs**2)
    assert (found.value, found.p) == pytest.approx((wins / pairs, 2 * stats.norm.sf(abs(z))))


def test_the_factor_is_that_of_nadeau_and_bengio():
    for folds in (2, 3, 5, 10):
        training = (folds - 1) / folds
        assert variance_factor(folds) / folds == pytest.approx(1 / folds + (1 - training) / training)
    assert variance_factor(1) == 1


def test_groups_are_compared_apart_within_folds():
    random = np.random.default_rng(2)
    labels, place, groups = random.random(90) < 0.5, np.arange(90) % 3, random.integers(0, 2, 90).astype(str)
    scores = random.normal(size=90)
    shifted = scores + 10.0 * (groups == "1") + 100.0 * place
    one, other = (within_folds(labels, part, place, groups) for part in (scores, shifted))
    assert one == other and one.value != within_folds(labels, scores, place).value


def test_folds_of_one_class_each_have_no_auc_and_no_p():
    found = within_folds(np.array([True, True, False]), np.arange(3.0), np.array(["0", "0", "1"]))
    assert np.isnan(found.value) and np.isnan(found.p)


def test_constant_probabilities_are_at_chance():
    found = within_folds(np.arange(12) % 2 == 0, np.full(12, 0.4), np.arange(12) % 3)
    assert (found.value, found.p) == (0.5, 1.0)


@pytest.mark.slow
def test_a_learner_that_finds_nothing_is_called_better_in_at_most_25_of_1000_trainings():
    """Nearest centroids on 20 features that mean nothing: without the correction it would be 7 to 8 %."""
    random, better = np.random.default_rng(3), []
    for _ in range(400):
        inputs, place = random.normal(size=(60, 20)), np.arange(60) % 5
        labels, scores = np.resize(np.repeat([True, False], 5), 60), np.empty(60)
        for fold in range(5):
            train, judged = place != fold, place == fold
            means = [inputs[train & (labels == kind)].mean(axis=0) for kind in (True, False)]
            scores[judged] = inputs[judged] @ (means[0] - means[1])
        found = within_folds(labels, scores, place)
        better.append((found.p < 0.05) * np.sign(found.value - 0.5))
    assert np.mean(np.array(better) == 1) <= 0.025 and np.mean(better) == pytest.approx(0, abs=0.03)


def test_an_interval_is_widened_by_the_factor_of_p_and_stays_within_0_and_1():
    found = widened(Estimate(0.6, 0.5, 0.68, 0.03), 5)
    assert (found.low, found.high) == pytest.approx((0.6 - 0.1 * 1.5, 0.6 + 0.08 * 1.5))  # 2.25 = 1.5 squared
    assert (found.value, found.p) == (0.6, 0.03)
    edge = widened(Estimate(0.9, 0.1, 0.99, 0.03), 5)
    assert (edge.low, edge.high) == (0, 1)


def test_a_single_fold_widens_nothing():
    assert widened(Estimate(0.6, 0.5, 0.68, 0.03), 1) == Estimate(0.6, 0.5, 0.68, 0.03)
