"""The leakage benchmark injects the faults that it names, and reports what its checks say and nothing else."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.leakage import epoch_choice, faults, run
from radiogen.dataset.geometry import COLUMNS
from radiogen.evaluation.stats.metrics import auc
from radiogen.runs.folds import make_folds

CASES = 100


@pytest.fixture(scope="module")
def clean() -> faults.FaultCase:
    """Cases whose label one feature predicts weakly; planes and sizes are random, no two cases are similar."""
    random = np.random.default_rng(3)
    ids = [f"{number:05d}" for number in range(CASES)]
    labels = pd.DataFrame({"case": ids, "label": random.permutation([0, 1] * (CASES // 2))})
    values = random.normal(size=(CASES, 3))
    values[:, 0] += 1.2 * labels["label"]
    rows = [(case, "train", sequence, random.choice(["axial", "coronal"]), *random.integers(20, 200, 3).astype(float),
             1.0, 1.0, 1.0) for case in ids for sequence in ("FLAIR", "T1w", "T1wCE")]
    arrays = pd.DataFrame({"case": ids, "split": "train", "sha256": [f"{number:064x}" for number in range(CASES)],
                           "perceptual_hash": [random.bytes(32).hex() for _ in ids]})
    return faults.FaultCase(labels, pd.DataFrame(values, index=ids), pd.DataFrame(rows, columns=COLUMNS), arrays)


@pytest.fixture
def workspace(tmp_path) -> faults.Workspace:
    return faults.Workspace(tmp_path / "data", tmp_path / "cubes", tmp_path / "room", 1, 1)


def agreement(case, trait) -> float:
    return float((case.labels["label"].to_numpy() == np.asarray(trait)).mean())


@pytest.fixture(scope="module")
def result(clean) -> run.Result:
    return run.check_case("clean", clean, 0.6)


def test_a_clean_case_raises_no_alarm_but_where_its_auc_is_above_the_limit(result):
    assert result.alarms == ["AUC limit"] and result.auc > 0.7
    assert "above 0.60" in result.messages["AUC limit"]
    assert run.failures([result]) == ["the clean copy raised an alarm: AUC limit"]


def test_a_correlation_is_a_hint_and_no_alarm():
    assert run.failures([run.Result("clean", 0.6, {"correlation": "x"})]) == []


def test_labels_tied_to_the_plane_follow_it_and_the_image_free_models_say_so(clean, workspace):
    injected = faults.tied_to_plane(clean, workspace)
    planes = clean.geometry[clean.geometry["sequence"] == "FLAIR"]["plane"].to_numpy()
    assert 0.82 < agreement(injected, planes != "axial") < 0.97
    assert "planes" in run.check_case("labels tied to the plane", injected, 0.95).messages["image-free models"]


@pytest.mark.slow
def test_labels_tied_to_the_id_are_found_by_the_model_of_ids(clean, workspace):
    injected = faults.tied_to_id(clean, workspace)
    assert 0.82 < agreement(injected, np.arange(CASES) >= CASES / 2) < 0.97
    assert "case id" in run.check_case("labels tied to the case id", injected, 0.95).messages["image-free models"]


def test_labels_tied_to_the_number_of_slices_follow_it(clean, workspace):
    slices = clean.geometry[clean.geometry["sequence"] == "T1w"]["slices"].to_numpy()
    assert 0.82 < agreement(faults.tied_to_slices(clean, workspace), slices > np.median(slices)) < 0.97


def test_clean_labels_drawn_again_follow_the_latent(tmp_path):
    from radiogen.phantom.data_set import PhantomSettings, phantom_cases

    settings = PhantomSettings(cases=400, test_cases=0, effect=3.0, seed=2)
    key = phantom_cases(settings)
    empty = pd.DataFrame()
    drawn = run.redraw(faults.FaultCase(key[["case", "label"]], empty, empty, empty), settings, 0)
    labels = drawn.labels["label"].to_numpy()
    assert auc(labels == 1, key["latent"].to_numpy()) == pytest.approx(0.983, abs=0.02)
    assert 0.4 < labels.mean() < 0.6 and (labels != key["label"]).any()


def test_one_label_in_twenty_is_swapped(clean, workspace):
    injected = faults.swapped_labels(clean, workspace)
    assert (injected.labels["label"] != clean.labels["label"]).sum() == 5


def test_the_limit_lies_above_the_best_that_is_possible():
    assert 0.76 < run.limit_of(1.0, 200) < 0.9


def test_a_fault_that_its_check_misses_and_an_alarm_of_the_clean_copy_are_both_reported():
    silent = run.Result("labels tied to the plane", 0.9, {"AUC limit": "high"})
    loud = run.Result("clean", 0.6, {"AUC limit": "x"})
    found = run.failures([silent, loud])
    assert len(found) == 2 and "not caught by its check, image-free models" in found[0]
    assert run.failures([run.Result("labels swapped in 5 %", 0.6, {})]) == []


def test_the_table_says_not_caught_and_why():
    results = [run.Result("clean", 0.7, {}), run.Result("labels swapped in 5 %", 0.6, {})]
    table = run.results_text(results).splitlines()
    assert table[2].endswith("| no alarm |") and table[3].endswith("| **not caught** |")
    assert "looks like a hard case" in run.details_text(results)


def _learner(clean):
    folds = make_folds(clean.labels)
    return clean.features.loc[folds["case"]].to_numpy(), folds["label"].to_numpy(), folds["fold"].to_numpy()


def test_a_choice_inside_the_training_folds_does_not_see_the_scored_labels(clean):
    inputs, labels, fold_of = _learner(clean)
    first = fold_of == "0"
    turned = np.where(first, 1 - labels, labels)
    nested, again = (epoch_choice.choose_epochs(inputs, each, fold_of, inner=True, seed=1) for each in (labels, turned))
    np.testing.assert_array_equal(nested[first], again[first])
    assert np.isnan(nested[fold_of == "holdout"]).all() and not np.isnan(nested[fold_of != "holdout"]).any()


def test_an_epoch_chosen_on_the_scored_fold_finds_something_in_random_labels(clean):
    inputs, labels, fold_of = _learner(clean)
    judged, random = fold_of != "holdout", np.random.default_rng(0)
    gains = []
    for seed in range(4):
        drawn = epoch_choice.permuted(labels, fold_of, random)
        chosen = [epoch_choice.choose_epochs(inputs, drawn, fold_of, inner=inner, seed=seed) for inner in (False, True)]
        areas = [auc(drawn[judged] == 1, each[judged]) for each in chosen]
        gains.append(areas[0] - areas[1])
    assert np.mean(gains) > 0.02


def test_the_label_permutation_test_has_at_most_one_false_positive_in_twenty_draws(clean):
    choice = epoch_choice.judge_choice(clean.features, make_folds(clean.labels), draws=20, seed=1)
    assert choice.retrained.sum() <= 1
    assert np.median(choice.chosen) > np.median(choice.nested)


@pytest.mark.slow
def test_twins_are_other_ids_with_the_same_or_nearly_the_same_pixels(tmp_path, monkeypatch):
    from radiogen.dataset.labels import read_labels
    from radiogen.evaluation.audit.near_pixels import HASH_DISTANCE_LIMIT
    from radiogen.phantom.data_set import PhantomSettings

    monkeypatch.setattr(faults, "TWINS", 2)
    settings = PhantomSettings(cases=4, test_cases=0, effect=1.0, scale=0.05, seed=1)
    clean, workspace = run.clean_case(tmp_path / "room", settings, tmp_path / "copies", 1)
    own = set(clean.labels["case"])
    for inject, same in ((faults.same_pixels, True), (faults.changed_pixels, False)):
        injected = inject(clean, workspace)
        twins = injected.arrays[~injected.arrays["case"].isin(own)]
        assert len(twins) == 2 and len(injected.labels) == 6
        assert twins["sha256"].isin(clean.arrays["sha256"]).all() == same
        for one in twins["perceptual_hash"]:
            distance = min((int(one[:64], 16) ^ int(other[:64], 16)).bit_count()
                           for other in clean.arrays["perceptual_hash"])
            assert distance <= (0 if same else HASH_DISTANCE_LIMIT)
    assert len(read_labels(workspace.data / "train_labels.csv")) == 4
