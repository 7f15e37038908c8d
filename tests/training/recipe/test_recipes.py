"""A recipe is a whole experiment: read, written, changed field by field, refused where it makes no sense."""

import dataclasses
import re
from pathlib import Path

import pytest

from radiogen.core.errors import UserError
from radiogen.task import RSNA_MICCAI, Task
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.options import RecipeOptions, parse_options
from radiogen.training.recipe.recipe import Recipe, _field_paths, as_dict, as_flat_dict, default_fields, from_dict
from radiogen.training.recipe.recipes import (
    DEMO_2D,
    ISOTROPIC_3D,
    RECIPES,
    REPORT_2D,
    REPORT_3D,
    REPORT_3D_SLICES,
    WINNER_3D,
    find_recipe,
    recipe_for,
)
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.recipe.table import recipes_table

DOCS = Path(__file__).resolve().parents[3] / "docs"


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of a script."""

    settings: RecipeOptions
    recipe: str | None = None
    data: Path | None = None


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_every_recipe_makes_sense_and_survives_being_written(recipe):
    assert check_recipe(recipe) is recipe
    assert from_dict(as_dict(recipe)) == recipe
    assert find_recipe(recipe.name) is recipe


def test_default_fields_are_those_of_a_recipe_that_tells_only_what_it_must():
    bare = Recipe("x", "", DataSettings(rank=3, sequences=("FLAIR",), size=8))
    message = {"name": "x", "data.rank": 3, "data.sequences": ["FLAIR"], "data.size": 8}
    assert {**default_fields(), **message} == as_flat_dict(bare)


def test_no_two_parts_have_a_field_of_the_same_name_for_options_are_flat():
    names = [own for name, value in as_dict(REPORT_2D).items()
             for own in (value if isinstance(value, dict) else [name])]
    assert len(names) == len(set(names)) == len(_field_paths()) + 2


def test_a_field_is_replaced_by_its_own_name_whichever_part_it_stands_in():
    changed = DEMO_2D.replace(name="mine", size=8, epochs=1, seed=3, tta=True)
    assert (changed.name, changed.data.size, changed.optimisation.epochs) == ("mine", 8, 1)
    assert (changed.seed, changed.augmentation.tta, changed.network) == (3, True, DEMO_2D.network)


def test_a_description_makes_no_other_recipe():
    assert DEMO_2D.replace(description="another") == DEMO_2D


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_where_it_comes_from_how_it_is_begun_and_what_it_costs(name):
    message = find_recipe(name).description
    assert "\n\n" in message and "  " not in message
    if not name.startswith("demo"):
        for word in ("Source: ", "Command: python scripts/train.py --recipe " + name, "Cost: ", "Result: "):
            assert word in message or (word == "Source: " and "Ours: " in message), word


def test_help_tells_what_the_recipe_is(capsys):
    with pytest.raises(SystemExit):
        parse_options(Options, "Train.", ["--recipe", "winner-3d", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Train." in shown and "FirasBaba/rsna-resnet10 (MIT)" in shown


def test_help_groups_the_options_by_part_and_names_them_flat(capsys):
    with pytest.raises(SystemExit):
        parse_options(Options, "Train.", ["--help"])
    shown = capsys.readouterr().out
    groups = [shown.index(f"{part} options") for part in ("data", "network", "optimisation", "augmentation", "split")]
    assert groups == sorted(groups)
    assert groups[2] < shown.index("--epochs") < groups[3] and "--optimisation" not in shown


def test_an_option_on_the_command_line_changes_its_field_alone():
    parsed, = parse_options(Options, "Train.", ["--recipe", "demo-3d", "--epochs", "5", "--tta", "--flips", "up-down"])
    assert parsed.settings == find_recipe("demo-3d").replace(epochs=5, tta=True, flips=("up-down",))


@pytest.mark.parametrize("option", ["--joined", "--memory-batch", "--stop-share", "--at-once", "--network"])
def test_names_of_older_versions_are_no_options(option):
    with pytest.raises(UserError, match="--help"):
        parse_options(Options, "Train.", [option, "1"])


def test_the_table_in_the_documentation_is_that_of_the_code():
    """Where it is not: put the output of `recipes_table()` in its place."""
    assert recipes_table() in (DOCS / "recipes.md").read_text(encoding="utf-8")


def test_a_recipe_that_an_older_version_wrote_has_todays_defaults_for_the_rest():
    fields = as_dict(REPORT_2D)
    del fields["network"]["outputs"], fields["data"]["depth"], fields["augmentation"]
    assert from_dict(fields) == REPORT_2D
    with pytest.raises(UserError, match="another version"):
        from_dict({**fields, "colour": "red"})


def test_a_flat_recipe_of_an_older_version_is_refused_in_a_line_that_says_so():
    with pytest.raises(UserError, match="recipe.json: is flat, as an older version of radiogen wrote it: .*; train"):
        from_dict({"name": "report-3d", "rank": 3, "sequences": ["T1w"], "size": 64, "sequences_as_channels": False})


def test_the_winners_recipe_is_what_the_winner_did():
    """Source: FirasBaba/rsna-resnet10 and MONAI's resnet10 of that time, whose first layer has stride 1."""
    data, network, steps, varied = WINNER_3D.data, WINNER_3D.network, WINNER_3D.optimisation, WINNER_3D.augmentation
    assert (data.sequences, data.depth, data.size) == (("T1wCE",), 64, 256)
    assert (network.architecture, network.stem_stride, network.outputs) == ("resnet10", 1, 1)
    assert (steps.learning_rate, steps.schedule, steps.halve_after, steps.epochs) == (1e-4, "halved", 10, 15)
    assert (steps.batch_size, steps.drop_last) == (8, True)
    assert (varied.flips, varied.shift, varied.gamma) == ((), 0.0, 0.0)


