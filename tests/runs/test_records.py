"""What a run says of itself: absent is empty, damaged is one line, fields are found in groups, too."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.records import (
    check_facts,
    data_folder,
    is_trained_run,
    read_facts,
    read_recipe,
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


def test_a_recipes_fields_come_by_their_own_names_without_the_description(tmp_path):
    write_recipe(tmp_path, {"name": "mine", "description": "Ours.", "data": {"size": 8}, "split": {"folds": 2},
                            "seed": 7})
    assert recipe_fields(read_recipe(tmp_path)) == {"name": "mine", "size": 8, "folds": 2, "seed": 7}


def test_a_run_without_a_recipe_has_no_fields(tmp_path):
    assert recipe_fields(read_recipe(tmp_path)) == {}


def test_a_flat_recipe_of_an_older_version_is_refused_by_name(tmp_path):
    write_recipe(tmp_path, {"name": "mine", "rank": 3, "size": 8, "joined": True})
    with pytest.raises(UserError, match="recipe.json: is flat, as an older version of radiogen wrote it: .*; train a"):
        read_recipe(tmp_path)


def test_an_ensemble_is_no_trained_run_and_names_its_members(tmp_path):
    write_facts(tmp_path / "both", {"members": ["a", "b"]})
    write_recipe(tmp_path / "a", {"name": "demo"})
    assert is_trained_run(tmp_path / "a") and not is_trained_run(tmp_path / "both")
    assert [place.name for place in with_members(tmp_path / "both")] == ["both", "a", "b"]


def test_facts_that_lack_a_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="lacks cache: another version"):
        check_facts(tmp_path, {"data": "x", "leave_out": []}, ("data", "cache"))


def test_folds_are_found_in_the_order_of_their_numbers(tmp_path):
    for fold in (10, 2, 0):
        layout.fold_folder(tmp_path, str(fold)).mkdir()
    (layout.fold_folder(tmp_path, "2") / layout.HISTORY).touch()
    assert list(layout.fold_folders(tmp_path)) == ["0", "2", "10"]
    assert list(layout.fold_folders(tmp_path, holding=layout.HISTORY)) == ["2"]


FACTS = {"data": "input/x", "cache": "c", "leave_out": [], "known_bad": ["a"], "moved_from": ["b"]}


def test_facts_that_have_what_is_needed_pass(tmp_path):
    check_facts(tmp_path, FACTS, ("data", "cache"))
    check_facts(tmp_path, {"leave_out": ["00001"]}, ())


@pytest.mark.parametrize(("change", "lacking"), [
    ({"data": 7}, "data"), ({"data": None}, "data"), ({"leave_out": None}, "leave_out"),
    ({"leave_out": "a"}, "leave_out"), ({"leave_out": [7]}, "leave_out"), ({"known_bad": 7}, "known_bad"),
    ({"moved_from": [None]}, "moved_from"),
    ({"data": 7, "cache": 7}, "data and cache")])
def test_a_fact_of_another_type_is_lacking(tmp_path, change, lacking):
    with pytest.raises(UserError, match=rf"run\.json: lacks {lacking}: another version of radiogen wrote it"):
        check_facts(tmp_path, {**FACTS, **change}, ("data", "cache"))


@pytest.mark.parametrize("facts", [None, [], "x"])
def test_what_is_no_table_of_facts_lacks_all(tmp_path, facts):
    with pytest.raises(UserError, match="lacks data and leave_out"):
        check_facts(tmp_path, facts, ("data",))


@pytest.mark.parametrize(("facts", "is_one"), [({}, True), ({"members": []}, False), ({"recipe": "demo"}, True)])
def test_a_run_without_a_recipe_is_trained_unless_it_has_members(tmp_path, facts, is_one):
    assert not is_trained_run(tmp_path)
    write_facts(tmp_path, facts)
    assert is_trained_run(tmp_path) is is_one


@pytest.mark.parametrize("facts", [{}, {"data": ""}, {"data": None}])
def test_a_run_that_does_not_say_where_its_data_set_is_has_none(tmp_path, facts):
    assert data_folder(tmp_path / "models" / "a", facts) is None


def test_the_data_set_of_a_run_is_found_from_the_projects_folder(tmp_path):
    (tmp_path / "input" / "set").mkdir(parents=True)
    assert data_folder(tmp_path / "models" / "a", {"data": "input/set"}) == tmp_path / "input" / "set"
