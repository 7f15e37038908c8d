"""A space is checked whole before anything is trained, and says in one line which field is wrong."""

import json

import pytest

from radiogen.core.errors import UserError
from radiogen.training.recipe.recipe import as_flat_dict
from radiogen.training.recipe.recipes import DEMO_3D
from radiogen.tuning.space import Choices, Range, parameters_of, read_space, recipe_of, space_facts


@pytest.fixture
def read(tmp_path):
    def from_text(content, recipe=DEMO_3D):
        path = tmp_path / "space.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return read_space(path, recipe)
    return from_text


def test_lists_are_choices_and_ranges_keep_their_kind(read):
    space = read({"network.width": [8, 16], "augmentation.flips": [[], ["left-right"]],
                  "optimisation.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
                  "optimisation.epochs": {"low": 4, "high": 12, "step": 4}})
    assert space == {"network.width": Choices((8, 16)), "augmentation.flips": Choices(((), ("left-right",))),
                     "optimisation.learning_rate": Range(1e-4, 1e-2, log=True),
                     "optimisation.epochs": Range(4, 12, step=4, whole=True)}


def test_a_space_that_was_written_is_read_as_it_was(read):
    space = read({"network.width": [8, 16], "augmentation.flips": [[], ["left-right"]],
                  "optimisation.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
                  "augmentation.shift": {"low": 0, "high": 0.2, "step": 0.05}})
    assert read(space_facts(space)) == space


@pytest.mark.parametrize(("content", "words"), [
    ("[1]", "is no table"),
    ({}, "is no table"),
    ({"optimisation.speed": [1, 2]}, "optimisation.speed is no field"),
    ({"epochs": [1, 2]}, "epochs is no field"),
    ({"split.folds": [3, 5]}, "split.folds cannot be searched"),
    ({"split.split_seed": [1, 2]}, "split.split_seed cannot be searched"),
    ({"seed": [1, 2]}, "seed cannot be searched: a better seed is luck"),
    ({"name": ["a"]}, "name is no field"),
    ({"data.sequences": [["T1w"]]}, "data.sequences cannot be searched"),
    ({"network.weights": ["imagenet"]}, "network.weights cannot be searched"),
    ({"network.width": ["wide"]}, "network.width has the value 'wide'"),
    ({"network.width": []}, "network.width has no value"),
    ({"network.width": 8}, "network.width is 8"),
    ({"augmentation.flips": {"low": 1, "high": 2}}, "augmentation.flips is"),
    ({"optimisation.epochs": {"low": 1.5, "high": 2}}, "no range of whole numbers"),
    ({"optimisation.epochs": {"low": 5, "high": 2}}, "goes from 5 to 2"),
    ({"optimisation.epochs": {"low": 1, "high": 10, "step": 4}}, "goes from 1 to 10 by 4"),
    ({"optimisation.learning_rate": {"low": 0, "high": 1, "log": True}}, "logarithmic, from 0"),
    ({"optimisation.learning_rate": {"low": 0.1, "high": 1, "between": 3}}, "is no range"),
    ({"optimisation.learning_rate": {"low": -1, "high": 1}}, "optimisation.learning_rate=-1"),
    ({"augmentation.tta": [True], "augmentation.flips": [[], ["left-right"]]}, "needs flips"),
])
def test_what_cannot_be_searched_is_one_line_that_names_the_field(read, as_library, content, words):
    with pytest.raises(UserError) as caught:
        read(content)
    assert words in str(caught.value) and "\n" not in str(caught.value) and "space.json" in str(caught.value)


def test_two_values_that_do_not_go_together_are_refused_though_each_goes_with_the_recipe(read):
    content = {"data.normalisation": ["percentile", "z-score"], "data.array_dtype": ["float16"],
               "augmentation.gamma": [0.0, 0.2]}
    with pytest.raises(UserError, match="z-score"):
        read(content)
    assert len(read({**content, "augmentation.gamma": [0.0]})) == 3


def test_a_recipe_of_the_space_differs_in_the_fields_that_are_searched_alone():
    recipe = recipe_of(DEMO_3D, {"network.width": 4, "augmentation.flips": ["left-right"]})
    before, after = as_flat_dict(DEMO_3D), as_flat_dict(recipe)
    assert {name for name in after if after[name] != before[name]} == {"network.width", "augmentation.flips"}


def test_the_search_begins_with_the_recipe_itself_where_the_space_has_it(read):
    own = {"network.width": [8, 16], "optimisation.learning_rate": {"low": 1e-4, "high": 1e-2}}
    assert parameters_of(DEMO_3D, read(own)) == {"network.width": 16, "optimisation.learning_rate": 0.002}
    assert parameters_of(DEMO_3D, read({**own, "network.width": [4, 8]})) is None
    assert parameters_of(DEMO_3D, read({"optimisation.epochs": {"low": 2, "high": 32, "step": 10}})) is None
