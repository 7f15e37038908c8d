"""The locator's benchmark: its phantoms share no case, and its table and goals follow from the figures."""

import pandas as pd
import pytest

from benchmarks.masks import locator
from radiogen.core.errors import UserError
from radiogen.training.locator.quality import COLUMNS


def _table(dice, inside, whole_head=0):
    rows = [{"case": f"{number:05d}", "whole_head": "LOCATOR_NOTHING" if number < whole_head else "",
             "dice": None if number < whole_head else dice, "volume_error": -0.1, "centres_mm": 2.0, "box_mm": 5.0,
             "inside": 1.0 if number < inside else 0.9} for number in range(100)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_the_phantoms_are_of_seeds_of_their_own_and_one_is_another_hospital():
    made = locator.phantoms(8, 6, (1, 2, 3))
    assert [(each.cases, each.seed, each.shift) for each in made.values()] == [
        (8, 1, "none"), (6, 2, "none"), (6, 3, "strong")]


@pytest.mark.parametrize(("test", "shifted", "missed"), [
    ((0.80, 97), (0.1, 90), 0), ((0.79, 97), (0.9, 90), 1), ((0.80, 96), (0.9, 90), 1), ((0.79, 96), (0.9, 89), 3)])
def test_a_goal_is_missed_where_the_figure_is_below_it(test, shifted, missed):
    found = {"test": _table(*test), "shifted": _table(*shifted)}
    assert len(locator.missed_goals(found)) == missed


def test_the_table_counts_whole_heads_among_the_cases_and_not_among_the_masks():
    lines = locator.table_lines({"test": _table(0.85, 98, whole_head=5), "shifted": _table(0.7, 90)}, 80)
    assert len(lines) == 4
    assert "| 100 | 95 | 0.850 (0.850 to 0.850) | 10.0% | 2.0 | 5.0 | 98 of 100 (98.0%) | 93 of 95 |" in lines[2]


def test_a_locator_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no such run"):
        locator.judge(tmp_path, "test")
