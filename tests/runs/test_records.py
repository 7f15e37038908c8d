"""What a run says of itself: absent is empty, damaged is one line, fields are found in groups, too."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.records import (
    check_facts,
    is_trained_run,
    read_facts,
    recipe_fields,
    with_members,
    write_facts,
    write_recipe,
)


def test_an_absent_record_is_empty_and_a_damaged_one_is_named(tmp_path):
    assert read_facts(tmp_path) == {}
    for content in ("[1]", "{"):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(UserError, match=r"run\.json"):
            read_facts(tmp_path)


def test_a_recipe_in_groups_and_a_flat_one_have_the_same_fields():
    assert recipe_fields({"name": "a", "data": {"size": 3}}) == recipe_fields({"name": "a", "size": 3})


def test_an_ensemble_is_no_trained_run_and_names_its_members(tmp_path):
    write_facts(tmp_path / "both", {"members": ["a", "b"]})
    write_recipe(tmp_path / "a", {"name": "demo"})
    assert is_trained_run(tmp_path / "a") and not is_trained_run(tmp_path / "both")
    assert [place.name for place in with_members(tmp_path / "both")] == ["both", "a", "b"]


def test_facts_that_lack_a_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="does not tell cache, so it is of another version"):
        check_facts(tmp_path, {"data": "x", "leave_out": []}, ("data", "cache"))


def test_folds_are_found_in_the_order_of_their_numbers(tmp_path):
    for fold in (10, 2, 0):
        layout.fold_folder(tmp_path, str(fold)).mkdir()
    (layout.fold_folder(tmp_path, "2") / layout.HISTORY).touch()
    assert list(layout.fold_folders(tmp_path)) == ["0", "2", "10"]
    assert list(layout.fold_folders(tmp_path, holding=layout.HISTORY)) == ["2"]
