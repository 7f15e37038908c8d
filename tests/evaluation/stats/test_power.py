"""What a number of cases can show: against published formulas and against simulated studies."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radiogen.core.auc import delong_covariance
from radiogen.evaluation.stats.intervals import delong_difference
from radiogen.evaluation.stats.power import (
    fold_groups,
    half_width,
    resolvability_table,
    resolvability_text,
    resolvable_auc,
    resolvable_gap,
    smallest_difference,
)


def test_half_the_interval_at_chance_is_1_96_errors_of_the_rank_sum_test():
    for positives, negatives in ((307, 278), (61, 56), (46, 41)):
        error = np.sqrt((positives + negatives + 1) / (12 * positives * negatives))  # Mann and Whitney 1947
        assert half_width(positives, negatives) == pytest.approx(1.959964 * error, rel=1e-6)


def test_the_competitions_cases_one_fold_and_the_test_set_have_the_intervals_that_are_quoted_for_them():
    assert half_width(307, 278) == pytest.approx(0.046, abs=0.0015)
    assert half_width(61, 56) == pytest.approx(0.10, abs=0.006)
    assert half_width(46, 41) == pytest.approx(0.12, abs=0.003)


def test_runs_that_are_alike_are_distinguished_from_a_smaller_difference():
    limits = [smallest_difference([(300, 280)], correlation) for correlation in (0.0, 0.5, 0.9, 1.0)]
    assert limits == sorted(limits, reverse=True) and limits[-1] == 0


def test_the_smallest_difference_is_found_in_about_80_of_100_studies():
    positives, mixed, area = 150, 0.6, 0.7
    labels = np.arange(2 * positives) < positives
    random = np.random.default_rng(3)

    def pair(effects: tuple[float, float]) -> np.ndarray:
        common = random.normal(size=len(labels))
        own = random.normal(size=(2, len(labels)))
        return np.sqrt(mixed) * common + np.sqrt(1 - mixed) * own + np.outer(effects, labels)

    effect = np.sqrt(2) * stats.norm.ppf(area)
    covariances = np.mean([delong_covariance(labels, pair((effect, effect)))[1] for _ in range(200)], axis=0)
    correlation = covariances[0, 1] / np.sqrt(covariances[0, 0] * covariances[1, 1])
    gap = smallest_difference([(positives, positives)], correlation, area)
    effects = tuple(np.sqrt(2) * stats.norm.ppf(area + half) for half in (gap / 2, -gap / 2))
    found = [delong_difference(labels, *pair(effects)).p < 0.05 for _ in range(500)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_groups_are_all_folds_the_smallest_fold_and_the_holdout():
    table = pd.DataFrame({"fold": ["0"] * 6 + ["1"] * 4 + ["holdout"] * 3 + ["test"],
                          "label": pd.array([1, 0] * 6 + [1, None], dtype="Int64")})
    assert fold_groups(table) == {"all folds, out-of-fold": [(3, 3), (2, 2)], "one fold": [(2, 2)],
                                  "holdout": [(2, 1)]}


def test_too_few_cases_are_said_to_tell_nothing():
    table = pd.DataFrame({"fold": ["0", "0", "1", "1"], "label": [0, 1, 0, 1]})
    assert "too few to tell anything" in resolvability_text(table)
    assert resolvability_table({"empty": [(0, 3)]}).isna()["half_width"].all()


def test_the_text_names_every_group_with_what_it_can_show():
    table = pd.DataFrame({"fold": np.repeat(["0", "1", "2", "3", "4", "holdout"], 100),
                          "label": np.arange(600) % 2})
    lines = resolvability_text(table).splitlines()
    assert len(lines) == 4 and all(len(line) <= 120 for line in lines)
    assert "all folds, out-of-fold: 500 cases" in lines[1] and "one fold: 100 cases" in lines[2]


def test_more_cases_show_smaller_aucs_and_too_few_show_nothing():
    limits = [resolvable_auc([(count, count)]) for count in (5, 20, 80, 300)]
    assert limits == sorted(limits, reverse=True) and limits[-1] > 0.5
    assert resolvable_auc([(2, 2)]) == 1 and resolvable_auc([(0, 9)]) == 1 and resolvable_auc([]) == 1


def test_cross_validation_shows_less_than_as_many_cases_that_nothing_was_trained_on():
    assert resolvable_auc([(60, 56)] * 5) > resolvable_auc([(300, 280)]) + 0.015


def test_the_resolvable_gap_is_2_8_standard_errors_and_more_where_the_variance_is_corrected():
    assert resolvable_gap(0.1) == pytest.approx(0.28016, rel=1e-4)
    assert resolvable_gap(0.1, 2.25) == pytest.approx(0.1 * (1.5 * 1.959964 + 0.841621), rel=1e-5)
