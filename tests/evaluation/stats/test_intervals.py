"""Intervals: against definitions written out, against theory, and for honesty over many seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from radiogen.core.auc import auc, delong_covariance
from radiogen.evaluation.stats.intervals import (
    auc_interval,
    bootstrap_auc,
    bootstrap_difference,
    bootstrap_interval,
    delong,
    delong_difference,
    delong_unpaired,
    hanley_mcneil_error,
    holm_adjusted,
    permutation_p,
    roc_band,
    stratified_auc,
    wilson_interval,
)
from radiogen.evaluation.stats.resampling import draw_patients
from tests.core.test_auc import _cases


def test_delongs_interval_holds_the_true_auc_in_about_95_of_100_studies():
    truth = stats.norm.cdf(1 / np.sqrt(2))
    inside = [(lambda e: e.low <= truth <= e.high)(delong(*_cases(seed, cases=120))) for seed in range(400)]
    assert 0.91 <= np.mean(inside) <= 0.98  # 0.95 within four standard errors


def test_bootstrap_interval_holds_the_true_auc_in_about_95_of_100_studies():
    truth = stats.norm.cdf(1 / np.sqrt(2))
    ends = [bootstrap_interval(*_cases(seed, cases=120), draws=400) for seed in range(300)]
    assert 0.90 <= np.mean([low <= truth <= high for low, high in ends]) <= 0.985


def test_bootstrap_auc_is_the_auc_of_the_drawn_patients():
    labels, scores = _cases(1, cases=25, ties=True)
    times = draw_patients(labels, 20, seed=7)
    expected = [auc(np.repeat(labels, row), np.repeat(scores, row)) for row in times]
    assert bootstrap_auc(labels, scores, draws=20, seed=7) == pytest.approx(expected, abs=1e-12)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    labels, scores = _cases(3)
    assert bootstrap_interval(labels, scores, seed=1) == bootstrap_interval(labels, scores, seed=1)
    assert bootstrap_interval(labels, scores, seed=1) != bootstrap_interval(labels, scores, seed=2)


def test_bootstrap_and_delong_agree_on_many_cases():
    labels, scores = _cases(4, cases=600)
    by_delong = delong(labels, scores)
    assert bootstrap_interval(labels, scores) == pytest.approx((by_delong.low, by_delong.high), abs=0.008)


def test_paired_intervals_of_like_runs_are_narrower_than_of_unlike_ones():
    labels, first = _cases(5, cases=300)
    like = np.clip(first + np.random.default_rng(0).normal(0, 0.05, 300), 0, 1)
    _, other = _cases(5, cases=300, effect=1.0)
    unlike = np.where(labels, np.roll(other, 7), np.roll(other, 11))
    near, far = delong_difference(labels, first, like), delong_difference(labels, first, unlike)
    assert near.high - near.low < 0.5 * (far.high - far.low)
    low, high = bootstrap_difference(labels, first, like)
    assert (low, high) == pytest.approx((near.low, near.high), abs=0.01)


def test_a_run_does_not_differ_from_itself():
    labels, scores = _cases(6)
    same = delong_difference(labels, scores, scores)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_classes_fully_apart_do_not_make_an_interval_of_one_point():
    labels = np.arange(32) < 16
    low, high = bootstrap_interval(labels, labels * 1.0)
    assert high == 1 and 0.75 < low < 0.95
    assert bootstrap_interval(labels, 1.0 - labels) == (0, pytest.approx(1 - low))
    wider, _ = bootstrap_interval(np.arange(8) < 4, (np.arange(8) < 4) * 1.0)
    assert wider < low


def test_permutation_p_of_pure_noise_is_uniform():
    values = [permutation_p(*_cases(seed, cases=40, effect=0), draws=200) for seed in range(300)]
    assert stats.kstest(values, "uniform").pvalue > 0.001


def test_permutation_p_of_a_few_cases_is_the_exact_one():
    labels, scores = np.array([True, True, True, False, False, False]), np.array([6, 5, 4, 3, 2, 1]) / 7
    assert permutation_p(labels, scores, draws=20_000) == pytest.approx(2 / 20, abs=0.01)  # 20 ways to choose 3 of 6


def test_one_class_alone_has_no_interval():
    labels, scores = np.ones(9, dtype=bool), np.linspace(0, 1, 9)
    assert np.isnan(bootstrap_interval(labels, scores)).all()
    assert np.isnan(delong(labels, scores).value) and np.isnan(permutation_p(labels, scores))


def test_hanley_and_mcneils_error_at_chance_is_that_of_the_rank_sum_test():
    # Mann and Whitney: variance of the AUC without any relation is (n + 1) / (12 positives negatives)
    assert hanley_mcneil_error(0.5, 307, 278) == pytest.approx(np.sqrt(586 / (12 * 307 * 278)), rel=1e-9)


def test_the_roc_band_holds_the_curve_and_is_all_the_way_within_zero_and_one():
    labels, scores = _cases(11, cases=150)
    rates = np.linspace(0, 1, 21)
    low, high = roc_band(labels, scores, rates, draws=300)
    assert (low <= high).all() and low.min() >= 0 and high.max() <= 1 and high[-1] == low[-1] == 1
    heights = np.array([np.mean(scores[labels] > np.quantile(scores[~labels], 1 - rate)) for rate in rates[2:-2]])
    assert (low[2:-2] - 0.05 <= heights).all() and (heights <= high[2:-2] + 0.05).all()


def test_wilsons_interval_of_a_share_is_that_of_the_formula():
    found, cases, reach = np.array([0, 3, 4]), np.array([7, 10, 4]), stats.norm.ppf(0.975)
    share, spread = found / cases, 1 + reach**2 / cases
    middle = (share + reach**2 / (2 * cases)) / spread
    half = reach / spread * np.sqrt(share * (1 - share) / cases + reach**2 / (4 * cases**2))
    low, high = wilson_interval(found, cases)
    assert low == pytest.approx(middle - half, abs=1e-12) and high == pytest.approx(middle + half, abs=1e-12)


# Subarachnoid haemorrhage, 113 patients (Turck et al., Intensive Care Med 2010;36:107), as it comes with R's pROC
# (Robin et al., BMC Bioinformatics 2011;12:77). Figures: pROC 1.18.0, R 4.2.2, `ci.auc(roc(outcome, marker))`, `var`,
# and `roc.test(outcome, first, second, method = "delong", paired = TRUE)` with digits = 15.
ASAH = Path(__file__).with_name("asah.csv")


@pytest.mark.parametrize(("marker", "area", "low", "high", "variance"), [
    ("wfns", 0.823678861788618, 0.748534887819453, 0.898822835757783, 0.00146991470882363),
    ("ndka", 0.611957994579946, 0.501244999271703, 0.722670989888189, 0.0031908105493913),
    ("s100b", 0.731368563685637, 0.630118211761623, 0.832618915609651, 0.00266868245717244),
])
def test_delongs_interval_is_that_of_proc(marker, area, low, high, variance):
    table = pd.read_csv(ASAH)
    labels, scores = (table["outcome"] == "Poor").to_numpy(), table[marker].to_numpy(float)
    found, ((value,), covariance) = delong(labels, scores), delong_covariance(labels, [scores])
    reach = stats.norm.ppf(0.975) * np.sqrt(covariance[0, 0])
    assert (value, value - reach, value + reach) == pytest.approx((area, low, high), abs=1e-6)
    assert covariance[0, 0] == pytest.approx(variance, rel=1e-10)
    ends = special.expit(special.logit(area) + np.array([-1, 1]) * reach / (area * (1 - area)))
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-6)


@pytest.mark.parametrize(("first", "second", "p", "low", "high"), [
    ("wfns", "ndka", 0.00514557970691098, 0.06340117093398764, 0.36004056348335656),
    ("wfns", "s100b", 0.0271757821822291, 0.0104061769564846, 0.1742144192494776),
    ("s100b", "ndka", 0.1642951752230545, -0.0488706064228094, 0.2876917446341914),
])
def test_delongs_paired_difference_is_that_of_proc(first, second, p, low, high):
    table = pd.read_csv(ASAH)
    found = delong_difference((table["outcome"] == "Poor").to_numpy(), *table[[first, second]].to_numpy(float).T)
    assert (found.p, found.low, found.high) == pytest.approx((p, low, high), abs=1e-6)


def test_the_stratified_auc_counts_only_pairs_of_one_stratum():
    random = np.random.default_rng(0)
    labels, strata = random.random(60) < 0.5, random.integers(0, 4, 60)
    scores = random.random(60).round(1) + strata
    pairs = [(one > other) + 0.5 * (one == other) for stratum in range(4)
             for one in scores[labels & (strata == stratum)] for other in scores[~labels & (strata == stratum)]]
    found = stratified_auc(labels, scores, strata)
    assert found.value == pytest.approx(np.mean(pairs), abs=1e-12)
    assert found.low < found.value < found.high


def test_scores_that_only_know_the_stratum_are_at_chance_within_it():
    labels = np.arange(200) % 2 == 0
    strata = np.where(np.random.default_rng(1).random(200) < np.where(labels, 0.9, 0.1), "coronal", "axial")
    scores = (strata == "coronal") * 1.0
    assert auc(labels, scores) > 0.8
    found = stratified_auc(labels, scores, strata)
    assert (found.value, found.p) == (0.5, 1.0)


def test_one_stratum_is_the_plain_auc_with_its_interval_and_p():
    labels, scores = _cases(5)
    found = stratified_auc(labels, scores, np.zeros(80))
    assert (found.low, found.high) == pytest.approx(auc_interval(labels, scores))
    assert (found.value, found.p) == pytest.approx((auc(labels, scores), permutation_p(labels, scores)))


def test_strata_of_one_class_have_no_stratified_auc():
    labels = np.array([True, True, False])
    assert np.isnan(stratified_auc(labels, np.arange(3.0), np.array(["a", "a", "b"])).value)


def _binormal_studies(random, cases, area, studies):
    """Labels and scores (studies, cases) whose AUC is `area` in truth; the prevalence is the competition's."""
    labels = np.arange(cases) < round(0.525 * cases)
    return labels, random.normal(size=(studies, cases)) + labels * np.sqrt(2) * stats.norm.ppf(area)