@pytest.mark.parametrize(("recipe", "change", "field"), [
    (REPORT_3D, {"size": 0}, "data.size=0"),
    (WINNER_3D, {"depth": 0}, "data.depth=0"),
    (REPORT_3D, {"depth": 32}, "data.depth=32"),
    (REPORT_3D, {"early_stopping_patience": 0}, "optimisation.early_stopping_patience=0"),
    (REPORT_3D, {"folds": 1}, "split.folds=1"),
    (REPORT_3D, {"holdout_fraction": 1.0}, "split.holdout_fraction=1.0"),
    (REPORT_3D, {"early_stopping_fraction": -0.1}, "optimisation.early_stopping_fraction=-0.1"),
    (REPORT_3D, {"label_smoothing": 1.0}, "optimisation.label_smoothing=1.0"),
    (REPORT_3D, {"weight_decay": -1.0}, "optimisation.weight_decay=-1.0"),
    (REPORT_3D, {"shift": 0.5}, "augmentation.shift=0.5"),
    (REPORT_3D, {"gamma": 1.0}, "augmentation.gamma=1.0"),
    (REPORT_3D, {"rotation_degrees": 190.0}, "augmentation.rotation_degrees=190.0"),
    (REPORT_3D, {"rotation_degrees": 180.0}, "augmentation.rotation_degrees=180.0"),
    (REPORT_3D, {"rotation_degrees": -5.0}, "augmentation.rotation_degrees=-5.0"),
    (REPORT_3D, {"zoom": 1.0}, "augmentation.zoom=1.0"),
    (REPORT_3D, {"sequences": ()}, "data.sequences"),
    (REPORT_3D, {"sequences": ("T1w", "T1w")}, "data.sequences"),
    (REPORT_3D, {"sequences_as_channels": True}, "data.sequences_as_channels"),
    (WINNER_3D, {"sequences_as_channels": True, "sequences": ("T1w", "T2w")}, "data.sequences_as_channels"),
    (WINNER_3D, {"rank": 2}, "data.geometry='slab'"),
    (REPORT_3D, {"cube_slices": True}, "data.cube_slices"),
    (REPORT_3D_SLICES, {"sequences_as_channels": True, "geometry": "isotropic"}, "data.cube_slices"),
    (REPORT_3D, {"normalisation": "z-score"}, "data.normalisation='z-score'"),
    (ISOTROPIC_3D, {"normalisation": "z-score", "array_dtype": "float16"}, "data.normalisation='z-score'"),
    (DEMO_2D, {"flips": ("up-down",)}, "augmentation.flips=('up-down',)"),
    (REPORT_3D, {"tta": True}, "augmentation.tta"),
    (WINNER_3D, {"weights": "imagenet"}, "network.weights='imagenet'"),
    (REPORT_2D, {"weights": "imagenet", "width": 32}, "network.weights='imagenet'"),
    (REPORT_2D, {"weights": ""}, "network.weights"),
    (WINNER_3D, {"region": "tumour"}, "data.region='tumour'"),
    (WINNER_3D, {"mask_channel": True, "sequences_as_channels": True}, "data.mask_channel"),
    (REPORT_3D, {"mask_channel": True}, "data.mask_channel"),
    (REPORT_3D, {"sequences": ("T1w", "mask")}, "data.sequences=('T1w', 'mask')"),
    (REPORT_3D, {"region": "tumour", "margin_mm": -1.0}, "data.margin_mm=-1.0"),
    (ISOTROPIC_3D, {"crop_edge_mm": 80.0}, "data.crop_edge_mm=80.0"),
    (ISOTROPIC_3D, {"region": "tumour", "crop_edge_mm": 0.0}, "data.crop_edge_mm=0.0"),
    (REPORT_3D, {"region": "tumour", "crop_edge_mm": 80.0}, "data.crop_edge_mm=80.0"),
])
@pytest.mark.usefixtures("as_library")
def test_fields_that_make_no_sense_together_are_refused_in_one_line_with_a_remedy(recipe, change, field):
    with pytest.raises(UserError, match=f"^{re.escape(field)}: .+; .+") as refused:
        check_recipe(recipe.replace(**change))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("recipe", "change"), [
    (REPORT_2D, {"weights": "imagenet"}), (REPORT_3D, {"weights": "imagenet"}),
    (REPORT_3D, {"geometry": "slab", "depth": 16}), (REPORT_3D, {"window": True, "normalisation": "min-max slices"}),
    (WINNER_3D, {"weights": "first.weights.h5"}), (WINNER_3D, {"sequences_as_channels": True}),
    (WINNER_3D, {"depth": None}), (WINNER_3D, {"holdout_fraction": 0.0}),
    (REPORT_3D, {"normalisation": "z-score", "array_dtype": "float16"}), (REPORT_3D, {"early_stopping_fraction": 0.1}),
    (REPORT_3D, {"region": "tumour-only"}), (REPORT_2D, {"region": "tumour", "margin_mm": 0.0}),
    (ISOTROPIC_3D, {"region": "tumour", "crop_edge_mm": 80.0, "mask_channel": True}),
    (REPORT_3D, {"sequences": ("T1w",), "sequences_as_channels": True, "mask_channel": True}),
])
def test_fields_that_go_together_are_taken(recipe, change):
    assert check_recipe(recipe.replace(**change))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_on_the_competitions_data_every_recipe_reads_what_it_says(recipe):
    assert recipe_for(recipe, RSNA_MICCAI) is recipe


