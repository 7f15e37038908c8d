"""Learners for tables of features: what is tried, what is learnt from the training cases alone, what each one gives."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from radiogen.evaluation.others.learners import COUNTS, STRENGTHS, Setting, fit_predict, settings_of, split_part
from radiogen.evaluation.others.study_options import CENTROID, FOREST, LEARNERS, LOGISTIC

CASES = 40


@pytest.fixture(scope="module")
def table():
    """Inputs on scales of their own, of which the third tells the classes apart; labels."""
    random, labels = np.random.default_rng(7), np.arange(CASES) % 2 == 1
    inputs = random.normal(size=(CASES, 6)) * [1, 100, 1, 0.01, 1, 1] + [0, 5000, 0, 0, 0, 0]
    inputs[:, 2] += 3 * labels
    return inputs, labels


def _part(table, **changes):
    inputs, labels = table
    return split_part(inputs, labels, np.arange(30), np.arange(30, CASES), **changes)


def test_features_are_standardised_by_the_training_cases():
    inputs = np.array([[1.0, 10], [3, 30], [100, 1000]])
    part = split_part(inputs, np.array([True, False, True]), np.array([0, 1]), np.array([2]))
    assert part.train.tolist() == [[-1, -1], [1, 1]] and part.scored.tolist() == [[98, 98]]


def test_a_gap_becomes_the_mean_of_the_training_cases():
    inputs = np.array([[1.0], [3], [np.nan], [np.nan]])
    part = split_part(inputs, np.array([True, False, True, False]), np.array([0, 1, 2]), np.array([3]))
    assert part.train[:, 0].tolist() == [-1, 1, 0] and part.scored.tolist() == [[0]]


def test_a_feature_that_changes_in_the_scored_cases_alone_is_none():
    inputs = np.array([[1.0, 5], [2, 5], [3, 6]])
    part = split_part(inputs, np.array([True, False, True]), np.array([0, 1]), np.array([2]))
    assert part.kept.tolist() == [0] and part.scored.shape == (1, 1)


def test_the_best_feature_comes_first_whatever_its_scale(table):
    part = _part(table)
    assert part.kept[part.order[0]] == 2


def test_an_order_from_elsewhere_is_taken_as_it_is_but_for_features_that_are_none(table):
    inputs, labels = table
    inputs = np.hstack([inputs, np.ones((CASES, 1))])
    part = split_part(inputs, labels, np.arange(30), np.arange(30, CASES), order=np.array([5, 6, 0, 2]))
    assert part.kept[part.order].tolist() == [5, 0, 2]


def test_training_cases_of_one_class_keep_the_order_of_the_table(table):
    inputs, _ = table
    part = split_part(inputs, np.ones(CASES, bool), np.arange(30), np.arange(30, CASES))
    assert part.order.tolist() == list(range(6))


def test_the_logistic_regression_is_scikit_learns_with_classes_of_one_weight_on_the_selected_features(table):
    part = _part(table)
    found = fit_predict(part, Setting(LOGISTIC, 2, 0.1), seed=0)
    chosen = part.order[:2]
    model = LogisticRegression(C=0.1, class_weight="balanced").fit(part.train[:, chosen], part.labels)
    assert found == pytest.approx(model.predict_proba(part.scored[:, chosen])[:, 1], abs=1e-3)


def test_the_nearest_centroid_calls_as_scikit_learns_does(table):
    part = _part(table)
    found = fit_predict(part, Setting(CENTROID, 3), seed=0)
    chosen = part.order[:3]
    model = NearestCentroid().fit(part.train[:, chosen], part.labels)
    assert ((found >= 0.5) == model.predict(part.scored[:, chosen])).all()


def test_a_forest_of_one_seed_is_the_same_again_and_of_another_seed_another(table):
    part = _part(table)
    one, again, other = (fit_predict(part, Setting(FOREST), seed) for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


@pytest.mark.parametrize("learner", LEARNERS)
def test_probabilities_lie_between_0_and_1_and_far_cases_are_no_exception(table, learner):
    inputs, labels = table
    far = np.vstack([inputs, 1e9 * np.ones((2, 6)) * [[1], [-1]]])
    part = split_part(far, np.append(labels, [True, False]), np.arange(CASES), np.arange(CASES, CASES + 2))
    for setting in settings_of(learner, 6):
        found = fit_predict(part, setting, seed=0)
        assert found.shape == (2,) and ((found >= 0) & (found <= 1)).all()


def test_rarity_of_a_class_does_not_move_the_calls_of_the_logistic_regression():
    random = np.random.default_rng(3)
    labels = np.arange(400) % 10 == 0
    inputs = random.normal(size=(400, 1)) + 2 * labels[:, None]
    part = split_part(inputs, labels, np.arange(400), np.arange(400))
    found = fit_predict(part, Setting(LOGISTIC, 1), seed=0) >= 0.5
    sensitivity, specificity = found[labels].mean(), (~found[~labels]).mean()
    assert sensitivity > 0.7 and specificity > 0.7


def test_each_learner_is_tried_with_the_simplest_setting_first():
    assert settings_of(FOREST, 100) == [Setting(FOREST)]
    assert [one.features for one in settings_of(CENTROID, 100)] == list(COUNTS)
    tried = settings_of(LOGISTIC, 100)
    assert [(one.features, one.strength) for one in tried] == [(count, c) for count in COUNTS for c in STRENGTHS]


def test_where_the_number_of_features_is_fixed_no_other_is_tried():
    assert {one.features for one in settings_of(LOGISTIC, 100, fixed=7)} == {7}
    assert {one.features for one in settings_of(CENTROID, 4, fixed=7)} == {4}


def test_fewer_features_than_are_tried_are_tried_once():
    assert [one.features for one in settings_of(CENTROID, 3)] == [3]
