"""Options from a recipe: which data set, recipe and run give the defaults, and what is refused before anything is read.
"""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.records import write_facts, write_recipe
from radiogen.training.recipe.options import TrainOptions, parse_options
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.recipe.recipes import DEMO_2D, DEMO_3D, ISOTROPIC_3D

COMPETITION = "rsna-miccai-brain-tumor-radiogenomic-classification"


def _parse(*arguments):
    return parse_options(TrainOptions, "Train.", list(map(str, arguments)))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run `a` of a recipe of its own with a case left out, and its data set, in a folder with models/ and input/."""
    monkeypatch.chdir(tmp_path)
    for folder in ("input/mine", "input/other", "models/a"):
        (tmp_path / folder).mkdir(parents=True)
    write_facts(tmp_path / "models" / "a", {"data": "input/mine", "leave_out": ["00007"]})
    write_recipe(tmp_path / "models" / "a", as_dict(DEMO_2D.replace(name="own", epochs=3)))
    return tmp_path / "models" / "a"


def test_without_a_data_set_the_phantom_is_trained_on_until_the_competitions_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, = _parse()
    assert one.data.as_posix() == "input/phantom" and one.settings == DEMO_3D
    (tmp_path / "input" / COMPETITION).mkdir(parents=True)
    one, = _parse()
    assert one.data.as_posix() == f"input/{COMPETITION}" and one.settings == ISOTROPIC_3D


def test_each_recipe_that_is_named_has_options_of_its_own_and_shares_what_is_given(tmp_path):
    both = _parse("--data", tmp_path, "--recipe", "demo-3d", "demo-2d", "--epochs", 7)
    assert [one.settings for one in both] == [DEMO_3D.replace(epochs=7), DEMO_2D.replace(epochs=7)]
    assert [one.data for one in both] == [tmp_path] * 2


def test_a_recipe_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    with pytest.raises(UserError, match="^--recipe demo-4d: there is no such recipe .*; choose one of: .*report-2d"):
        _parse("--data", tmp_path, "--recipe", "demo-4d")


def test_fields_that_do_not_go_together_are_named_by_their_options(tmp_path):
    with pytest.raises(UserError, match="^--flips up-down: slices have no up and down; choose among"):
        _parse("--data", tmp_path, "--recipe", "demo-2d", "--flips", "up-down")


@pytest.mark.parametrize("option", ["--run", "--start-from"])
@pytest.mark.parametrize("name", ["../a", "a/b", ".hidden"])
def test_a_run_whose_name_leads_elsewhere_is_refused(option, name):
    with pytest.raises(UserError, match=f"^{option} .*: is not a valid name"):
        _parse(option, name)


def test_a_run_that_exists_goes_on_with_its_own_recipe_data_set_and_left_out_cases(run):
    one, = _parse("--run", "a")
    assert one.settings == DEMO_2D.replace(name="own", epochs=3)
    assert (one.data.as_posix(), one.leave_out, one.run) == ("input/mine", ("00007",), "a")


def test_what_is_given_beside_a_run_that_exists_wins(run):
    one, = _parse("--run", "a", "--epochs", 9, "--data", "input/other")
    assert one.settings.optimisation.epochs == 9 and one.data.as_posix() == "input/other"


def test_a_recipe_beside_a_run_that_exists_is_not_replaced_by_the_runs_own(run):
    one, = _parse("--run", "a", "--recipe", "demo-3d", "--data", "input/mine")
    assert one.settings == DEMO_3D and one.leave_out == ()


def test_a_run_that_does_not_exist_yet_has_the_defaults_of_the_recipe(run):
    one, = _parse("--run", "b", "--data", "input/mine")
    assert one.settings == DEMO_3D and (one.run, one.leave_out) == ("b", ())


def test_an_option_that_no_command_has_is_one_line(tmp_path):
    with pytest.raises(UserError, match="--help") as error:
        _parse("--data", tmp_path, "--colour", "red")
    assert "\n" not in str(error.value)
