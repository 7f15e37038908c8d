"""Which networks of a locator may predict a case."""

import pytest

from radiogen.task import RSNA_MICCAI
from radiogen.training.locator.known import case_marks, image_marks, patient_marks, unseen_by

FOLDS = ["0", "1", "2"]
TRAINED = {"a": {"series:11", "picture:aa", "id:a", "name:P1", "case:ours/a"},
           "b": {"series:22", "picture:bb", "id:b", "case:ours/b", "elsewhere:X_b"},
           "c": {"series:33", "picture:cc", "id:c", "case:ours/c"},
           "held": {"series:44", "id:held", "case:ours/held"}}
PLACES = {"a": "0", "b": "1", "c": "2", "held": "holdout"}


def _unseen(*marks):
    return unseen_by(set(marks), TRAINED, PLACES, FOLDS)


@pytest.mark.parametrize("mark", ["series:11", "picture:aa", "name:P1", "case:ours/a", "name:a", "id:P1"])
def test_a_case_that_is_known_by_any_mark_is_predicted_by_the_one_network_that_did_not_see_it(mark):
    assert _unseen(mark, "series:99") == ["0"]


def test_an_unknown_case_and_one_that_was_held_out_are_predicted_by_all():
    assert _unseen("series:99", "picture:dd", "id:z") == FOLDS == _unseen("series:44")


def test_an_equal_id_of_another_data_set_is_not_believed():
    assert _unseen("id:a", "case:theirs/a", "series:99") == FOLDS
    assert _unseen("id:b", "elsewhere:X_b") == FOLDS


def test_a_case_that_is_called_elsewhere_as_one_is_called_here_is_that_one():
    assert _unseen("id:X_b") == ["1"] and _unseen("id:q", "elsewhere:c") == ["2"]


def test_a_case_that_is_two_of_different_folds_is_predicted_by_none():
    assert _unseen("series:11", "name:b") == []


def test_two_patients_who_look_alike_are_told_apart_by_anything_that_is_known():
    assert _unseen("series:11", "picture:bb") == ["0"] and _unseen("series:99", "picture:bb") == ["1"]


def test_a_phantom_is_no_part_of_the_data_set_whose_layout_it_has(masked, tmp_path):
    import pandas as pd

    index = pd.DataFrame({"case": ["00000"], "perceptual_hash": ["f" * 64]})
    phantom = tmp_path / "phantom"
    (phantom / "train" / "00000").mkdir(parents=True)
    (phantom / "phantom.json").write_text("{}")
    assert f"case:{RSNA_MICCAI.name}/00000" in case_marks(masked, tmp_path, index)["00000"]
    assert {"case:phantom/00000"} == {mark for mark in case_marks(phantom, tmp_path, index)["00000"]
                                      if mark.startswith("case:")}


def test_hashes_that_are_not_known_are_no_marks():
    assert image_marks(["", "12"], "") == {"series:12"}
    assert patient_marks("00042", RSNA_MICCAI) == {"id:00042", "elsewhere:BraTS2021_00042"}
