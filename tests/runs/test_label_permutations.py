"""The table of draws: read by what labels were exchanged within, a draw written again replaces its row."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.label_permutations import permutations_folder, read_permutations, write_draw


def test_draws_are_read_by_what_labels_were_exchanged_within(tmp_path):
    for within, draw, area in (("folds", 1, 0.6), ("planes", 0, 0.4), ("folds", 0, 0.9), ("folds", 0, 0.5)):
        write_draw(tmp_path, within, draw, area)
    found = read_permutations(tmp_path)
    assert {name: areas.tolist() for name, areas in found.items()} == {"folds": [0.5, 0.6], "planes": [0.4]}


def test_a_run_without_the_test_has_no_draws(tmp_path):
    assert read_permutations(tmp_path) == {}


def test_a_damaged_table_of_draws_is_reported(tmp_path):
    (tmp_path / "permutations.csv").write_text("draw\n0\n")
    with pytest.raises(UserError, match=r"permutations\.csv: cannot be read as a table .*--permutations again"):
        read_permutations(tmp_path)


def test_the_test_of_an_older_version_is_refused_and_never_run_again_in_silence(tmp_path):
    (tmp_path / "null.csv").write_text("draw,within,auc\n0,folds,0.5\n")
    for look in (read_permutations, permutations_folder):
        with pytest.raises(UserError, match=r"older version of radiogen; rename it to permutations\.csv"):
            look(tmp_path)