def test_of_25_cases_with_an_auc_of_095_the_interval_holds_it_in_95_of_100_studies():
    labels, scores = _binormal_studies(np.random.default_rng(0), 25, 0.95, 600)
    held = [low <= 0.95 <= high for low, high in (auc_interval(labels, one) for one in scores)]
    assert 0.94 <= np.mean(held) <= 0.99  # a symmetric interval holds it in 77


@pytest.mark.parametrize("strata", [np.zeros(6), np.array([0, 0, 1, 1, 1, 1])])
def test_a_perfect_order_of_six_cases_is_not_certain(strata):
    labels = np.array([True, False, True, True, False, False])
    found = stratified_auc(labels, labels + 0.1 * np.arange(6), strata)
    assert (found.value, found.high) == (1, 1) and 0 <= found.low < 0.7 and found.p > 0.05
    mirrored = stratified_auc(labels, -1.0 * labels - 0.1 * np.arange(6), strata)
    assert (mirrored.value, mirrored.low, mirrored.high) == pytest.approx((0, 0, 1 - found.low))


def test_strata_that_contradict_each_other_are_not_certain_either():
    labels, strata = np.array([True, False, True, False]), np.array([0, 0, 1, 1])
    found = stratified_auc(labels, np.array([1.0, 0.0, 0.0, 1.0]), strata)
    assert found.value == 0.5 and found.high - found.low > 0.5


