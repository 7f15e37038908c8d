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
    assert found["here"].best == found["apart"].best
    np.testing.assert_allclose(found["here"].scored["probability"], found["apart"].scored["probability"], atol=1e-6)
    assert costs_of(tmp_path, ["here"]) * 3600 > 0.5


def test_a_row_is_a_phantom_and_all_of_them_have_a_row_of_their_mean():
    from benchmarks.pretraining.gain import Pair

    labels, scores = np.arange(40) % 2 == 1, np.linspace(0, 1, 40)
    pair = Pair(labels, scores, scores[::-1] - 0.5 * labels, scores + 0.5 * labels, (0.1, 1.5))
    search = FoldSearch("0", 32, 1, 4, 6, 0.9, 0.8, {})
    tuned = [Compared(pair, Tuning("r", 10, 3, 0.9, 0.9 - gap, gap, {}, (search,), search)) for gap in (0.02, 0.04)]
    lines = table_lines(dict(zip((42, 101), tuned, strict=True)), 40)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert {len(row) for row in cells} == {7}
    assert [row[0] for row in cells[2:]] == ["40, seed 42", "40, seed 101", "40, 2 seeds"]
    assert [row[6] for row in cells[2:]] == ["+0.020", "+0.040", "+0.030"]
    assert [row[5] for row in cells[2:]] == ["0.10; 1.50", "0.10; 1.50", "0.20; 3.00"]
