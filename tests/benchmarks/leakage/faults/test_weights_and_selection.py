"""Faults of weights, training and selection get into a clean run as their names say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.leakage.epoch_choice import permuted
from benchmarks.leakage.faults import selection, training, weights
from benchmarks.leakage.faults.fault import RUN, Base
from benchmarks.leakage.faults.learners import PERMUTATIONS, fitted
from benchmarks.leakage.faults.run_folder import write_run
from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.evaluation.audit.findings import Code, Severity
from radiogen.evaluation.audit.leakage import review_first_weights, review_lineage, review_run
from radiogen.evaluation.audit.looks import judge_looks, record_looks, review_looks
from radiogen.runs.fold_weights import check_run
from radiogen.runs.label_permutations import read_permutations
from radiogen.runs.ledger.looks import read_looks
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import out_of_fold, scored
from radiogen.task import LABEL

from .made_source import made_draw


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    return made_draw(tmp_path_factory.mktemp("source"), Base.NOTHING)


def clean_copy(models, draw):
    write_run(models / RUN, draw.tables, draw.source)
    return models


def area(models) -> float:
    return auc(*scored(out_of_fold(open_predictions(models, RUN).predictions)))


def test_the_learner_is_scikit_learns_logistic_regression():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    inputs, labels = random.normal(size=(80, 5)), random.integers(0, 2, 80)
    train, values = np.arange(60), StandardScaler().fit(inputs[:60]).transform(inputs)
    model = LogisticRegression(C=0.1, tol=1e-10, max_iter=1000).fit(values[:60], labels[:60])
    np.testing.assert_allclose(fitted(inputs, labels, train, 0.1), model.predict_proba(values)[:, 1], atol=1e-4)


def test_weights_that_saw_all_cases_say_so_where_it_was_recorded_and_are_unchecked_where_not(nothing, tmp_path):
    for inject, code in ((weights.pretrained, Code.FIRST_WEIGHTS_SAW),
                         (weights.pretrained_unrecorded, Code.FIRST_WEIGHTS_UNKNOWN)):
        models = tmp_path / code.name
        inject(models, nothing)
        found, = review_first_weights(models / RUN, open_predictions(models, RUN).predictions)
        assert found.code is code and 0.65 < area(models) < 0.95


def test_a_fold_that_began_with_the_next_folds_network_stands_in_the_lineage(nothing, tmp_path):
    weights.other_fold_first(tmp_path, nothing)
    found = review_lineage(tmp_path / RUN)
    assert {one.code for one in found} == {Code.LINEAGE_WRONG_FOLD} and len(found) == 5


def test_a_copy_of_another_folds_network_is_refused(nothing, tmp_path):
    weights.other_fold_network(clean_copy(tmp_path, nothing), nothing)
    with pytest.raises(UserError, match="it is that of fold 1"):
        check_run(tmp_path / RUN)


@pytest.mark.parametrize("inject", [training.features_before_folds, training.pseudo_labels])
def test_a_leak_inside_the_training_finds_as_much_on_permuted_labels(inject, nothing, tmp_path):
    noise = np.random.default_rng(0).normal(size=(len(nothing.source.features), 24))
    wide = replace(nothing.source, features=pd.DataFrame(noise, index=nothing.source.features.index))
    inject(tmp_path, replace(nothing, source=wide))
    areas = read_permutations(tmp_path / RUN)["folds"]
    assert len(areas) == PERMUTATIONS and np.median(areas) > 0.57 and area(tmp_path) > 0.57


def test_an_epoch_chosen_on_the_scored_fold_orders_its_cases_by_labels_that_mean_nothing(nothing):
    features, folds, random = nothing.source.features, nothing.tables.folds, np.random.default_rng(0)
    areas = []
    for seed in range(3):
        labels = permuted(folds[LABEL].to_numpy(int), folds["fold"].to_numpy(), random)
        found = training.train_chosen_epoch(features, folds.assign(**{LABEL: labels}), seed)
        areas += [auc(*scored(fold)) for _, fold in found.groupby("fold")]
    assert np.mean(areas) > 0.6  # pooled over folds, whose epochs differ, it is hardly above 0.5


def test_a_clean_training_finds_nothing_on_permuted_labels(nothing, tmp_path):
    training.nothing(tmp_path, nothing)
    assert 0.42 < np.median(read_permutations(tmp_path / RUN)["folds"]) < 0.58


def test_the_best_of_some_seeds_is_shown_and_all_are_on_record(nothing, tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "SEEDS", 4)
    selection.best_of_seeds(clean_copy(tmp_path, nothing), nothing)
    assert read_looks(tmp_path).query("cohort == 'out-of-fold'")["run"].nunique() == 4
    shown = open_predictions(tmp_path, RUN).predictions["probability"]
    tables = {number: open_predictions(tmp_path, f"seed-{number}").predictions for number in range(4)}
    best = max(tables, key=lambda number: selection._area(tables[number]))
    np.testing.assert_array_equal(shown, tables[best]["probability"])


def test_entries_that_are_taken_out_show_and_looks_elsewhere_do_not(nothing, tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "SEEDS", 3)
    found = {}
    for inject in (selection.best_of_seeds_taken_out, selection.best_of_seeds_elsewhere):
        models = clean_copy(tmp_path / inject.__name__, nothing)
        inject(models, nothing)
        run = open_predictions(models, RUN)
        record_looks(run)
        found[inject] = {one.code for one in review_looks(judge_looks(run))}
    assert Code.LEDGER_ALTERED in found[selection.best_of_seeds_taken_out]
    assert found[selection.best_of_seeds_elsewhere] == {Code.LOOKED_ONCE}


def test_an_ensemble_of_the_best_has_them_as_members(nothing, tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "LOOKS", 4)
    monkeypatch.setattr(selection, "MEMBERS", 2)
    selection.best_ensemble(clean_copy(tmp_path, nothing), nothing)
    run = open_predictions(tmp_path, RUN)
    members = [open_predictions(tmp_path, name).predictions["probability"] for name in run.facts["members"]]
    assert len(members) == 2
    np.testing.assert_allclose(run.predictions["probability"], np.mean(members, axis=0))


def test_the_best_holdout_is_one_of_two_fifths_of_the_cases(nothing, tmp_path, monkeypatch):
    monkeypatch.setattr(selection, "SEEDS", 3)
    selection.best_holdout(clean_copy(tmp_path, nothing), nothing)
    shown = open_predictions(tmp_path, RUN).predictions
    assert set(shown["fold"]) == {"holdout"} and len(shown) == round(0.4 * len(nothing.tables.folds))
    assert read_looks(tmp_path)["cohort"].unique().tolist() == ["holdout"]


def test_a_moved_threshold_calls_more_cases_right_and_ranks_none_otherwise(nothing, tmp_path):
    selection.moved_threshold(clean_copy(tmp_path, nothing), nothing)
    shown, clean = open_predictions(tmp_path, RUN).predictions, nothing.tables.predictions
    assert selection.right_share(shown) > selection.right_share(clean)
    assert selection._area(shown) == pytest.approx(selection._area(clean))


def test_calls_of_another_program_are_named_as_calls(nothing, tmp_path):
    selection.calls(clean_copy(tmp_path, nothing), nothing)
    run = open_predictions(tmp_path, RUN)
    assert set(run.predictions["probability"]) == {0.0, 1.0}
    found = {one.code: one.severity for one in review_run(run.folder, run.predictions)}
    assert found[Code.CALLS_ALONE] is Severity.ALARM
