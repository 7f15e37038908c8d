"""The picture of the label-permutation test."""

import numpy as np

from radiogen.evaluation.figures.permutation_figures import permutation_png
from radiogen.evaluation.stats.label_permutation import permutation_test


def test_a_picture_is_drawn_of_one_draw_and_of_many(tmp_path):
    for areas in (np.array([0.5]), np.random.default_rng(0).normal(0.5, 0.04, 100)):
        path = permutation_png(tmp_path / "permutations.png", permutation_test("folds", areas, 0.62), "run")
        assert path.read_bytes().startswith(b"\x89PNG")
