"""Balanced drawing: the label says nothing of the planes any more, and every case that can be drawn is."""

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.training.input.balance import drawn, drawn_text, plane_weights


def tables(rows: list[tuple[str, int, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cases and their geometry from (plane of FLAIR, label, how many)."""
    output = [(plane, label) for plane, label, count in rows for _ in range(count)]
    names = [f"{number:05d}" for number in range(len(output))]
    cases = pd.DataFrame({"case": names, "label": [label for _, label in output]})
    geometry = pd.DataFrame({"case": names, "split": "train", "sequence": "FLAIR",
                             "plane": [plane for plane, _ in output]})
    return cases, geometry


TIED = [("axial", 0, 40), ("axial", 1, 10), ("coronal", 0, 5), ("coronal", 1, 25)]


def test_within_each_plane_the_labels_come_as_often_as_in_all_cases_together():
    cases, geometry = tables(TIED)
    weights = plane_weights(cases, geometry, ("FLAIR",))
    share = pd.Series(weights).groupby([geometry["plane"], cases["label"]]).sum().unstack()
    np.testing.assert_allclose(share[1] / share.sum(axis=1), cases["label"].mean())
    np.testing.assert_allclose(share.sum(axis=1), [50, 30])
    assert weights.sum() == pytest.approx(len(cases))


def test_planes_that_have_nothing_to_do_with_the_label_draw_each_case_once():
    cases, geometry = tables([("axial", 0, 20), ("axial", 1, 20), ("coronal", 0, 7), ("coronal", 1, 7)])
    np.testing.assert_allclose(plane_weights(cases, geometry, ("FLAIR",)), 1)


def test_a_plane_of_one_label_alone_is_not_drawn_and_the_others_are_balanced_without_it():
    cases, geometry = tables([*TIED, ("sagittal", 1, 6)])
    weights = plane_weights(cases, geometry, ("FLAIR",))
    assert (weights[80:] == 0).all()
    np.testing.assert_allclose(weights[:80], plane_weights(cases[:80], geometry[:80], ("FLAIR",)))


def test_labels_that_follow_the_plane_without_exception_are_refused_in_one_line():
    cases, geometry = tables([("axial", 0, 10), ("coronal", 1, 10)])
    with pytest.raises(UserError, match="--balance planes: no combination of planes"):
        plane_weights(cases, geometry, ("FLAIR",))


def test_a_missing_series_is_a_plane_of_its_own_and_other_sequences_do_not_count():
    cases, geometry = tables(TIED)
    without = geometry[geometry["case"] != "00000"]
    assert plane_weights(cases, without, ("FLAIR",))[0] == 0
    np.testing.assert_allclose(plane_weights(cases, geometry, ("T1w",)), 1)


def test_an_epoch_draws_as_many_as_there_are_and_each_as_often_as_its_weight_over_many_epochs():
    weights = np.array([2.5, 0.5, 0.0, 1.5, 0.5, 1.0])
    counts = np.array([np.bincount(drawn(weights, np.random.default_rng(seed)) % 6, minlength=6)
                       for seed in range(2000)])
    assert set(counts.sum(axis=1)) == {6}
    assert (np.abs(counts - weights) < 1).all()
    np.testing.assert_allclose(counts.mean(axis=0), weights, atol=0.05)


def test_what_is_drawn_again_can_be_distinguished_from_the_first():
    chosen = drawn(np.array([3.0, 0.0, 1.0, 0.0]), np.random.default_rng(1))
    assert sorted(chosen) == [0, 2, 4, 8]


def test_who_starts_a_training_reads_whom_an_epoch_leaves_out():
    cases, geometry = tables([*TIED, ("sagittal", 1, 6)])
    assert drawn_text(plane_weights(cases, geometry, ("FLAIR",))) == (
        "an epoch draws 80 of 86 training cases, a case up to 3.4 times; the planes of the other 6 have one label "
        "alone")
    assert drawn_text(np.ones(7)) == "an epoch draws 7 of 7 training cases"
