"""Error rates and predictive values: by hand, by Bayes's rule, and covered by their intervals."""

import numpy as np
import pytest

from radiogen.evaluation.clinical.operating import PREVALENCES, error_rates, predictive_value_table, predictive_values

LABELS = np.array([True] * 40 + [False] * 60)
CALLS = np.array([True] * 30 + [False] * 10 + [True] * 12 + [False] * 48)


def test_error_rates_are_the_counts_by_hand():
    rates = error_rates(LABELS, CALLS)
    assert [(one.found, one.cases) for one in (rates.sensitivity, rates.specificity, rates.positive_value,
                                               rates.negative_value)] == [(30, 40), (48, 60), (30, 42), (48, 58)]
    assert rates.prevalence == 0.4
    assert rates.sensitivity.low < 0.75 < rates.sensitivity.high


def test_predictive_values_at_the_prevalence_of_the_cases_are_those_of_the_cases():
    rates = error_rates(LABELS, CALLS)
    positive, negative = predictive_values(rates, rates.prevalence)
    assert positive.value == pytest.approx(30 / 42) and negative.value == pytest.approx(48 / 58)
    assert positive.low < positive.value < positive.high


def test_a_rare_class_makes_a_positive_call_worth_less_and_a_negative_one_more():
    rates = error_rates(LABELS, CALLS)
    positive, negative = predictive_values(rates, 0.05)
    assert positive.value == pytest.approx(0.75 * 0.05 / (0.75 * 0.05 + 0.2 * 0.95))
    assert negative.value == pytest.approx(0.8 * 0.95 / (0.8 * 0.95 + 0.25 * 0.05))


def test_the_interval_of_a_predictive_value_holds_the_true_one_in_95_percent():
    random, held = np.random.default_rng(0), 0
    true = 0.8 * 0.1 / (0.8 * 0.1 + 0.3 * 0.9)
    for _ in range(400):
        calls = random.random(100) < np.where(LABELS, 0.8, 0.3)
        found = predictive_values(error_rates(LABELS, calls), 0.1)[0]
        held += found.low <= true <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_calls_that_are_all_right_have_an_interval_below_one():
    positive, negative = predictive_values(error_rates(LABELS, LABELS), 0.3)
    assert 0.7 < positive.low < positive.value < 1 and 0.7 < negative.low < negative.value < 1


def test_the_table_has_a_row_a_prevalence():
    rates = error_rates(LABELS, CALLS)
    table = predictive_value_table(rates)
    assert table["prevalence"].tolist() == list(PREVALENCES)
    assert table["positive_value"].is_monotonic_increasing and table["negative_value"].is_monotonic_decreasing
    assert table["positive_value_low"][0] == predictive_values(rates, PREVALENCES[0])[0].low


def test_without_a_class_there_are_no_predictive_values():
    rates = error_rates(np.array([True, True]), np.array([True, False]))
    assert np.isnan(predictive_values(rates, 0.3)[0].value) and np.isnan(rates.specificity.value)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, -0.2, 30.0])
def test_a_prevalence_that_is_no_share_is_an_error(prevalence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        predictive_values(error_rates(LABELS, CALLS), prevalence)
