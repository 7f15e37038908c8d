"""The AUC against scikit-learn's, its covariance against the definition written out."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from radiogen.core.auc import auc, compared_strata, delong_covariance, stratum_sizes


def _cases(seed: int, cases: int = 80, effect: float = 1.0, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(cases) < cases * 0.45)
    scores = random.normal(effect * labels)
    return labels, stats.norm.cdf(scores.round() if ties else scores)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_auc_is_scikit_learns(seed, ties):
    labels, scores = _cases(seed, cases=200, ties=ties)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_perfect_turned_round_and_constant_probabilities_have_auc_one_zero_and_a_half():
    labels = np.array([False, False, True, True, True])
    assert auc(labels, labels * 0.9) == 1
    assert auc(labels, 1 - labels * 0.9) == 0
    assert auc(labels, np.full(5, 0.7)) == 0.5


def _components(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components from the definition: every positive case against every negative one."""
    gap = scores[labels][:, None] - scores[~labels][None, :]
    wins = (gap > 0) + 0.5 * (gap == 0)
    return wins.mean(axis=1), wins.mean(axis=0)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_delongs_covariance_is_that_of_the_components_counted_pair_by_pair(seed, ties):
    labels, first = _cases(seed, cases=31, ties=ties)
    _, second = _cases(seed + 50, cases=31, ties=ties)
    parts = [_components(labels, scores) for scores in (first, second)]
    expected = (np.cov([above for above, _ in parts]) / labels.sum()
                + np.cov([below for _, below in parts]) / (~labels).sum())
    areas, covariance = delong_covariance(labels, [first, second])
    assert covariance == pytest.approx(expected, abs=1e-14)
    assert areas == pytest.approx([auc(labels, first), auc(labels, second)], abs=1e-12)


def test_the_stratified_covariance_is_that_of_the_strata_where_they_are_of_one_size():
    labels, strata = np.tile(np.arange(20) < 9, 30), np.repeat(np.arange(30), 20)
    scores = np.random.default_rng(0).normal(labels * 1.0)
    (value,), pooled = delong_covariance(labels, [scores], strata)
    alone = [delong_covariance(labels[:20], [part]) for part in scores.reshape(30, 20)]
    assert value == pytest.approx(np.mean([areas[0] for areas, _ in alone]))
    assert pooled[0, 0] == pytest.approx(np.mean([one[0, 0] for _, one in alone]) / 30)


def test_a_stratum_of_one_class_has_no_pair():
    labels, strata = np.array([True, False, True, True, False]), np.array(["b", "b", "a", "a", "b"])
    assert [list(places) for places in compared_strata(labels, strata)] == [[0, 1, 4]]
    assert stratum_sizes(labels, strata) == [(1, 2)] and stratum_sizes(labels, None) == [(3, 2)]


def test_one_class_has_no_auc_and_one_case_of_a_class_no_variance():
    scores = np.array([0.1, 0.4, 0.3])
    (area,), covariance = delong_covariance(np.zeros(3, bool), [scores])
    assert np.isnan(auc(np.zeros(3, bool), scores)) and np.isnan(area) and np.isnan(covariance).all()
    (area,), covariance = delong_covariance(np.array([True, False, False]), [scores])
    assert area == 0 and np.isnan(covariance).all()
