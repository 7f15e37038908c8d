"""Verdicts: the word *better* is spoken only where the cases bear it, and no more often than the level allows."""

import numpy as np
import pytest
from scipy import stats

from radiogen.evaluation.stats.intervals import Estimate, permutation_p, resolvable_auc
from radiogen.evaluation.stats.metrics import auc
from radiogen.evaluation.stats.verdicts import Change, Outcome, compare, compare_cohorts, decide, decide_change, verdict

from .test_intervals import _cases


@pytest.mark.parametrize(("value", "p", "outcome"), [
    (0.7, 0.01, Outcome.BETTER), (0.3, 0.01, Outcome.WORSE), (0.6, 0.01, Outcome.UNCLEAR), (0.7, 0.06, Outcome.UNCLEAR),
    (np.nan, np.nan, Outcome.UNCLEAR)])
def test_a_verdict_needs_a_small_p_and_an_auc_that_the_cases_resolve(value, p, outcome):
    assert decide(Estimate(value, 0, 1, p), resolvable=0.65) is outcome


@pytest.mark.parametrize(("value", "p", "outcome"), [
    (0.1, 0.01, Change.BETTER), (-0.1, 0.01, Change.WORSE), (0.04, 0.01, Change.NONE_SHOWN),
    (0.1, 0.06, Change.NONE_SHOWN)])
def test_a_difference_needs_a_small_p_and_a_size_that_the_cases_resolve(value, p, outcome):
    assert decide_change(Estimate(value, -1, 1, p), resolvable=0.05) is outcome


def test_one_class_alone_has_no_verdict_of_better():
    assert verdict(np.ones(9, dtype=bool), np.linspace(0, 1, 9)).outcome is Outcome.UNCLEAR


def test_a_perfect_a_turned_round_and_a_random_prediction_get_the_verdicts_they_deserve():
    labels = np.arange(100) % 2 == 0
    assert verdict(labels, labels * 1.0).outcome is Outcome.BETTER
    assert verdict(labels, 1.0 - labels).outcome is Outcome.WORSE
    random = verdict(labels, np.random.default_rng(1).random(100))
    assert random.outcome is Outcome.UNCLEAR and random.estimate.low < 0.5 < random.estimate.high


def test_random_predictions_are_called_better_no_more_often_than_the_level_allows():
    found = [verdict(*_cases(seed, cases=60, effect=0)).outcome for seed in range(200)]
    # two-sided 5 %: better in 2.5 %; 12 of 200 is what chance exceeds once in 500 such tests
    assert found.count(Outcome.BETTER) <= 12


def test_a_lucky_auc_below_what_the_cases_resolve_is_not_called_better():
    grid = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    labels, scores = np.arange(40) < 20, stats.norm.cdf(np.concatenate([grid + 0.72, grid]))
    assert permutation_p(labels, scores) < 0.05 and auc(labels, scores) < resolvable_auc(20, 20)
    output = verdict(labels, scores)
    assert output.outcome is Outcome.UNCLEAR and output.significant


def test_a_clearly_better_run_is_called_so_and_a_like_one_is_not():
    labels, scores = _cases(3, cases=300, effect=2)
    _, noise = _cases(4, cases=300, effect=0)
    assert compare(labels, scores, noise).outcome is Change.BETTER
    assert compare(labels, noise, scores).outcome is Change.WORSE
    assert compare(labels, scores, scores).outcome is Change.NONE_SHOWN
    found = compare(labels, scores, noise)
    assert found.bootstrap[0] <= found.estimate.value <= found.bootstrap[1]


def test_one_class_alone_cannot_be_compared():
    found = compare(np.ones(5, dtype=bool), np.arange(5) / 5, np.arange(5) / 7)
    assert found.outcome is Change.NONE_SHOWN and np.isnan(found.resolvable)


def test_a_run_that_falls_in_another_cohort_is_called_worse_there_and_a_small_cohort_shows_nothing():
    inside, outside = _cases(0, 300, effect=2.0), _cases(1, 200, effect=0.3)
    found = compare_cohorts(*outside, *inside)
    assert found.outcome is Change.WORSE and found.cases == 500
    assert found.bootstrap[0] < found.estimate.value < found.bootstrap[1] < 0
    assert compare_cohorts(*(part[:12] for part in outside), *inside).outcome is Change.NONE_SHOWN
    assert compare_cohorts(*inside, *inside).estimate.value == 0


def test_the_resolvable_difference_of_two_cohorts_is_found_in_80_of_100_draws():
    gaps = [compare_cohorts(*_cases(seed, 100, effect=0.6), *_cases(seed + 500, 100, effect=1.2)) for seed in range(60)]
    power = np.mean([found.estimate.p < 0.05 for found in gaps])
    reach = (auc(*_cases(7, 20000, effect=0.6)) - auc(*_cases(8, 20000, effect=1.2))) / -np.mean(
        [found.resolvable for found in gaps])
    assert power == pytest.approx(stats.norm.cdf(reach * (1.96 + 0.84) - 1.96), abs=0.15)
