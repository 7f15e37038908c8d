"""The epoch is chosen inside the training folds or, as a fault, on the scored fold."""

import numpy as np
import pytest

from benchmarks.leakage import epoch_choice
from radiogen.core.auc import auc

CASES = 100
FOLD_OF = np.array([*np.arange(80) % 5, *["holdout"] * 20], dtype=object).astype(str)


@pytest.fixture(scope="module")
def cases():
    random = np.random.default_rng(3)
    labels = random.permutation(np.arange(CASES) % 2)
    inputs = random.normal(size=(CASES, 3))
    inputs[:, 0] += 1.2 * labels
    return inputs, labels


def test_a_choice_inside_the_training_folds_does_not_see_the_scored_labels(cases):
    inputs, labels = cases
    first = FOLD_OF == "0"
    turned = np.where(first, 1 - labels, labels)
    nested, again = (epoch_choice.choose_epochs(inputs, each, FOLD_OF, inner=True, seed=1) for each in (labels, turned))
    np.testing.assert_array_equal(nested[first], again[first])
    assert np.isnan(nested[FOLD_OF == "holdout"]).all() and not np.isnan(nested[FOLD_OF != "holdout"]).any()


def test_an_epoch_chosen_on_the_scored_fold_finds_something_in_random_labels(cases):
    inputs, labels = cases
    judged, random = FOLD_OF != "holdout", np.random.default_rng(0)
    gains = []
    for seed in range(4):
        drawn = epoch_choice.permuted(labels, FOLD_OF, random)
        chosen = [epoch_choice.choose_epochs(inputs, drawn, FOLD_OF, inner=inner, seed=seed) for inner in (False, True)]
        areas = [auc(drawn[judged] == 1, each[judged]) for each in chosen]
        gains.append(areas[0] - areas[1])
    assert np.mean(gains) > 0.02
