"""A search that trains in its own process finds what the command's finds, and its processor time is counted."""

import numpy as np
import pytest

from benchmarks.pretraining.gain import costs_of
from benchmarks.tuning import crops
from benchmarks.tuning.effect import Compared, table_lines
from radiogen.runs import layout
from radiogen.runs.tuned.tuning import FoldSearch, Tuning
from radiogen.tuning import procedure
from radiogen.tuning.recipe_learner import RecipeLearner
from radiogen.tuning.space import Choices

pytest.importorskip("optuna", reason='tuning needs Optuna: pip install "radiogen[tune]"')
SPACE = {"optimisation.learning_rate": Choices((0.001, 0.01))}
SEARCHES = procedure.Searches(trials=1, inner_folds=2, prune=False)


@pytest.mark.slow  # six trainings of a network, three of them in processes of their own
def test_a_search_in_this_process_finds_the_same_as_the_commands_and_counts_its_seconds(
        tmp_path, small_data, small_recipe, small_cache, monkeypatch):
    monkeypatch.setattr(crops, "space", lambda: SPACE)
    found = {}
    for name in ("here", "apart"):
        run = procedure.begin_tuning(small_data, small_recipe, tmp_path / "models" / name, small_cache, SPACE, SEARCHES)
        found[name] = (crops.search(run, "0", SEARCHES, tmp_path, None) if name == "here" else
                       procedure.search(run, "0", SPACE, SEARCHES, RecipeLearner(run)))
        assert not list(run.folder.rglob(layout.WEIGHTS)), "networks are removed"
    assert found["here"].chosen == found["apart"].chosen
    np.testing.assert_allclose(found["here"].scored["probability"], found["apart"].scored["probability"], atol=1e-6)
    assert costs_of(tmp_path, ["here"]) * 3600 > 0.5


def tuned_beside(default, tuned, folds, gap=0.02):
    from benchmarks.pretraining.gain import Pair

    labels, search = np.arange(40) % 2 == 1, FoldSearch("0", 32, 1, 4, 6, 0.9, 0.8, {}, 0.9)
    pair = Pair(labels, np.linspace(0, 1, 40), default(labels), tuned(labels), (0.1, 1.5))
    return Compared(pair, folds, Tuning("r", 10, 3, 0.9, 0.9 - gap, gap, {}, (search,), search))


def cells_of(found):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table_lines(found, 40)]


def test_a_row_is_a_phantom_and_all_of_them_have_a_row_of_their_mean():
    folds, scores = np.repeat(["0", "1"], 20), np.linspace(0, 1, 40)
    found = [tuned_beside(lambda labels: scores[::-1] - 0.5 * labels, lambda labels: scores + 0.5 * labels, folds, gap)
             for gap in (0.02, 0.04)]
    cells = cells_of(dict(zip((42, 101), found, strict=True)))
    assert {len(row) for row in cells} == {8}
    assert [row[0] for row in cells[2:]] == ["40, seed 42", "40, seed 101", "40, 2 seeds"]
    assert [row[7] for row in cells[2:]] == ["+0.020", "+0.040", "+0.030"]
    assert [row[6] for row in cells[2:]] == ["0.10; 1.50", "0.10; 1.50", "0.20; 3.00"]


def test_scores_of_two_folds_recipes_are_compared_within_the_folds_and_over_all_pairs_beside():
    folds = np.repeat(["0", "1"], 20)

    def scale_of_its_own(labels):  # each fold in perfect order, one of them far above the other
        return labels + 10.0 * (folds == "1")

    row = cells_of({42: tuned_beside(lambda labels: labels * 1.0, scale_of_its_own, folds)})[2]
    assert row[1:3] == ["1.000", "1.000"] and row[3].startswith("+0.000")
    assert row[4].startswith("-0.250"), "half of all pairs are of two folds, and half of those are in the wrong order"
