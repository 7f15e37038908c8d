"""What the null mirror's draws say of a run."""

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.figures.permutation_figures import null_p, null_png, null_sentence, read_null


def test_the_run_counts_as_one_of_the_draws():
    areas = np.array([0.4, 0.5, 0.6])
    assert null_p(0.7, areas) == 1 / 4
    assert null_p(0.6, areas) == 2 / 4
    assert null_p(0.3, areas) == 1


def test_a_p_value_of_a_run_that_is_one_of_the_draws_is_even():
    """A run without signal has each p as often as any other: that is what makes it a p-value."""
    random = np.random.default_rng(0)
    p = [null_p(areas[0], areas[1:]) for areas in random.normal(size=(2000, 20))]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(p) == pytest.approx(0.525, abs=0.03)


def test_the_sentence_says_what_the_draws_show():
    areas = np.linspace(0.4, 0.6, 39)
    assert "does not reach this without the labels" in null_sentence(0.8, areas, "folds")
    assert "reaches this on labels that mean nothing" in null_sentence(0.55, areas, "folds")
    assert "permuted within folds and planes" in null_sentence(0.55, areas, "planes")


def test_too_few_draws_to_show_anything_are_told():
    assert "19 draws are the least that can show p = 0.05" in null_sentence(0.9, np.array([0.5, 0.4]), "folds")
    assert "are the least" not in null_sentence(0.9, np.linspace(0.4, 0.6, 19), "folds")


def test_draws_are_read_by_what_labels_were_exchanged_within(tmp_path):
    (tmp_path / "null.csv").write_text("draw,within,auc\n0,folds,0.5\n1,folds,0.6\n0,planes,0.4\n")
    found = read_null(tmp_path / "null.csv")
    assert {name: areas.tolist() for name, areas in found.items()} == {"folds": [0.5, 0.6], "planes": [0.4]}


def test_a_damaged_table_of_draws_is_told(tmp_path):
    (tmp_path / "null.csv").write_text("draw\n0\n")
    with pytest.raises(UserError, match=r"null\.csv: cannot be read as a table of draws .*--null again"):
        read_null(tmp_path / "null.csv")


def test_a_picture_is_drawn_of_one_draw_and_of_many(tmp_path):
    for areas in (np.array([0.5]), np.random.default_rng(0).normal(0.5, 0.04, 100)):
        path = null_png(tmp_path / "null.png", areas, 0.62, "run")
        assert path.read_bytes().startswith(b"\x89PNG")
