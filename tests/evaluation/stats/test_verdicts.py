"""Verdicts: the word *better* is spoken only where the cases bear it, and no more often than the level allows."""

import numpy as np
import pytest
from scipy import stats

from radiogen.core.auc import auc
from radiogen.evaluation.stats import verdicts
from radiogen.evaluation.stats.intervals import Estimate
from radiogen.evaluation.stats.verdicts import Change, Outcome, compare, compare_cohorts, decide, decide_change, verdict
from tests.core.test_auc import _cases


@pytest.mark.parametrize(("value", "p", "outcome"), [
    (0.7, 0.01, Outcome.BETTER), (0.3, 0.01, Outcome.WORSE), (0.51, 0.04, Outcome.BETTER), (0.7, 0.06, Outcome.UNCLEAR),
    (np.nan, np.nan, Outcome.UNCLEAR)])
def test_a_verdict_needs_a_small_p_and_nothing_else(value, p, outcome):
    assert decide(Estimate(value, 0, 1, p)) is outcome


@pytest.mark.parametrize(("value", "p", "outcome"), [
    (0.1, 0.01, Change.BETTER), (-0.1, 0.01, Change.WORSE), (0.001, 0.04, Change.BETTER),
    (0.1, 0.06, Change.NONE_SHOWN)])
def test_a_difference_needs_a_small_p_and_nothing_else(value, p, outcome):
    assert decide_change(Estimate(value, -1, 1, p)) is outcome


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


def test_an_auc_of_0565_of_585_cases_is_better_than_chance_where_one_set_is_scored_as_a_whole():
    grid = [stats.norm.ppf((np.arange(count) + 0.5) / count) for count in (307, 278)]
    labels = np.arange(585) < 307
    found = verdict(labels, np.concatenate([grid[0] + np.sqrt(2) * stats.norm.ppf(0.565), grid[1]]))
    assert found.estimate.value == pytest.approx(0.565, abs=0.001) and found.outcome is Outcome.BETTER


def _study(random, cases, area, folds):
    """Labels, scores and folds of one study whose AUC is `area` in truth, with the competition's prevalence."""
    place = np.arange(cases) % max(folds, 1)
    labels = np.random.default_rng(cases).permutation(np.arange(cases)) < round(0.525 * cases)
    if folds:  # each fold has its share
        order = np.lexsort([place])
        labels[order] = np.resize([True, False], cases) if cases < 30 else np.resize([True] * 21 + [False] * 19, cases)
    return labels, random.normal(size=cases) + labels * np.sqrt(2) * stats.norm.ppf(area), place if folds else None


def _power(cases, folds, studies):
    random = np.random.default_rng([cases, folds])
    labels, scores, place = _study(random, cases, 0.5, folds)
    limit = verdict(labels, scores, place).resolvable
    return np.mean([verdict(*_study(random, cases, limit, folds)).outcome is Outcome.BETTER for _ in range(studies)])


@pytest.mark.parametrize(("cases", "folds"), [(25, 0), (25, 5), (160, 5)])
def test_four_of_five_studies_call_the_resolvable_auc_better_than_chance(cases, folds):
    assert _power(cases, folds, 500) == pytest.approx(0.8, abs=0.055)  # 0.04, and three errors of the 500


@pytest.mark.slow
@pytest.mark.parametrize(("cases", "folds"), [(160, 0), (585, 0), (585, 5)])
def test_four_of_five_larger_studies_call_the_resolvable_auc_better_than_chance(cases, folds):
    assert _power(cases, folds, 400) == pytest.approx(0.8, abs=0.06)  # 0.04, and the error of 400


def _pair(random, cases, areas, folds):
    labels, common, place = _study(random, cases, 0.5, folds)
    own = random.normal(size=(2, cases))
    effects = [np.sqrt(2) * stats.norm.ppf(area) for area in areas]
    return labels, *(np.sqrt(0.5) * common + np.sqrt(0.5) * one + effect * labels
                     for one, effect in zip(own, effects, strict=True)), place


