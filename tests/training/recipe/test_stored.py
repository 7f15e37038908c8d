"""A recipe of a run's folder: read as it was written, by its fields' types; whatever does not fit is one line."""

import copy
import json
from typing import Literal

import pytest

from radiogen.core.errors import UserError
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.recipe.recipes import DEMO_2D, ISOTROPIC_3D, REPORT_2D, WINNER_3D
from radiogen.training.recipe.stored import NEEDED, fits, read_recipe


@pytest.fixture
def stored(tmp_path):
    """Writes a recipe's fields, changed by path, into a file; None takes a field out."""
    def write(recipe=DEMO_2D, **changes):
        fields = copy.deepcopy(as_dict(recipe))
        for path, value in changes.items():
            part, _, name = path.rpartition(".")
            place = fields[part] if part else fields
            place[name] = value
            if value is None:
                del place[name]
        path = tmp_path / "recipe.json"
        path.write_text(json.dumps(fields))
        return path
    return write


@pytest.mark.parametrize("recipe", [DEMO_2D, ISOTROPIC_3D, REPORT_2D, WINNER_3D], ids=lambda recipe: recipe.name)
def test_a_recipe_comes_back_as_it_was(stored, recipe):
    found = read_recipe(stored(recipe))
    assert found == recipe and found.description == recipe.description


def test_a_part_or_a_field_that_an_older_version_did_not_have_has_its_default(stored):
    found = read_recipe(stored(REPORT_2D, **{"augmentation": None, "data.depth": None, "seed": None}))
    assert found == REPORT_2D


@pytest.mark.parametrize("name", NEEDED)
def test_a_field_without_a_default_is_needed_and_named(stored, name):
    with pytest.raises(UserError, match=rf"recipe\.json: has no {name}, so it is of another version of radiogen or "
                                        "damaged; restore it, or train a new run"):
        read_recipe(stored(**{name: None}))


@pytest.mark.parametrize(("path", "value", "shown"), [
    ("data.size", "48", "data.size '48'"), ("data.size", 48.0, "data.size 48.0"), ("data.size", True, "data.size True"),
    ("data.rank", 4, "data.rank 4"), ("data.sequences", "T1w", "data.sequences 'T1w'"),
    ("data.sequences", ["T1w", 2], "data.sequences"), ("data.geometry", "round", "data.geometry 'round'"),
    ("data.window", 1, "data.window 1"), ("optimisation.learning_rate", "0.1", "optimisation.learning_rate '0.1'"),
    ("augmentation.flips", ["sideways"], "augmentation.flips"), ("split.split_seed", "7", "split.split_seed '7'"),
    ("seed", 4.5, "seed 4.5"), ("name", 7, "name 7"), ("suspicious_auc", "high", "suspicious_auc 'high'"),
    ("network", ["resnet6"], "network"), ("data", 7, "data 7"), ("data.colour", "red", "data.colour 'red'"),
    ("colour", "red", "colour 'red'")])
def test_a_value_of_another_type_or_a_field_that_no_recipe_has_is_named(stored, path, value, shown):
    with pytest.raises(UserError, match=rf"recipe\.json: contains {shown}.*; restore it"):
        read_recipe(stored(**{path: value}))


def test_a_whole_number_is_a_number_with_a_fraction_too(stored):
    assert read_recipe(stored(**{"optimisation.learning_rate": 1})).optimisation.learning_rate == 1


def test_a_value_of_any_length_is_shown_in_a_short_line(stored):
    with pytest.raises(UserError) as error:
        read_recipe(stored(**{"data.size": "9" * 10_000}))
    assert len(error.value.problem) < 200


def test_values_that_make_no_sense_are_refused_with_the_file_and_the_field(stored):
    path = stored(**{"data.size": 0})
    with pytest.raises(UserError, match=r"recipe\.json: --size 0 is too small; give more than 0") as error:
        read_recipe(path)
    assert error.value.where == str(path)


@pytest.mark.parametrize(("text", "problem"), [
    ("{", "cannot be read"), ("[]", "has no name"), ("7", "has no name"), ("null", "has no name"),
    ('{"name": "x", "rank": 3, "sequences": ["T1w"], "size": 8}', "is flat, as an older version of radiogen wrote it")])
def test_a_file_that_is_no_recipe_is_named(tmp_path, text, problem):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(UserError, match=rf"recipe\.json: {problem}"):
        read_recipe(tmp_path / "recipe.json")


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"recipe\.json: is missing"):
        read_recipe(tmp_path / "recipe.json")


@pytest.mark.parametrize(("value", "kind", "is_one"), [
    (1, int, True), (True, int, False), (1.0, int, False), (1, float, True), (1.5, float, True), (True, float, False),
    ("1", float, False), (True, bool, True), (1, bool, False), (None, int | None, True), (3, int | None, True),
    ("3", int | None, False), (2, Literal[2, 3], True), (2.0, Literal[2, 3], False), (True, Literal[1], False),
    ("a", Literal["a", "b"], True), ("c", Literal["a", "b"], False), ([], tuple[str, ...], True),
    (["a"], tuple[str, ...], True), (["a", 1], tuple[str, ...], False), ("a", tuple[str, ...], False),
    (["a"], tuple[Literal["a"], ...], True), (["b"], tuple[Literal["a"], ...], False)])
def test_a_json_value_is_of_a_fields_type_or_is_not(value, kind, is_one):
    assert fits(value, kind) is is_one
