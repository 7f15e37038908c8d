"""Whether a run tells more than its acquisition: the words for a true signal, for noise and for a scanner's habits."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radiogen.core.auc import auc
from radiogen.evaluation.audit.confounds import (
    Conclusion,
    correlation_table,
    gain_table,
    judge_confounds,
    within_plane_table,
)
from radiogen.evaluation.audit.image_free import PLANES, image_free_predictions
from radiogen.evaluation.stats.verdicts import Outcome

from ..acquisitions import made, run_from


def _flair_is_coronal(geometry: pd.DataFrame) -> np.ndarray:
    return (geometry.loc[geometry["sequence"] == "FLAIR", "plane"] == "coronal").to_numpy(float)


def test_a_run_that_only_sees_the_plane_is_explained_by_acquisition():
    folds, geometry = made(tied="plane")
    run = run_from(folds, 2 * _flair_is_coronal(geometry) - 1, noise=0.5)
    found = judge_confounds(run, folds, geometry)
    assert found.outcomes == (Outcome.BETTER, Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)
    assert found.correlations.loc[0, ["sequence", "field"]].tolist()[0] == "FLAIR"
    assert found.correlations["p_adjusted"].iloc[0] < 1e-6


@pytest.mark.slow
def test_a_run_that_only_counts_slices_is_explained_by_acquisition():
    folds, geometry = made(tied="slices")
    slices = geometry.loc[geometry["sequence"] == "FLAIR", "slices"].to_numpy()
    found = judge_confounds(run_from(folds, (slices - 52) / 20, noise=0.3), folds, geometry)
    assert found.outcomes == (Outcome.BETTER, Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)
    assert found.best != PLANES


def test_a_run_that_sees_the_label_itself_is_better_than_the_baseline():
    folds, geometry = made(tied="plane")
    found = judge_confounds(run_from(folds, 4.0 * folds["label"] - 2, noise=0.8), folds, geometry)
    assert found.outcomes == (Outcome.BETTER, Conclusion.ABOVE_BASELINE)
    assert found.within_planes.iloc[-1]["p"] < 0.01


@pytest.mark.slow
def test_a_true_signal_is_not_explained_away_where_the_acquisition_tells_nothing():
    folds, geometry = made()
    found = judge_confounds(run_from(folds, 2.0 * folds["label"] - 1, noise=1.0), folds, geometry)
    assert found.outcomes == (Outcome.BETTER, Conclusion.ABOVE_BASELINE)


def test_noise_is_neither_better_nor_explained():
    folds, geometry = made(seed=3)
    found = judge_confounds(run_from(folds, np.zeros(len(folds)), noise=1.0, seed=5), folds, geometry)
    assert found.outcomes == (Outcome.UNCLEAR, Conclusion.NOT_ABOVE_BASELINE)


def test_gains_are_the_differences_of_the_aucs_on_the_same_cases_and_agree_with_the_bootstrap():
    folds, geometry = made(tied="plane", holdout_fraction=0.2)
    run, baselines = run_from(folds, 1.5 * folds["label"], 1.0), image_free_predictions(folds, geometry)
    table = gain_table(run, baselines)
    assert len(table) == 8 and set(table["set"]) == {"out-of-fold", "holdout"}
    assert table["gain"].tolist() == pytest.approx((table["run_auc"] - table["baseline_auc"]).tolist())
    inside = table["set"] == "out-of-fold"
    assert table.loc[inside, "bootstrap_low"].tolist() == pytest.approx(table.loc[inside, "low"].tolist(), abs=0.02)
    held = (folds["fold"] == "holdout").to_numpy()
    expected = auc(folds["label"].to_numpy()[held] == 1, run["probability"].to_numpy()[held])
    assert table.loc[~inside, "run_auc"].tolist() == pytest.approx([expected] * 4)


def test_the_auc_within_a_plane_is_that_of_its_cases_within_folds():
    folds, geometry = made(tied="plane")
    run = run_from(folds, 1.0 * folds["label"], 1.0)
    table = within_plane_table(run, geometry).set_index(["sequence", "plane"])
    inside = _flair_is_coronal(geometry) == 1
    parts = [(part["label"].to_numpy() == 1, part["probability"].to_numpy()) for _, part in run[inside].groupby("fold")]
    areas, pairs = [auc(*part) for part in parts], [labels.sum() * (~labels).sum() for labels, _ in parts]
    assert table.loc[("FLAIR", "coronal"), "auc"] == pytest.approx(np.average(areas, weights=pairs))
    assert table.loc[("FLAIR", "coronal"), "cases"] == inside.sum()
    assert table.index[-1] == ("all", "same") and table.loc[("all", "same"), "cases"] == len(folds)


def test_correlations_are_spearmans_and_a_field_that_never_changes_has_none():
    folds, geometry = made()
    run = run_from(folds, np.zeros(len(folds)), 1.0)
    table = correlation_table(run, geometry).set_index(["sequence", "field"])
    slices = geometry.loc[geometry["sequence"] == "FLAIR", "slices"].to_numpy()
    expected = stats.spearmanr(slices, run["probability"])
    assert table.loc[("FLAIR", "slices"), ["rho", "p"]].tolist() == pytest.approx(list(expected))
    assert ("FLAIR", "rows") not in table.index and ("T1wCE", "plane: axial") not in table.index
    assert ((table["low"] < table["rho"]) & (table["rho"] < table["high"])).all()
    assert (table["p_adjusted"] >= table["p"]).all()


@pytest.mark.slow
def test_the_interval_of_a_correlation_holds_the_true_one_in_about_95_of_100_studies():
    truth, inside = 6 / np.pi * np.arcsin(0.5 / 2), []  # Spearman's rho of two normals with correlation 0.5
    for seed in range(200):
        random = np.random.default_rng(seed)
        first = random.normal(size=80)
        second = 0.5 * first + np.sqrt(0.75) * random.normal(size=80)
        ids = [f"{number:05d}" for number in range(80)]
        geometry = pd.DataFrame({"case": ids, "split": "train", "sequence": "FLAIR", "plane": "axial",
                                 "slices": first, "rows": 1.0, "columns": 1.0, "slice_spacing_mm": 1.0, "row_mm": 1.0,
                                 "column_mm": 1.0})
        row = correlation_table(pd.DataFrame({"case": ids, "probability": second}), geometry).iloc[0]
        inside.append(row["low"] <= truth <= row["high"])
    assert 0.90 <= np.mean(inside) <= 0.99
