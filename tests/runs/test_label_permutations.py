"""The table of draws: read by what labels were exchanged within, a draw written again replaces its row."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.label_permutations import read_permutations, write_draw


def test_draws_are_read_by_what_labels_were_exchanged_within(tmp_path):
    for within, draw, area in (("folds", 1, 0.6), ("planes", 0, 0.4), ("folds", 0, 0.9), ("folds", 0, 0.5)):
        write_draw(tmp_path, within, draw, area)
    found = read_permutations(tmp_path)
    assert {name: areas.tolist() for name, areas in found.items()} == {"folds": [0.5, 0.6], "planes": [0.4]}


def test_a_run_without_the_test_has_no_draws(tmp_path):
    assert read_permutations(tmp_path) == {}


def test_a_damaged_table_of_draws_is_told(tmp_path):
    (tmp_path / "null.csv").write_text("draw\n0\n")
    with pytest.raises(UserError, match=r"null\.csv: cannot be read as a table of draws .*--null again"):
        read_permutations(tmp_path)
