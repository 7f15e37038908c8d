"""Conformal sets: each class is covered as often as promised, by real trainings, and folds do not harm each other."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.clinical.conformal import class_p_values, conformal_set


def _predictions(labels, probabilities, folds):
    return pd.DataFrame({"case": [str(number) for number in range(len(labels))], "fold": folds, "label": labels,
                         "probability": probabilities})


def test_a_p_value_is_the_share_of_the_class_that_fits_no_better():
    table = _predictions([0, 0, 0, 1, 1], [0.1, 0.4, 0.8, 0.9, 0.3], ["0"] * 5)
    assert class_p_values(table, {"0": np.array([0.5, 0.95])}).tolist() == [[2 / 4, 2 / 3], [1 / 4, 3 / 3]]


def test_each_network_is_compared_with_its_own_cases():
    labels, shifted = [0, 1] * 20, [0.2, 0.4] * 10 + [0.7, 0.9] * 10
    table = _predictions(labels, shifted, ["0"] * 20 + ["1"] * 20)
    assert class_p_values(table, {"0": 0.4, "1": 0.9}).tolist() == [[1 / 21, 21 / 21]]
    assert class_p_values(table, {"0": 0.2, "1": 0.7}).tolist() == [[21 / 21, 1 / 21]]


def test_only_the_folds_that_speak_are_compared_and_holdout_and_unlabelled_never():
    table = _predictions([0, 1, 0, 1, 0, pd.NA], [0.1, 0.9, 0.9, 0.1, 0.0, 0.0], ["0", "0", "1", "1", "holdout", "0"])
    assert class_p_values(table, {"0": 0.5}).tolist() == [[1 / 2, 1 / 2]]
    assert class_p_values(table, {"1": 0.5}).tolist() == [[2 / 2, 2 / 2]]


def test_a_class_without_cases_has_no_p_value_and_no_set():
    found = class_p_values(_predictions([1, 1], [0.5, 0.6], ["0", "0"]), {"0": 0.5})[0]
    assert np.isnan(found[0]) and found[1] == 2 / 3
    assert conformal_set(found) is None


@pytest.mark.parametrize(("p_values", "classes"), [
    ((0.5, 0.5), (0, 1)), ((0.05, 0.5), (1,)), ((0.5, 0.1), (0,)), ((0.01, 0.02), ())])
def test_a_class_is_ruled_out_by_a_p_value_of_a_tenth_or_less(p_values, classes):
    assert conformal_set(np.array(p_values)) == classes


def test_a_class_of_few_cases_is_never_ruled_out():
    table = _predictions([0] * 8 + [1] * 30, [0.1] * 8 + [0.9] * 30, ["0"] * 38)
    assert 0 in (conformal_set(class_p_values(table, {"0": 0.99})[0]))


def test_trained_models_cover_each_class_as_often_as_promised():
    """Twenty cohorts, each with five ridge models of its own, judged on patients of neither fold."""
    random, missed, cases, size = np.random.default_rng(3), np.zeros(2), np.zeros(2), 0
    for _ in range(20):
        draw = _draw(random, 200 + 100)
        known, new = (draw[0][:200], draw[1][:200]), (draw[0][200:], draw[1][200:])
        folds = np.arange(200) % 5
        weights = {fold: _ridge(known[0][folds != fold], known[1][folds != fold]) for fold in range(5)}
        own = np.array([_probability(one, weights[fold]) for one, fold in zip(known[0], folds, strict=True)])
        found = class_p_values(_predictions(known[1], own, folds.astype(str)),
                               {str(fold): _probability(new[0], one) for fold, one in weights.items()})
        for values, label in zip(found, new[1], strict=True):
            classes = conformal_set(values)
            cases[label] += 1
            missed[label] += label not in classes
            size += len(classes)
    assert 1 - missed / cases == pytest.approx([0.9, 0.9], abs=0.03)
    assert size / cases.sum() < 1.9  # sets that always hold both classes cover everything and say nothing


def _draw(random, cases):
    labels = (random.random(cases) < 0.4).astype(int)
    inputs = random.normal(size=(cases, 12))
    inputs[:, 0] += 1.5 * labels
    return inputs, labels


def _ridge(inputs, labels):
    return np.linalg.solve(inputs.T @ inputs + 10 * np.eye(12), inputs.T @ (2 * labels - 1.0))


def _probability(inputs, weights):
    return 1 / (1 + np.exp(-2 * inputs @ weights))
