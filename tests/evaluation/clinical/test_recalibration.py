"""Recalibration: probabilities become right, the judged cases have no part in it, and the order stays."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.clinical.recalibration import METHODS, fit_recalibration, recalibrate
from radiogen.evaluation.stats.calibration import calibration
from radiogen.evaluation.stats.metrics import brier
from radiogen.runs.predictions import scored


def _overconfident(cases=4000, seed=0):
    """Predictions whose true logit is half of what they say, and one lower."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, cases)
    label = (random.random(cases) < 1 / (1 + np.exp(-(logits / 2 - 1)))).astype(int)
    return pd.DataFrame({"case": [f"{number:05d}" for number in range(cases)], "label": label,
                         "fold": [str(number % 5) for number in range(cases)],
                         "probability": 1 / (1 + np.exp(-logits))})


@pytest.mark.parametrize("method", METHODS)
def test_overconfident_probabilities_become_right(method):
    table = _overconfident()
    assert calibration(*scored(table)).slope.value == pytest.approx(0.5, abs=0.06)
    mended = table.assign(probability=recalibrate(table, method))
    assert brier(*scored(mended)) < brier(*scored(table)) - 0.01
    if method == "logistic":
        found = calibration(*scored(mended))
        assert found.slope.low < 1 < found.slope.high and found.intercept.low < 0 < found.intercept.high


@pytest.mark.parametrize("method", METHODS)
def test_the_labels_of_a_fold_have_no_part_in_its_own_probabilities(method):
    table = _overconfident(400)
    flipped = table.assign(label=np.where(table["fold"] == "2", 1 - table["label"], table["label"]))
    own = table["fold"] == "2"
    before, after = recalibrate(table, method), recalibrate(flipped, method)
    pd.testing.assert_series_equal(before[own], after[own])
    assert not np.allclose(before[~own], after[~own])


@pytest.mark.parametrize("method", METHODS)
def test_holdout_and_test_set_which_a_mean_of_networks_scored_get_no_map_and_change_nothing(method):
    table = _overconfident(400)
    table["label"] = table["label"].astype("Int64")
    extra = table.head(4).assign(fold=["holdout", "holdout", "test", "test"], label=[0, 1, pd.NA, pd.NA])
    both = recalibrate(pd.concat([table, extra], ignore_index=True), method)
    pd.testing.assert_series_equal(both[:400], recalibrate(table, method), check_index=False, check_names=False)
    assert both[400:].isna().all()


def _networks(cases, seed, networks=5):
    """Labels and what each of five networks says: overconfident, alike in half of their errors; (cases, networks)."""
    random = np.random.default_rng(seed)
    labels = random.random(cases) < 0.4
    evidence = random.normal(1.5 * labels, 1.0)[:, None] + random.normal(0, 1.0, (cases, networks))
    return labels, 1 / (1 + np.exp(-4 * (evidence - 1)))


def test_each_networks_recalibrated_word_is_right_and_the_map_bent_for_single_ones_is_wrong_for_their_mean():
    labels, words = _networks(6000, 1)
    fold = np.arange(6000) % 5
    fitted = fit_recalibration(labels, words[np.arange(6000), fold])  # each case by the network of its own fold
    new, many = _networks(6000, 2)
    single = calibration(new, fitted(many[:, 0]))
    assert single.slope.low < 1 < single.slope.high
    mapped_mean, mean_of_mapped = fitted(many.mean(axis=1)), np.stack([fitted(one) for one in many.T]).mean(axis=0)
    assert calibration(new, mapped_mean).slope.low > 1  # the mean is less extreme than what the map was bent for
    cautious = calibration(new, mean_of_mapped)
    assert cautious.slope.low > 1  # at worst too cautious, never too sure
    assert mean_of_mapped.mean() == pytest.approx(new.mean(), abs=0.02)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_is_never_turned_round(method):
    table = _overconfident(300)
    labels, probabilities = scored(table.assign(label=1 - table["label"]))
    found = fit_recalibration(labels, probabilities, method)(np.array([0.1, 0.5, 0.9]))
    assert np.all(np.diff(found) >= 0)
    assert found == pytest.approx(labels.mean(), abs=0.01)


def test_classes_that_a_line_parts_have_no_certain_cases():
    labels = np.repeat([False, True], 20)
    found = fit_recalibration(labels, np.linspace(0.01, 0.99, 40))(np.array([0.0, 1.0]))
    assert 0 < found[0] < 0.05 and 0.95 < found[1] < 1


@pytest.mark.parametrize(("labels", "probabilities", "share"), [
    ([True, True], [0.2, 0.7], 3 / 4), ([True, False, False], [0.5, 0.5, 0.5], 2 / 5), ([], [], 1 / 2)])
def test_where_nothing_can_be_fitted_all_cases_get_the_smoothed_share(labels, probabilities, share):
    fitted = fit_recalibration(np.array(labels, bool), np.array(probabilities, float))
    assert fitted(np.array([0.1, 0.9])).tolist() == [share, share]
