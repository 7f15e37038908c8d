"""Thresholds: the best one on the cases given, and never with a look at the fold that is judged."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from radiogen.evaluation.stats.metrics import counts, fold_table
from radiogen.evaluation.stats.thresholds import (
    called,
    fold_thresholds,
    scored_by_mean,
    threshold_table,
    youden_threshold,
)
from radiogen.runs.predictions import complete


def _table(cases: int = 120, shift: float = -0.2, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    folds = np.resize(["0", "1", "2", "holdout", "test"], cases)
    labels = random.integers(0, 2, cases)
    return complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(cases)], "fold": folds,
        "label": pd.array([None if fold == "test" else label for fold, label in zip(folds, labels, strict=True)],
                               dtype="Int64"),
        "probability": np.clip(random.normal(0.5 + shift + 0.15 * labels, 0.12), 0, 1)}))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_has_a_larger_balanced_accuracy(seed):
    random = np.random.default_rng(seed)
    labels = random.random(80) < 0.3
    scores = np.clip(random.normal(0.3 + 0.1 * labels, 0.2), 0, 1).round(2)
    found = balanced_accuracy_score(labels, scores >= youden_threshold(labels, scores))
    assert found == pytest.approx(max(balanced_accuracy_score(labels, scores >= one) for one in np.unique(scores)))


def test_the_threshold_lies_halfway_between_two_probabilities_that_were_seen():
    assert youden_threshold(np.array([False, False, True, True]), np.array([0.1, 0.2, 0.3, 0.9])) == 0.25


def test_where_nothing_helps_the_threshold_stays_at_a_half():
    labels = np.array([True, False])
    assert youden_threshold(labels, np.array([0.1, 0.9])) == 0.5
    assert youden_threshold(labels, np.array([0.3, 0.3])) == 0.5
    assert youden_threshold(np.array([True, True]), np.array([0.1, 0.2])) == 0.5


@pytest.mark.parametrize("fold", ["0", "1"])
def test_a_folds_threshold_does_not_change_whatever_its_own_cases_say(fold):
    table = _table()
    inside = (table["fold"] == fold).to_numpy()
    turned = table.assign(probability=np.where(inside, 1 - table["probability"], table["probability"]),
                          label=table["label"].where(~inside, 1 - table["label"]))
    assert fold_thresholds(table)[fold] == fold_thresholds(turned)[fold]


def test_holdout_and_test_have_no_threshold_where_a_mean_of_networks_scores_them():
    table = _table()
    found = fold_thresholds(table)
    assert np.isnan([found["holdout"], found["test"]]).all() and np.isfinite([found["0"], found["1"], found["2"]]).all()
    row = threshold_table(table).set_index("fold").loc["holdout"]
    assert row[["threshold", "accuracy", "precision", "recall", "f1"]].isna().all()
    assert np.isfinite(row["accuracy_at_half"]) and row["scored_by"] == "mean of 3"
    with pytest.raises(ValueError, match="mean of networks"):
        called(table)


def test_one_network_alone_gives_the_holdout_the_threshold_of_its_own_cases():
    table = _table()
    table = table[table["fold"].isin(["0", "holdout"])]
    own = table[table["fold"] == "0"]
    assert fold_thresholds(table)["holdout"] == youden_threshold(own["label"].to_numpy(int) == 1,
                                                                 own["probability"].to_numpy())
    assert not scored_by_mean(table).any()


def test_a_threshold_of_single_networks_is_wrong_for_their_mean_which_has_none():
    """Networks whose words lie far apart: a cut that few single words reach is reached by hardly any mean."""
    random = np.random.default_rng(5)

    def words(cases, networks):
        labels = np.arange(cases) % 4 == 0
        logits = random.normal(1.2 * labels[:, None] - 2.0, 3.0, (cases, networks))
        return labels, 1 / (1 + np.exp(-logits))

    labels, single = words(2000, 1)
    new, many = words(2000, 5)
    means = many.mean(axis=1)
    cut, best = youden_threshold(labels, single[:, 0]), youden_threshold(new, means)
    assert abs(best - cut) > 0.05
    assert balanced_accuracy_score(new, means >= best) > balanced_accuracy_score(new, means >= cut) + 0.02
    folds = pd.DataFrame({"case": range(4000), "fold": [*map(str, np.arange(2000) % 5), *["holdout"] * 2000],
                          "label": [*labels, *new], "probability": [*single[:, 0], *means]})
    assert np.isnan(fold_thresholds(folds)["holdout"])


def test_probabilities_that_all_lie_too_low_are_called_by_the_chosen_threshold_and_not_by_a_half():
    table = threshold_table(_table(shift=-0.35)).set_index("fold")
    assert table.loc["mean", "recall_at_half"] < 0.3 < 0.5 < table.loc["mean", "recall"]
    assert table.loc["mean", "accuracy"] > table.loc["mean", "accuracy_at_half"]


def test_the_table_shows_a_half_as_the_fold_table_does_and_the_holdout_last():
    predictions = _table()
    table = threshold_table(predictions)
    assert table["fold"].tolist() == ["0", "1", "2", "mean", "standard deviation", "holdout"]
    usual = fold_table(predictions)
    for name in ("accuracy", "precision", "recall", "f1"):
        assert table[f"{name}_at_half"][:5].tolist() == pytest.approx(usual[name].tolist())


def test_what_is_called_is_what_the_table_counts():
    predictions = _table()
    predictions = predictions[predictions["fold"].isin(["0", "1", "2"])]
    own = predictions["fold"] == "1"
    cases = called(predictions)[own].to_numpy()
    labels = predictions.loc[own, "label"].to_numpy(int) == 1
    row = threshold_table(predictions).set_index("fold").loc["1"]
    assert row["accuracy"] == pytest.approx(np.mean(cases == labels))
    assert counts(labels, cases * 1.0)["accuracy"] == pytest.approx(np.mean(cases == labels))


def test_a_fold_alone_is_judged_at_a_half():
    predictions = _table()
    assert fold_thresholds(predictions[predictions["fold"] == "0"]) == {"0": 0.5}
