"""Figures of merit against scikit-learn's and against what can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from radiogen.core.auc import auc
from radiogen.evaluation.stats.metrics import (
    METRICS,
    average_precision,
    brier,
    calibration_error,
    counts,
    fold_table,
    roc_points,
    summary_table,
)


def _scores(seed: int, cases: int = 200, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.random(cases) < 0.4
    scores = np.clip(random.normal(0.45 + 0.1 * labels, 0.2), 0, 1)
    return labels, scores.round(1) if ties else scores


def _table(folds: list[str], labels, probabilities) -> pd.DataFrame:
    return pd.DataFrame({"case": [f"{number:05d}" for number in range(len(folds))], "fold": folds,
                         "label": pd.array(labels, dtype="Int64"), "probability": probabilities})


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_every_figure_is_scikit_learns(seed, ties):
    labels, scores = _scores(seed, ties=ties)
    called = scores >= 0.5
    assert average_precision(labels, scores) == pytest.approx(
        reference.average_precision_score(labels, scores), abs=1e-12)
    assert brier(labels, scores) == pytest.approx(reference.brier_score_loss(labels, scores), abs=1e-12)
    got = counts(labels, scores)
    assert got["accuracy"] == pytest.approx(reference.accuracy_score(labels, called))
    assert got["precision"] == pytest.approx(reference.precision_score(labels, called))
    assert got["recall"] == pytest.approx(reference.recall_score(labels, called))
    assert got["f1"] == pytest.approx(reference.f1_score(labels, called))


def test_the_area_under_the_drawn_curve_is_the_auc():
    labels, scores = _scores(3)
    across, up = roc_points(labels, scores)
    assert (across[0], up[0], across[-1], up[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(up, across) == pytest.approx(auc(labels, scores), abs=1e-12)


def test_nothing_called_methylated_is_precision_zero_and_no_methylated_case_is_recall_unknown():
    quiet = counts(np.array([True, False]), np.array([0.1, 0.2]))
    assert (quiet["precision"], quiet["recall"], quiet["f1"]) == (0, 0, 0)
    none_there = counts(np.array([False, False]), np.array([0.9, 0.2]))
    assert none_there["precision"] == 0 and np.isnan(none_there["recall"]) and np.isnan(none_there["f1"])


def test_calibration_error_is_the_gap_of_probability_and_share_weighted_by_cases():
    labels = np.array([True] * 3 + [False] * 5 + [True, True])
    probabilities = np.array([0.75] * 8 + [1.0, 1.0])  # 3 of 8 where 0.75 was said, 2 of 2 where 1 was said
    assert calibration_error(labels, probabilities) == pytest.approx(0.8 * (0.75 - 3 / 8))


def test_a_probability_of_one_lies_in_the_last_bin_and_not_in_one_of_its_own():
    error = calibration_error(np.array([True, False]), np.array([0.9, 1.0]))
    assert error == pytest.approx(0.95 - 0.5)


def test_probabilities_that_keep_their_word_have_nearly_no_calibration_error():
    random = np.random.default_rng(0)
    probabilities = random.random(200_000)
    assert calibration_error(random.random(200_000) < probabilities, probabilities) < 0.01


def test_the_fold_table_has_the_folds_in_order_then_their_mean_and_sample_deviation():
    table = fold_table(_table(["10", "2", "2", "10", "10", "holdout", "test"], [1, 1, 0, 0, 1, 0, None],
                              [0.9, 0.4, 0.1, 0.2, 0.8, 0.9, 0.9]))
    assert table["fold"].tolist() == ["2", "10", "mean", "standard deviation"]
    assert table["cases"].tolist() == [2, 3, 2.5, pytest.approx(np.sqrt(0.5))]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 1, 0.75, np.sqrt(0.125)])


def test_a_fold_of_one_class_has_no_auc_and_leaves_the_mean_to_the_others():
    table = fold_table(_table(["0", "0", "1", "1"], [1, 0, 1, 1], [0.9, 0.1, 0.9, 0.8])).set_index("fold")
    assert np.isnan(table.loc["1", "auc"])
    assert table.loc["mean", "auc"] == 1
    assert np.isnan(table.loc["standard deviation", "auc"])


def test_a_run_without_judged_folds_has_an_empty_fold_table_and_no_error():
    table = fold_table(_table(["holdout", "holdout"], [1, 0], [0.9, 0.1]))
    assert table["fold"].tolist() == ["mean", "standard deviation"]
    assert table[list(METRICS)].isna().all(axis=None)


def test_the_summary_has_the_runs_in_the_order_given_with_folds_pooled_and_the_holdout_apart():
    first = _table(["0", "1", "1", "0", "holdout", "holdout"], [1, 0, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1, 0.2, 0.6])
    second = first[first["fold"] != "holdout"]
    table = summary_table({"b": first, "a": second}, lambda labels, probabilities: (0.25, 0.75))
    assert table["run"].tolist() == ["b", "a"]
    assert table["out_of_fold_cases"].tolist() == [4, 4]
    assert table["out_of_fold_auc"].tolist() == [0.75, 0.75]
    assert table["out_of_fold_auc_low"].tolist() == [0.25, 0.25]
    assert table.loc[0, "holdout_auc"] == 0 and np.isnan(table.loc[1, "holdout_auc"])
    assert table["holdout_cases"].tolist() == [2, 0]
