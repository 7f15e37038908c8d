"""The table of draws: read by what labels were exchanged within, a draw written again replaces its row."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.label_permutations import (
    FOLDS,
    PLANES,
    draw_folder,
    permutations_folder,
    read_permutations,
    write_draw,
)


def test_draws_are_read_by_what_labels_were_exchanged_within(tmp_path):
    for within, draw, area in (("folds", 1, 0.6), ("planes", 0, 0.4), ("folds", 0, 0.9), ("folds", 0, 0.5)):
        write_draw(tmp_path, within, draw, area)
    found = read_permutations(tmp_path)
    assert {name: areas.tolist() for name, areas in found.items()} == {"folds": [0.5, 0.6], "planes": [0.4]}


def test_a_run_without_the_test_has_no_draws(tmp_path):
    assert read_permutations(tmp_path) == {}


@pytest.mark.parametrize("text", [
    "", "draw\n0\n", "draw,within\n0,folds\n", "draw,within,auc\n0,folds,high\n", "draw,within,auc\n0,folds,\n",
    "draw,within,auc\n0,folds,1.5\n", "draw,within,auc\nfirst,folds,0.5\n"])
def test_a_damaged_table_of_draws_is_reported_and_never_added_to(tmp_path, text):
    (tmp_path / "permutations.csv").write_text(text)
    for use in (lambda: read_permutations(tmp_path), lambda: write_draw(tmp_path, "folds", 1, 0.5)):
        with pytest.raises(UserError, match=r"permutations\.csv: cannot be read as a table .*--permutations again"):
            use()
    assert (tmp_path / "permutations.csv").read_text() == text


def test_areas_from_0_to_1_are_all_possible(tmp_path):
    write_draw(tmp_path, "folds", 0, 0.0)
    write_draw(tmp_path, "folds", 1, 1.0)
    assert read_permutations(tmp_path)["folds"].tolist() == [0.0, 1.0]


def test_a_draw_has_a_folder_of_its_own_that_says_its_number_and_within_what(tmp_path):
    folders = [draw_folder(tmp_path, within, draw) for within in (FOLDS, PLANES) for draw in (0, 10)]
    assert [folder.name for folder in folders] == ["folds-000", "folds-010", "planes-000", "planes-010"]
    assert {folder.parent for folder in folders} == {permutations_folder(tmp_path)}


def test_the_test_of_an_older_version_is_refused_and_never_run_again_in_silence(tmp_path):
    (tmp_path / "null.csv").write_text("draw,within,auc\n0,folds,0.5\n")
    for look in (read_permutations, permutations_folder):
        with pytest.raises(UserError, match=r"older version of radiogen; rename it to permutations\.csv"):
            look(tmp_path)
