"""Slope and intercept are those of an unpenalised logistic regression, and their intervals hold the truth."""

import numpy as np
import pytest

from radiogen.evaluation.stats.calibration import calibration


def _drawn(seed, cases=400, slope=0.6, intercept=-0.4):
    """Probabilities whose truth has this slope and intercept, and labels."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, cases)
    truth = 1 / (1 + np.exp(-(intercept + slope * logits)))
    return random.random(cases) < truth, 1 / (1 + np.exp(-logits))


def test_the_fit_is_that_of_scikit_learn_without_a_penalty():
    from sklearn.linear_model import LogisticRegression

    labels, probabilities = _drawn(0)
    logits = np.log(probabilities / (1 - probabilities))[:, None]
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logits, labels)
    found = calibration(labels, probabilities)
    assert (found.slope.value, found.intercept.value) == pytest.approx((other.coef_[0, 0], other.intercept_[0]),
                                                                       abs=1e-5)


def test_the_standard_errors_are_those_of_the_curvature_of_the_likelihood():
    labels, probabilities = _drawn(1)
    logits = np.log(probabilities / (1 - probabilities))
    found = calibration(labels, probabilities)

    def likelihood(intercept, slope):
        values = intercept + slope * logits
        return (labels * values - np.logaddexp(0, values)).sum()

    step, (a, b) = 1e-3, (found.intercept.value, found.slope.value)
    corner = [likelihood(a + i * step, b + j * step) for i in (-1, 1) for j in (-1, 1)]
    middle = likelihood(a, b)
    aa = (likelihood(a + step, b) - 2 * middle + likelihood(a - step, b)) / step**2
    bb = (likelihood(a, b + step) - 2 * middle + likelihood(a, b - step)) / step**2
    ab = (corner[3] - corner[2] - corner[1] + corner[0]) / (4 * step**2)
    errors = np.sqrt(np.diag(np.linalg.inv(-np.array([[aa, ab], [ab, bb]]))))
    widths = [(one.high - one.low) / 2 / 1.959964 for one in (found.intercept, found.slope)]
    assert widths == pytest.approx(errors.tolist(), rel=1e-3)


def test_a_prevalence_that_is_lower_than_predicted_shows_in_the_large():
    labels, probabilities = _drawn(2, cases=4000, slope=1.0, intercept=-0.8)
    found = calibration(labels, probabilities)
    assert found.in_the_large.value == pytest.approx(-0.8, abs=0.12) and found.in_the_large.p < 1e-6
    assert found.slope.low < 1 < found.slope.high


@pytest.mark.slow
def test_the_intervals_hold_the_truth_in_95_of_100_draws():
    inside = np.array([[found.slope.low <= 0.6 <= found.slope.high, found.intercept.low <= -0.4 <= found.intercept.high]
                       for found in (calibration(*_drawn(seed, cases=200)) for seed in range(1000))])
    assert (np.abs(inside.mean(axis=0) - 0.95) < 0.02).all()


@pytest.mark.parametrize(("labels", "probabilities"), [
    ([True, True, True], [0.1, 0.5, 0.9]), ([], []), ([True, False, True, False], [0.9, 0.1, 0.8, 0.2])])
def test_one_class_no_case_or_classes_fully_apart_have_no_slope(labels, probabilities):
    found = calibration(np.array(labels, bool), np.array(probabilities, float))
    assert np.isnan(found.slope.value) and np.isnan(found.intercept.value)


def test_probabilities_that_are_all_the_same_have_no_slope_and_a_level():
    found = calibration(np.array([True, False, False, False]), np.full(4, 0.5))
    assert np.isnan(found.slope.value) and found.in_the_large.value == pytest.approx(np.log(1 / 3))


def test_probabilities_of_0_and_1_are_no_infinities():
    labels, probabilities = _drawn(3)
    probabilities[:2] = 0.0, 1.0
    assert np.isfinite(calibration(labels, probabilities).slope.value)
