"""What inner folds choose, and how labels are permuted: small tables where the right answer is known beforehand."""

import numpy as np
import pytest

from radiogen.evaluation.others.nested import CHOSEN, INNER_FOLDS, Cases, inner_folds, nested, permute_by_patient
from radiogen.evaluation.others.study_options import CENTROID, FOREST, LOGISTIC


def _cases(count=60, features=6, seed=0, holdout=0):
    random, labels = np.random.default_rng(seed), np.arange(count) % 2 == 1
    inputs = random.normal(size=(count, features))
    inputs[:, 1] += 2.5 * labels
    folds = (np.arange(count) // 2 % 3).astype(str)
    folds[count - holdout:] = "holdout"
    return Cases(inputs, labels, np.arange(count).astype(str), folds, tuple(f"x{number}" for number in range(features)))


@pytest.fixture(scope="module")
def done():
    return nested(_cases(holdout=12), (LOGISTIC, CENTROID), seed=3)


def test_every_case_of_every_fold_and_of_the_holdout_is_scored(done):
    assert set(done.probabilities) == {LOGISTIC, CENTROID, CHOSEN}
    assert all(np.isfinite(one).all() for one in done.probabilities.values())


def test_the_choice_of_a_fold_is_one_of_the_learners_as_a_whole(done):
    folds, best = _cases(holdout=12).folds, done.choices.loc[done.choices.groupby("fold")["inner_auc"].idxmax()]
    for fold, name in zip(best["fold"], best["learner"], strict=True):
        own = folds == fold
        assert (done.probabilities[CHOSEN][own] == done.probabilities[name][own]).all()


def test_choices_are_told_once_a_fold_and_learner_the_holdout_last(done):
    assert list(done.choices["fold"]) == ["0", "0", "1", "1", "2", "2", "holdout", "holdout"]
    assert done.choices["inner_auc"].between(0, 1).all()
    strengths = done.choices.set_index("learner")["strength"]
    assert strengths[CENTROID].isna().all() and strengths[LOGISTIC].notna().all()


def test_selected_features_are_named_best_first(done):
    assert done.choices["names"].str.startswith("x1").all()
    counts = done.choices["names"].str.split("; ").str.len()
    assert (counts == done.choices["features"]).all()


def test_one_learner_without_settings_has_nothing_to_choose_and_no_inner_auc():
    found = nested(_cases(count=24), (FOREST,))
    assert set(found.probabilities) == {FOREST} and found.choices["inner_auc"].isna().all()
    assert (found.choices["features"] == 6).all()


def test_the_same_seed_gives_the_same_again(done):
    again = nested(_cases(holdout=12), (LOGISTIC, CENTROID), seed=3)
    assert all((again.probabilities[name] == one).all() for name, one in done.probabilities.items())


def test_inner_folds_score_each_case_once_and_train_on_all_others():
    labels = np.arange(21) % 3 == 0
    parts = inner_folds(labels, np.arange(21).astype(str), 0)
    assert len(parts) == INNER_FOLDS
    assert sorted(np.concatenate([scored for _, scored in parts])) == list(range(21))
    for train, scored in parts:
        assert set(train) == set(range(21)) - set(scored) and labels[scored].any() and not labels[scored].all()


def test_so_few_cases_of_a_class_make_so_few_inner_folds():
    three = np.array([True] * 3 + [False] * 9)
    assert len(inner_folds(three, np.arange(12).astype(str), 0)) == 3
    assert inner_folds(np.array([True] + [False] * 9), np.arange(10).astype(str), 0) == []


def test_a_training_without_inner_folds_takes_the_simplest_setting():
    cases = _cases(count=12)
    labels = np.zeros(12, bool)
    labels[[1, 3]] = True  # one positive case in each training
    found = nested(Cases(cases.inputs, labels, cases.patients, (np.arange(12) // 2 % 2).astype(str), cases.names),
                   (LOGISTIC, CENTROID))
    logistic = found.choices[found.choices["learner"] == LOGISTIC]
    assert (logistic["features"] == 5).all() and (logistic["inner_auc"] == 0.5).all()


def test_permuted_labels_keep_each_folds_share_and_the_holdouts_labels():
    cases = _cases(holdout=12)
    again = permute_by_patient(cases, np.random.default_rng(0))
    for fold in "012":
        own = cases.folds == fold
        assert again.labels[own].sum() == cases.labels[own].sum()
    held = cases.folds == "holdout"
    assert (again.labels[held] == cases.labels[held]).all() and (again.labels != cases.labels).any()
    assert again.inputs is cases.inputs and (again.folds == cases.folds).all()
