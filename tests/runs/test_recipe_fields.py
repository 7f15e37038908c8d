"""The fields of a run's recipe, for readers who train nothing."""

import json

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.recipe_fields import recipe_fields


def test_fields_come_by_their_own_names_without_the_description(tmp_path):
    (tmp_path / "recipe.json").write_text(json.dumps(
        {"name": "mine", "description": "Ours.", "data": {"size": 8}, "split": {"folds": 2}, "seed": 7}))
    assert recipe_fields(tmp_path / "recipe.json") == {"name": "mine", "size": 8, "folds": 2, "seed": 7}


def test_a_run_without_a_recipe_has_no_fields(tmp_path):
    assert recipe_fields(tmp_path / "recipe.json") == {}


def test_a_flat_recipe_of_an_older_version_is_refused_by_name(tmp_path):
    (tmp_path / "recipe.json").write_text(json.dumps({"name": "mine", "rank": 3, "size": 8, "joined": True}))
    with pytest.raises(UserError, match="recipe.json: is flat, as an older version of radiogen wrote it: .*; train a"):
        recipe_fields(tmp_path / "recipe.json")