@pytest.mark.parametrize(("sequences", "read"), [
    (("T1w", "T1wCE", "DWI"), ("T1w", "T1wCE")),  # all that the recipe reads are there, in its own order
    (("T1wCE", "T1w"), ("T1w", "T1wCE")),
    (("T1w",), ("T1w",)),
    (("flair", "t1c"), ("flair", "t1c"))])
def test_where_a_data_set_lacks_a_sequence_of_a_recipe_all_that_it_has_are_read(sequences, read):
    task = Task("other", sequences=sequences)
    chosen = recipe_for(ISOTROPIC_3D, task)
    assert ISOTROPIC_3D.data.sequences == ("T1w", "T1wCE") and chosen.data.sequences == read
    assert chosen.replace(sequences=("T1w", "T1wCE")) == ISOTROPIC_3D


def test_options_name_sequences_of_another_data_set_and_win_over_its_description(tmp_path):
    (tmp_path / "dataset.json").write_text('{"sequences": ["flair", "t1c", "adc"]}')
    chosen = [parse_options(Options, "Train.", ["--data", str(tmp_path), "--recipe", "demo-3d", *more])[0].settings
              for more in ((), ("--sequences", "t1c", "adc"))]
    assert [one.data.sequences for one in chosen] == [("flair", "t1c", "adc"), ("t1c", "adc")]
