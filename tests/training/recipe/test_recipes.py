"""A recipe is a whole experiment: read, written, changed field by field, refused where it makes no sense."""

import dataclasses
import re
from pathlib import Path

import pytest

from radiogen.core.errors import UserError
from radiogen.training.recipe.options import parse_options
from radiogen.training.recipe.recipes import (
    DEMO_2D,
    ISOTROPIC_3D,
    RECIPES,
    REPORT_2D,
    REPORT_3D,
    REPORT_3D_SLICES,
    WINNER_3D,
    Recipe,
    as_dict,
    check_recipe,
    default_fields,
    describe,
    find_recipe,
    from_dict,
    recipes_table,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a script."""

    settings: Recipe
    recipe: str | None = None


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_makes_sense_and_survives_being_written(recipe):
    assert check_recipe(recipe) is recipe
    assert from_dict(as_dict(recipe)) == recipe
    assert find_recipe(recipe.name) is recipe


def test_default_fields_are_those_of_a_recipe_that_tells_only_what_it_must():
    bare = Recipe("x", rank=3, sequences=("FLAIR",), size=8)
    assert {**default_fields(), "name": "x", "rank": 3, "sequences": ["FLAIR"], "size": 8} == as_dict(bare)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_where_it_comes_from_how_it_is_begun_and_what_it_costs(name):
    told = describe(name)
    assert "\n\n" in told and "  " not in told
    if not name.startswith("demo"):
        for word in ("Source: ", "Command: python scripts/train.py --recipe " + name, "Cost: ", "Result: "):
            assert word in told or (word == "Source: " and "Ours: " in told), word


def test_help_tells_what_the_recipe_is(capsys):
    with pytest.raises(SystemExit):
        parse_options(Options, "Train.", ["--recipe", "winner-3d", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Train." in shown and "FirasBaba/rsna-resnet10 (MIT)" in shown


def test_the_table_in_the_documentation_is_that_of_the_code():
    """Where it is not: put the output of `recipes_table()` in its place."""
    assert recipes_table() in (DOCS / "recipes.md").read_text(encoding="utf-8")


def test_a_recipe_that_an_older_version_wrote_has_todays_defaults_for_the_rest():
    fields = {key: value for key, value in as_dict(REPORT_2D).items() if key not in ("outputs", "weights", "depth")}
    assert from_dict(fields) == REPORT_2D
    with pytest.raises(UserError, match="another version"):
        from_dict({**fields, "colour": "red"})


def test_the_winners_recipe_is_what_the_winner_did():
    """Source: FirasBaba/rsna-resnet10 and MONAI's resnet10 of that time, whose first layer has stride 1."""
    assert (WINNER_3D.sequences, WINNER_3D.depth, WINNER_3D.size) == (("T1wCE",), 64, 256)
    assert (WINNER_3D.network, WINNER_3D.stem_stride, WINNER_3D.outputs) == ("resnet10", 1, 1)
    assert (WINNER_3D.learning_rate, WINNER_3D.schedule, WINNER_3D.halve_after, WINNER_3D.epochs) == (
        1e-4, "halved", 10, 15)
    assert (WINNER_3D.batch_size, WINNER_3D.drop_last) == (8, True)
    assert (WINNER_3D.flips, WINNER_3D.shift, WINNER_3D.brightness) == ((), 0.0, 0.0)


@pytest.mark.parametrize(("recipe", "change", "option"), [
    (REPORT_3D, {"size": 0}, "--size 0"),
    (WINNER_3D, {"depth": 0}, "--depth 0"),
    (REPORT_3D, {"depth": 32}, "--depth 32"),
    (REPORT_3D, {"patience": 0}, "--patience 0"),
    (REPORT_3D, {"folds": 1}, "--folds 1"),
    (REPORT_3D, {"holdout_share": 1.0}, "--holdout-share 1.0"),
    (REPORT_3D, {"stop_share": -0.1}, "--stop-share -0.1"),
    (REPORT_3D, {"label_smoothing": 1.0}, "--label-smoothing 1.0"),
    (REPORT_3D, {"weight_decay": -1.0}, "--weight-decay -1.0"),
    (REPORT_3D, {"shift": 0.5}, "--shift 0.5"),
    (REPORT_3D, {"brightness": 1.0}, "--brightness 1.0"),
    (REPORT_3D, {"rotation_degrees": 190.0}, "--rotation-degrees 190.0"),
    (REPORT_3D, {"rotation_degrees": 180.0}, "--rotation-degrees 180.0"),
    (REPORT_3D, {"rotation_degrees": -5.0}, "--rotation-degrees -5.0"),
    (REPORT_3D, {"zoom": 1.0}, "--zoom 1.0"),
    (REPORT_3D, {"sequences": ()}, "--sequences"),
    (REPORT_3D, {"sequences": ("T1w", "T1w")}, "--sequences"),
    (REPORT_3D, {"joined": True}, "--joined"),
    (WINNER_3D, {"joined": True, "sequences": ("T1w", "T2w")}, "--joined"),
    (WINNER_3D, {"rank": 2}, "--geometry slab"),
    (REPORT_3D, {"sections": True}, "--sections"),
    (REPORT_3D_SLICES, {"joined": True, "geometry": "isotropic"}, "--sections"),
    (REPORT_3D, {"normalisation": "z-score"}, "--normalisation z-score"),
    (ISOTROPIC_3D, {"normalisation": "z-score", "array_dtype": "float16"}, "--normalisation z-score"),
    (DEMO_2D, {"flips": ("up-down",)}, "--flips up-down"),
    (REPORT_3D, {"test_flips": True}, "--test-flips"),
    (WINNER_3D, {"weights": "imagenet"}, "--weights imagenet"),
    (REPORT_2D, {"weights": "imagenet", "width": 32}, "--weights imagenet"),
    (REPORT_2D, {"weights": ""}, "--weights"),
])
def test_fields_that_make_no_sense_together_are_refused_in_one_line_with_a_remedy(recipe, change, option):
    with pytest.raises(UserError, match=f"^{re.escape(option)}: .+; .+") as refused:
        check_recipe(dataclasses.replace(recipe, **change))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("recipe", "change"), [
    (REPORT_2D, {"weights": "imagenet"}), (REPORT_3D, {"weights": "imagenet"}),
    (REPORT_3D, {"geometry": "slab", "depth": 16}), (REPORT_3D, {"window": True, "normalisation": "min-max slices"}),
    (WINNER_3D, {"weights": "first.weights.h5"}), (WINNER_3D, {"joined": True}), (WINNER_3D, {"depth": None}),
    (WINNER_3D, {"holdout_share": 0.0}),
    (REPORT_3D, {"normalisation": "z-score", "array_dtype": "float16"}), (REPORT_3D, {"stop_share": 0.1}),
])
def test_fields_that_go_together_are_taken(recipe, change):
    assert check_recipe(dataclasses.replace(recipe, **change))
