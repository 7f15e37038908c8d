"""The table of what pretraining gains: AUCs and differences of the same cases, and what is not trained stays out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy.studies import run_name
from benchmarks.pretraining import choice, gain
from radiogen.pretraining.settings import PretrainingSettings
from radiogen.runs.predictions import complete, write_predictions

RECIPE, SETTINGS, CASES = gain.best(), PretrainingSettings(), 40


def _labels():
    return np.arange(CASES) % 2


def _write(folder, seed, name, scores):
    trial = gain.arm(seed, CASES, RECIPE, name)
    from radiogen.phantom.data_set import phantom_cases

    cases = phantom_cases(trial.phantom).query("split == 'train'").sort_values("case")
    table = pd.DataFrame({"case": cases["case"], "fold": np.resize(["0", "1", "2", "3", "4"], CASES),
                          "label": pd.array(_labels(), dtype="Int64"), "probability": scores})
    write_predictions(folder / "models" / run_name(trial) / "predictions.csv", complete(table))


@pytest.fixture
def record(tmp_path):
    """The record of both arms for two seeds; the pretrained ones are better, and the first took hours."""
    random, record = np.random.default_rng(0), tmp_path / "record.csv"
    for seed in (1, 2):
        for name, effect in (("", 0.0), (gain.pretraining_name(seed, SETTINGS), 0.6)):
            _write(tmp_path, seed, name, np.clip(random.normal(0.3 + effect * _labels(), 0.2), 0, 1).round(6))
    names = [run_name(gain.arm(1, CASES, RECIPE, name)) for name in ("", gain.pretraining_name(1, SETTINGS))]
    for name, seconds in ((names[0], 3600), (names[1], 1800), (names[1], 1800),
                          (gain.pretraining_name(1, SETTINGS), 7200)):
        gain.add_cost(tmp_path, name, seconds)
    for seed in (2, 1):
        gain.keep(record, tmp_path, seed, CASES, RECIPE, SETTINGS)
    return record


def _pair(record, seed):
    return gain.recorded(record, seed, CASES, RECIPE, SETTINGS)


def test_a_row_has_both_aucs_their_difference_and_its_interval_over_patients(record):
    pair = _pair(record, 1)
    areas = [roc_auc_score(pair.labels, scores) for scores in (pair.without, pair.given)]
    cells = [cell.strip() for cell in gain.row("x", [pair]).split("|")][1:-1]
    assert cells[1:3] == [f"{area:.3f}" for area in areas] and cells[3].startswith(f"{areas[1] - areas[0]:+.3f} (")
    low, high = (float(part) for part in cells[3].split("(")[1].rstrip(")").split(" to "))
    assert 0 < low < areas[1] - areas[0] < high
    assert cells[5] == "1.00; 3.00", "the pretraining's hours count with its trainings"
    assert gain.row("x", [_pair(record, 2)]).endswith("| not measured; not measured |")


def test_all_seeds_together_compare_pairs_of_one_phantom_alone(record):
    """Scores of the second phantom that are all higher change nothing: no pair reaches across."""
    pairs = [_pair(record, seed) for seed in (1, 2)]
    moved = [pairs[0], pairs[1]._replace(given=pairs[1].given + 10, without=pairs[1].without + 10)]
    assert gain.row("x", pairs) == gain.row("x", moved)


def test_what_is_not_trained_is_said_and_counts_nowhere(record):
    lines = gain.table(record, (1, 2, 3), (CASES, 99), RECIPE, SETTINGS)[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["40, seed 1", "40, seed 2", "40, 2 seeds", "40, seed 3",
                                                              "99, seed 1, 2, 3"]
    assert all("not trained" in line for line in lines[3:])


def test_a_pair_that_was_made_by_another_recipe_is_not_taken_from_the_record(record):
    assert gain.recorded(record, 1, CASES, RECIPE.replace(epochs=1), SETTINGS) is None
    assert gain.recorded(record, 1, CASES, RECIPE, PretrainingSettings(epochs=1)) is None
    assert gain.recorded(record.with_name("none.csv"), 1, CASES, RECIPE, SETTINGS) is None


def test_a_pair_is_kept_once_and_what_the_record_says_are_the_predictions(record, tmp_path):
    _write(tmp_path, 1, "", np.linspace(0, 1, CASES))
    gain.keep(record, tmp_path, 1, CASES, RECIPE, SETTINGS)
    assert _pair(record, 1).without == pytest.approx(np.linspace(0, 1, CASES), abs=1e-6)
    assert (_pair(record, 1).labels == (_labels() == 1)).all() and len(pd.read_csv(record)) == 2 * CASES


def test_arms_differ_in_the_weights_that_they_begin_with_alone_and_the_phantom_without_labels_is_another():
    without, given = (gain.arm(1, CASES, RECIPE, name) for name in ("", "pre"))
    assert given.recipe == without.recipe.replace(weights="pretrained:pre") and given.phantom == without.phantom
    assert without.recipe.network.weights is None
    assert not {seed + gain.APART for seed in (*gain.SEEDS, choice.SEED)} & {*gain.SEEDS, choice.SEED}


def test_the_objectives_are_compared_on_another_seed_by_as_many_views():
    contrast, masking = choice.objectives()[1:]
    assert choice.SEED not in gain.SEEDS
    assert 2 * contrast.epochs == masking.epochs and contrast.batch_size == masking.batch_size


def test_the_table_of_objectives_has_dashes_for_what_is_not_trained(tmp_path):
    assert choice.row(tmp_path, choice.objectives()[2], 10, CASES) == "| masking, 80 epochs | - | - | not measured |"


def test_an_encoder_of_other_cases_has_another_name():
    assert gain.pretraining_name(1, SETTINGS, 120) != gain.pretraining_name(1, SETTINGS)
    assert gain.pretraining_name(1, SETTINGS, gain.UNLABELLED) == gain.pretraining_name(1, SETTINGS)
