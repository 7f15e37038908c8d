"""The control of tuning judges what the package's own search finds, with a learner that can find it."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.tuning.controls import BLOCKS, WIDTH, Study, fit_predict, judge_study
from radiogen.tuning.nested import Training

pytest.importorskip("optuna", reason='tuning needs Optuna: pip install "radiogen[tune]"')


@pytest.mark.parametrize("parameters", [{"learner": "ridge", "penalty": 1.0},
                                        {"learner": "k-nearest", "neighbours": 5}])
def test_both_learners_find_a_block_that_knows_the_label_and_no_other(parameters):
    random = np.random.default_rng(0)
    labels = np.arange(80) % 2
    features = random.normal(size=(80, BLOCKS, WIDTH))
    features[:, 2] += 2 * labels[:, None]
    table = pd.DataFrame({"case": [f"{number:05d}" for number in range(80)], "label": labels})

    def right(block):
        training = Training({"block": block, **parameters}, table[:40], table[40:], (), 0)
        return np.mean((fit_predict(training, features) > 0.5) == labels[40:])

    assert right(2) > 0.9 and right(3) < 0.75


def test_a_study_says_how_the_best_trial_and_the_outer_folds_are_called():
    found = judge_study(Study(0, 0.0, 60, 6, 5))
    assert found.naive.auc > 0.5 and found.p_best > 0.05 and found.nested.auc < found.naive.auc
    assert not found.nested.verdict and found.optimism > 0
