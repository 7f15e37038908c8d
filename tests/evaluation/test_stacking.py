"""Weights of an ensemble: learnt where they are not judged, and both figures shown."""

import numpy as np
import pandas as pd
import pytest

from radiogen.core.auc import auc
from radiogen.evaluation.ensembles import METHODS, ensemble_sentence, ensemble_table, learnt_ensemble
from radiogen.evaluation.stacking import averaged, greedy_weights, stacked, stacking_weights
from radiogen.runs.predictions import complete


def _runs(effects: dict[str, float], cases: int = 200, seed: int = 0) -> dict[str, pd.DataFrame]:
    random = np.random.default_rng(seed)
    folds = np.resize(["0", "1", "2", "3", "4", "holdout", "test"], cases)
    labels = random.permutation(np.arange(cases) % 2)
    known = pd.array([None if fold == "test" else label for fold, label in zip(folds, labels, strict=True)],
                     dtype="Int64")
    return {name: complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(cases)], "fold": folds, "label": known,
        "probability": 1 / (1 + np.exp(-effect * (labels - 0.5) - random.normal(size=cases)))}))
        for name, effect in effects.items()}


@pytest.mark.parametrize("method", ["stacking", "greedy"])
@pytest.mark.parametrize("fold", ["0", "4", "holdout"])
def test_the_labels_of_a_fold_do_not_change_what_the_ensemble_says_of_it(method, fold):
    runs = _runs({"a": 1.0, "b": 0.2, "c": 0.0})
    turned = {name: table.assign(label=table["label"].where(table["fold"] != fold, 1 - table["label"]))
              for name, table in runs.items()}
    inside = runs["a"]["fold"] == fold
    first, second = (learnt_ensemble(tables, method)[0] for tables in (runs, turned))
    assert first.loc[inside, "probability"].tolist() == second.loc[inside, "probability"].tolist()


@pytest.mark.parametrize("method", ["stacking", "greedy"])
def test_a_run_that_sees_outweighs_runs_that_guess(method):
    _, weights = learnt_ensemble(_runs({"noise": 0.0, "signal": 2.5, "more noise": 0.0}), method)
    assert (weights["signal"] > 0.7).all()
    assert (weights[["noise", "more noise"]].abs().max(axis=1) < 0.3 * weights["signal"]).all()
    assert weights["fold"].tolist() == ["0", "1", "2", "3", "4", "holdout", "test"]


def test_holdout_and_test_have_the_weights_of_all_folds():
    runs = _runs({"a": 1.0, "b": 0.5})
    _, weights = learnt_ensemble(runs, "stacking")
    ends = weights.set_index("fold").loc[["holdout", "test"]]
    judged = ~runs["a"]["fold"].isin(["holdout", "test"])
    whole, _ = stacking_weights(runs["a"].loc[judged, "label"].to_numpy(int) == 1,
                                np.stack([table.loc[judged, "probability"] for table in runs.values()], axis=1))
    assert ends["cases"].tolist() == [judged.sum()] * 2
    assert ends[["a", "b"]].to_numpy() == pytest.approx(np.stack([whole, whole]))


def test_choosing_on_the_scored_cases_flatters_an_ensemble_of_guesses():
    nested, flattered = [], []
    for seed in range(4):
        table = ensemble_table(_runs(dict.fromkeys("abcdefgh", 0.0), cases=120, seed=seed), ["greedy"])
        row = table.set_index("name").loc["greedy"]
        nested.append(row["auc"])
        flattered.append(row["optimistic_auc"])
    assert np.mean(nested) < 0.54 and np.mean(flattered) > 0.58
    assert "would have seemed to be" in ensemble_sentence(table, "greedy")


def test_the_table_has_the_members_the_best_of_them_and_every_method():
    runs = _runs({"a": 0.5, "b": 1.5})
    table = ensemble_table(runs).set_index("name")
    assert table.index.tolist() == ["a", "b", "best member", *METHODS]
    judged = ~runs["a"]["fold"].isin(["holdout", "test"])
    labels = runs["b"].loc[judged, "label"].to_numpy(int) == 1
    assert table.loc["b", "auc"] == auc(labels, runs["b"].loc[judged, "probability"].to_numpy())
    assert table.loc["best member", "auc"] == table.loc["b", "auc"] == table.loc["best member", "optimistic_auc"]
    assert table.loc["mean", "auc"] == table.loc["mean", "optimistic_auc"]


def test_greedy_takes_the_better_run_alone_where_the_other_only_harms():
    labels = np.arange(40) % 2 == 0
    weights, _ = greedy_weights(labels, np.stack([1 - labels * 0.8, 0.1 + labels * 0.8], axis=1))
    assert weights.tolist() == [0, 1]


def test_greedy_mixes_two_runs_that_err_on_different_cases():
    random = np.random.default_rng(0)
    labels = np.arange(400) % 2 == 0
    values = np.clip(0.5 + 0.1 * (labels - 0.5)[:, None] + 0.1 * random.normal(size=(400, 2)), 0, 1)
    weights, _ = greedy_weights(labels, values)
    assert weights.sum() == pytest.approx(1) and weights.min() > 0.2
    assert auc(labels, averaged(values, weights)) > max(auc(labels, values[:, 0]), auc(labels, values[:, 1]))


def test_a_stack_turns_a_run_that_is_always_wrong():
    labels = np.arange(60) % 2 == 0
    wrong = np.clip(np.where(labels, 0.2, 0.8) + 0.05 * np.sin(np.arange(60)), 0, 1)[:, None]
    weights, intercept = stacking_weights(labels, wrong)
    assert weights[0] < 0 and auc(labels, stacked(wrong, weights, intercept)) == 1


def test_a_run_with_one_trained_fold_lets_every_member_count_alike():
    runs = {name: table[table["fold"] == "0"] for name, table in _runs({"a": 1.0, "b": 0.0}).items()}
    _, weights = learnt_ensemble(runs, "greedy")
    assert weights[["a", "b"]].to_numpy().tolist() == [[0.5, 0.5]]
