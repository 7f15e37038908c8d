"""What follows from a recipe's fields: the shape of an input, whether a mask is read, which seed splits."""

import dataclasses

import pytest

from radiogen.training.recipe.recipe import field_defaults, field_value, recipe_parts
from radiogen.training.recipe.recipes import (
    DEMO_2D,
    DEMO_3D,
    RECIPES,
    REPORT_2D,
    REPORT_3D,
    REPORT_3D_SLICES,
    WINNER_3D,
    default_recipe,
)
from radiogen.training.recipe.table import recipes_table


@pytest.mark.parametrize(("recipe", "changes", "shape"), [
    (REPORT_2D, {}, (224, 224, 3)), (REPORT_3D, {}, (64, 64, 64, 1)), (REPORT_3D_SLICES, {}, (64, 64, 1)),
    (WINNER_3D, {}, (64, 256, 256, 1)), (WINNER_3D, {"depth": None}, (256, 256, 256, 1)),
    (DEMO_2D, {}, (48, 48, 3)), (DEMO_2D, {"sequences": ("T1w",)}, (48, 48, 1)), (DEMO_3D, {}, (32, 32, 32, 2)),
    (DEMO_3D, {"mask_channel": True}, (32, 32, 32, 3)), (DEMO_2D, {"mask_channel": True}, (48, 48, 4))])
def test_an_input_has_a_channel_a_sequence_and_mask_or_three_of_grey_or_one_of_a_cube(recipe, changes, shape):
    assert recipe.replace(**changes).data.input_shape == shape


@pytest.mark.parametrize(("changes", "uses"), [
    ({}, False), ({"region": "tumour"}, True), ({"region": "tumour-only"}, True), ({"mask_channel": True}, True)])
def test_a_mask_is_read_where_the_region_or_a_channel_needs_it(changes, uses):
    assert DEMO_3D.replace(**changes).data.uses_mask is uses


@pytest.mark.parametrize(("split_seed", "seed"), [(None, 7), (0, 0), (43, 43)])
def test_the_split_has_the_seed_of_the_training_unless_it_has_one_of_its_own_even_0(split_seed, seed):
    assert DEMO_3D.replace(seed=7, split_seed=split_seed).seed_of_split == seed


def test_every_field_of_every_part_has_a_path_and_is_found_by_it():
    parts = {f"{name}.{one.name}" for name, part in recipe_parts().items() for one in dataclasses.fields(part)}
    assert parts <= set(field_defaults()) and set(field_defaults()) - parts == {"seed", "suspicious_auc"}
    assert field_value(DEMO_3D, "data.size") == DEMO_3D.data.size and field_value(DEMO_3D, "seed") == DEMO_3D.seed


def test_a_field_that_no_part_has_cannot_be_replaced():
    with pytest.raises(TypeError, match="colour"):
        DEMO_3D.replace(colour="red")


def test_on_other_data_than_the_competitions_the_small_recipe_is_the_default():
    assert RECIPES[default_recipe("phantom")] is DEMO_3D
    assert default_recipe("rsna-miccai-brain-tumor-radiogenomic-classification") == "isotropic-3d"


def test_the_table_has_a_row_a_field_and_a_dot_wherever_a_recipe_has_the_default():
    head, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")]
                         for line in recipes_table().splitlines()]
    assert head == ["", "default", *RECIPES] and set(rule) == {"---"} and len(rows) == len(field_defaults())
    cells = {row[0]: row[1:] for row in rows}
    place = 1 + list(RECIPES).index("report-3d")
    assert cells["`--size`"][0] == "" and cells["`--size`"][place] == "64"
    assert cells["`--epochs`"][0] == "100" and cells["`--epochs`"][place] == "·"
    assert cells["`--window`"][0] == "no" and cells["`--window`"][1 + list(RECIPES).index("winner-3d")] == "yes"
    assert cells["`--sequences`"][1 + list(RECIPES).index("demo-3d")] == "T1w, T1wCE"
