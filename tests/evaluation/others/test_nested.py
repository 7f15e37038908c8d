"""Nested folds: no scored case has a say in anything, patients stay together, and leakage is what it is called."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radiogen.evaluation.others.learners import (
    COUNTS,
    Setting,
    fit_predict,
    separation,
    settings_of,
    split_part,
)
from radiogen.evaluation.others.nested import (
    CHOSEN,
    Cases,
    inner_folds,
    nested,
    permute_by_patient,
    selected_before,
)
from radiogen.evaluation.others.study_options import CENTROID, LEARNERS, LOGISTIC


def _cases(count=100, features=400, signal=0.0, seed=0, patients=None):
    random, labels = np.random.default_rng(seed), np.arange(count) % 2 == 1
    inputs = random.normal(size=(count, features))
    inputs[:, 0] += signal * labels
    own = np.arange(count).astype(str) if patients is None else patients
    return Cases(inputs, labels, own, (np.arange(count) // 2 % 5).astype(str),
                 tuple(f"x{number}" for number in range(features)))


def _area(cases, probabilities):
    return roc_auc_score(cases.labels, probabilities)


def test_from_noise_selection_before_the_folds_makes_an_auc_and_selection_inside_makes_none():
    right, wrong = [], []
    for seed in range(4):
        cases = _cases(seed=seed)
        right.append(_area(cases, nested(cases, (LOGISTIC,), fixed=20, seed=seed).probabilities[LOGISTIC]))
        wrong.append(_area(cases, selected_before(cases, 20)))
    assert np.mean(right) == pytest.approx(0.5, abs=0.1) and np.mean(wrong) > 0.8


@pytest.mark.parametrize("learner", LEARNERS)
def test_each_learner_finds_a_feature_that_separates_the_classes(learner):
    cases = _cases(features=8, signal=3.0)
    assert _area(cases, nested(cases, (learner,)).probabilities[learner]) > 0.9


def test_a_scored_cases_label_and_the_other_scored_cases_change_nothing_of_its_probability():
    cases = _cases(count=60, features=30, signal=1.0)
    before = nested(cases, (LOGISTIC, CENTROID)).probabilities
    labels, inputs = cases.labels.copy(), cases.inputs.copy()
    fold = np.flatnonzero(cases.folds == "3")
    labels[fold] = ~labels[fold]
    inputs[fold[1:]] = 1000.0
    after = nested(Cases(inputs, labels, cases.patients, cases.folds, cases.names), (LOGISTIC, CENTROID)).probabilities
    for name in (LOGISTIC, CENTROID, CHOSEN):
        assert after[name][fold[0]] == before[name][fold[0]]


def test_the_holdout_trains_nothing():
    cases = _cases(count=60, features=10, signal=1.0)
    folds = cases.folds.astype(object)
    folds[:12] = "holdout"
    labels = cases.labels.copy()
    labels[:12] = ~labels[:12]
    first, second = (nested(Cases(cases.inputs, own, cases.patients, folds, cases.names), (LOGISTIC,))
                     .probabilities[LOGISTIC] for own in (cases.labels, labels))
    assert np.array_equal(first, second) and not np.isnan(first).any()


def test_what_the_inner_folds_chose_is_told_by_fold_with_the_names_of_the_features():
    done = nested(_cases(features=8, signal=3.0), (LOGISTIC, CENTROID))
    rows = done.choices[done.choices["learner"] == LOGISTIC]
    assert list(rows["fold"]) == list("01234") and all(names.split("; ")[0] == "x0" for names in rows["names"])
    assert set(rows["features"]) <= {5, 8}
    assert set(done.probabilities) == {LOGISTIC, CENTROID, CHOSEN}


def test_inner_folds_keep_the_cases_of_a_patient_together():
    patients = np.repeat(np.arange(30), 2).astype(str)
    labels = np.repeat(np.arange(30) % 2 == 1, 2)
    for train, judged in inner_folds(labels, patients, 0):
        assert not set(patients[train]) & set(patients[judged])
    assert inner_folds(np.array([True, False, False]), np.array(list("abc")), 0) == []


def test_permuted_labels_stay_within_the_fold_and_are_one_a_patient():
    patients = np.repeat(np.arange(50), 2).astype(str)
    cases = _cases(patients=patients)
    cases = Cases(cases.inputs, np.repeat(np.arange(50) % 3 == 0, 2), patients, cases.folds, cases.names)
    drawn = permute_by_patient(cases, np.random.default_rng(0))
    assert (drawn.labels != cases.labels).any()
    for name in np.unique(patients):
        assert len(set(drawn.labels[patients == name])) == 1
    for fold in np.unique(cases.folds):
        assert drawn.labels[cases.folds == fold].sum() == cases.labels[cases.folds == fold].sum()


def test_the_order_of_features_is_that_of_students_t():
    from scipy.stats import ttest_ind

    cases = _cases(count=40, features=25, signal=1.0)
    t = ttest_ind(cases.inputs[cases.labels], cases.inputs[~cases.labels]).statistic
    assert np.array_equal(np.argsort(separation(cases.inputs, cases.labels)), np.argsort(t ** 2))


def test_scaling_and_gaps_come_from_the_training_cases_alone():
    inputs = np.array([[0.0, 1.0], [2.0, 1.0], [np.nan, 1.0], [100.0, 5.0]])
    part = split_part(inputs, np.array([True, False, True, False]), np.array([0, 1, 2]), np.array([3]))
    assert list(part.kept) == [0]  # the second never changes in training
    assert part.train[:, 0].tolist() == pytest.approx([-1.0, 1.0, 0.0]) and part.scored.item() == pytest.approx(99.0)


def test_a_training_of_one_class_says_half():
    part = split_part(np.arange(8.0).reshape(4, 2), np.array([True, True, True, False]), np.arange(3), np.array([3]))
    assert list(fit_predict(part, Setting(LOGISTIC, 1), 0)) == [0.5]


def test_no_setting_selects_more_features_than_there_are():
    assert {one.features for one in settings_of(LOGISTIC, 7)} == {5, 7}
    assert {one.features for one in settings_of(CENTROID, 1000)} == set(COUNTS)
    assert {one.features for one in settings_of(LOGISTIC, 1000, fixed=20)} == {20}
