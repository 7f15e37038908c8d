"""The benchmark of null trainings fails where the verdict forgets what folds have in common."""

import numpy as np
import pytest

from benchmarks.leakage import null_trainings
from radiogen.evaluation.stats import cross_validation


def test_each_fold_has_its_share_of_labels_and_no_learner_is_given_its_own_folds_labels():
    folds = np.arange(60) % 5
    labels = null_trainings.drawn_labels(np.random.default_rng(0), folds)
    assert {int(labels[folds == fold].sum()) for fold in range(5)} <= {6, 7}
    for learner in null_trainings.LEARNERS:
        matrix = null_trainings.trained(learner, np.random.default_rng(1).normal(size=(60, 20)), folds)
        assert not matrix[folds[:, None] == folds[None]].any() and matrix.any(axis=1).all()


@pytest.mark.slow
def test_a_verdict_without_the_correction_is_caught(monkeypatch):
    assert null_trainings.null_fact("centroids", 60, draws=300, seed=1).holds
    monkeypatch.setattr(cross_validation, "variance_factor", lambda folds: 1.0)
    assert not null_trainings.null_fact("centroids", 60, draws=300, seed=1).holds
