"""The label-permutation test: a p-value that is one, and what it says of a run."""

import numpy as np
import pytest

from radiogen.evaluation.stats.label_permutation import Reach, one_sided_p, permutation_test
from radiogen.evaluation.wording import permutation_sentence


def test_the_run_counts_as_one_of_the_draws():
    areas = np.array([0.4, 0.5, 0.6])
    assert one_sided_p(0.7, areas) == 1 / 4
    assert one_sided_p(0.6, areas) == 2 / 4
    assert one_sided_p(0.3, areas) == 1


def test_a_p_value_of_a_run_that_is_one_of_the_draws_is_even():
    """A run without signal has each p as often as any other: that is what makes it a p-value."""
    random = np.random.default_rng(0)
    p = [one_sided_p(areas[0], areas[1:]) for areas in random.normal(size=(2000, 20))]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(p) == pytest.approx(0.525, abs=0.03)


def test_the_outcome_says_what_the_draws_show():
    areas = np.linspace(0.4, 0.6, 39)
    assert permutation_test("folds", areas, 0.8).outcome is Reach.NOT_REACHED
    assert permutation_test("folds", areas, 0.55).outcome is Reach.REACHED
    assert "permuted within folds and planes" in permutation_sentence(permutation_test("planes", areas, 0.55))


def test_honest_draws_are_called_leaking_in_at_most_one_in_a_hundred():
    random = np.random.default_rng(1)
    areas = random.normal(0.5, 0.06, (3000, 19))
    assert np.mean([permutation_test("folds", own, 0.7).leaks for own in areas]) == pytest.approx(0.01, abs=0.006)
    assert permutation_test("folds", np.full(19, 0.5), 0.7).chance_p == 1
    assert permutation_test("folds", areas[0] + 0.1, 0.9).leaks
    assert not permutation_test("planes", areas[0] + 0.1, 0.9).leaks


def test_too_few_draws_to_show_anything_are_reported():
    assert permutation_test("folds", np.array([0.5, 0.4]), 0.9).outcome is Reach.TOO_FEW_DRAWS
    assert permutation_test("folds", np.linspace(0.4, 0.6, 19), 0.9).outcome is Reach.NOT_REACHED