def test_a_class_of_one_case_has_a_wide_interval():
    found = delong(np.arange(9) == 7, np.arange(9.0))
    assert 0 < found.low < found.value < found.high < 1 and found.high - found.low > 0.4


@pytest.mark.slow
def test_the_stratified_p_of_noise_is_uniform():
    values = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        strata = random.integers(0, 3, 60)
        labels = random.random(60) < 0.3 + 0.2 * strata
        values.append(stratified_auc(labels, random.normal(size=60), strata, draws=199, seed=seed).p)
    assert stats.kstest(values, "uniform").pvalue > 0.001


def _binormal(random, cases, area):
    """Labels and scores of a cohort whose AUC is `area` in truth."""
    labels = np.arange(cases) % 2 == 0
    return labels, random.normal(size=cases) + labels * np.sqrt(2) * stats.norm.ppf(area)


def test_the_unpaired_difference_has_the_sum_of_both_variances():
    random = np.random.default_rng(3)
    one, other = _binormal(random, 80, 0.8), _binormal(random, 140, 0.65)
    alone = [delong(*part) for part in (one, other)]
    found = delong_unpaired(*one, *other)
    assert found.value == pytest.approx(alone[0].value - alone[1].value)
    widths = [stats.norm.ppf(0.975) * np.sqrt(delong_covariance(labels, [scores])[1][0, 0])
              for labels, scores in (one, other)]
    assert found.high - found.value == pytest.approx(np.hypot(*widths))
    assert delong_unpaired(*other, *one).value == pytest.approx(-found.value)


def test_the_unpaired_difference_of_one_case_a_class_is_not_known():
    labels = np.array([True, False])
    assert np.isnan(delong_unpaired(labels, np.arange(2.0), *_binormal(np.random.default_rng(0), 40, 0.7)).value)


@pytest.mark.slow
def test_the_unpaired_interval_holds_a_known_drop_in_95_of_100_draws():
    random, held = np.random.default_rng(4), []
    for _ in range(1000):
        found = delong_unpaired(*_binormal(random, 120, 0.65), *_binormal(random, 300, 0.8))
        held.append(found.low <= -0.15 <= found.high)
    assert abs(np.mean(held) - 0.95) < 0.02


def test_holms_adjustment_is_that_of_the_textbook_in_any_order():
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.005])  # Holm by hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, then no less
    assert holm_adjusted(p) == pytest.approx([0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True)
    assert holm_adjusted(p[::-1]) == pytest.approx([0.02, 0.06, np.nan, 0.06, 0.03], nan_ok=True)
    assert holm_adjusted(np.array([])).size == 0
