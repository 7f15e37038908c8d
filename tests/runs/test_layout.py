"""The names in a run's folder: one folder a fold, found in order; no two things of one name."""

import pytest

from radiogen.runs import layout


@pytest.mark.parametrize("fold", ["0", "10", "holdout"])
def test_a_folds_folder_says_which_fold_it_is(tmp_path, fold):
    folder = layout.fold_folder(tmp_path, fold)
    assert folder.parent == tmp_path and layout.fold_name(folder) == fold and layout.is_fold_folder(folder)


@pytest.mark.parametrize("name", ["cases", "external", "permutations", "tensorboard", ".fold-0.radiogen.part"])
def test_other_folders_of_a_run_are_no_folds(tmp_path, name):
    (tmp_path / name).mkdir()
    assert not layout.is_fold_folder(tmp_path / name) and layout.fold_folders(tmp_path) == {}


def test_a_run_without_a_folder_has_no_folds(tmp_path):
    assert layout.fold_folders(tmp_path / "none") == {}


def test_a_folder_in_the_place_of_a_folds_file_does_not_count_as_the_file(tmp_path):
    (layout.fold_folder(tmp_path, "0") / layout.WEIGHTS).mkdir(parents=True)
    assert list(layout.fold_folders(tmp_path)) == ["0"]
    assert layout.fold_folders(tmp_path, holding=layout.WEIGHTS) == {}


def test_a_cohort_lies_below_the_run_that_predicted_it(tmp_path):
    assert layout.cohort_folder(tmp_path / "a", "b").relative_to(tmp_path).as_posix() == "a/external/b"


def test_each_permutation_test_has_a_picture_of_its_own():
    assert layout.permutation_picture("folds") != layout.permutation_picture("planes")


def test_no_two_things_of_a_run_have_one_name():
    """But for the tables that have the same name in a data set, and the record of weights in a fold's folder."""
    texts = {name: value for name, value in vars(layout).items()
             if name.isupper() and isinstance(value, str) and not name.startswith("_")}
    doubled = {value for value in texts.values() if list(texts.values()).count(value) > 1}
    assert doubled <= {texts["GEOMETRY"], texts["SCANNER"], texts["PATIENTS"], texts["TASK"]}