@pytest.mark.slow
@pytest.mark.parametrize(("cases", "folds"), [(160, 0), (160, 5), (585, 5)])
def test_four_of_five_studies_call_the_resolvable_difference_of_two_runs_one(cases, folds, monkeypatch):
    monkeypatch.setattr(verdicts, "bootstrap_difference", lambda *_, **__: (0, 0))  # shown, and decides nothing
    random = np.random.default_rng(cases)
    gap = np.mean([compare(*_pair(random, cases, (0.7, 0.6), folds)).resolvable for _ in range(40)])
    found = [compare(*_pair(random, cases, (0.65 + gap / 2, 0.65 - gap / 2), folds)).outcome for _ in range(500)]
    assert np.mean([one is Change.BETTER for one in found]) == pytest.approx(0.8, abs=0.06)


def test_a_small_cohort_with_the_same_high_auc_is_not_called_better(monkeypatch):
    monkeypatch.setattr(verdicts, "bootstrap_auc", lambda *_, **__: np.zeros(2))
    random = np.random.default_rng(5)
    found = [compare_cohorts(*_study(random, 25, 0.9, 0)[:2], *_study(random, 160, 0.9, 0)[:2]).outcome
             for _ in range(300)]
    assert np.mean([one is Change.BETTER for one in found]) <= 0.05  # by DeLong's errors alone in 12 of 100


@pytest.mark.slow
def test_four_of_five_studies_call_the_resolvable_drop_in_another_cohort_one(monkeypatch):
    monkeypatch.setattr(verdicts, "bootstrap_auc", lambda *_, **__: np.zeros(2))
    random = np.random.default_rng(2)

    def drop(gap):
        inside, outside = _study(random, 160, 0.65 + gap / 2, 5), _study(random, 100, 0.65 - gap / 2, 0)
        return compare_cohorts(*outside[:2], *inside)

    gap = np.mean([drop(0.2).resolvable for _ in range(40)])
    assert np.mean([drop(gap).outcome is Change.WORSE for _ in range(500)]) == pytest.approx(0.8, abs=0.06)


def test_the_verdict_on_folds_rests_within_them_and_shows_the_pooled_auc_beside_it():
    random = np.random.default_rng(0)
    labels, scores, place = _study(random, 160, 0.8, 5)
    shifted = scores + 2.0 * place
    found, plain = verdict(labels, shifted, place), verdict(labels, scores, place)
    assert found.estimate == plain.estimate and found.pooled.value < found.estimate.value - 0.1
    assert found.pooled.value == pytest.approx(auc(labels, shifted))
    assert verdict(labels, scores).pooled is None and verdict(labels, scores, np.zeros(160)).pooled is None


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_knowing_the_training_prevalence_alone_is_an_auc_of_a_half(folds):
    labels, place = np.random.default_rng(4).permutation(np.arange(25) < 13), np.arange(25) % folds
    shares = np.array([labels[place != fold].mean() for fold in range(folds)])[place]
    found = verdict(labels, shares, place)
    assert found.estimate.value == 0.5 and found.outcome is Outcome.UNCLEAR and found.pooled.value < 0.5


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


def test_a_run_that_falls_in_another_cohort_is_called_worse_there_and_a_small_cohort_shows_less():
    inside, outside = _cases(0, 300, effect=2.0), _cases(1, 200, effect=0.3)
    found = compare_cohorts(*outside, *inside)
    assert found.outcome is Change.WORSE and found.cases == 500
    assert found.bootstrap[0] < found.estimate.value < found.bootstrap[1] < 0
    small = compare_cohorts(*(part[:12] for part in outside), *inside)
    assert small.resolvable > found.resolvable and small.estimate.p > found.estimate.p
    assert compare_cohorts(*inside, *inside).estimate.value == 0
