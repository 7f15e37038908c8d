"""What a row of the table of parts has, what its search may change, and that nothing is chosen on patients shown."""

import inspect

import pytest

from benchmarks.accuracy.studies import run_name
from benchmarks.masks.locator import RUN, phantoms
from benchmarks.pretraining import gain, parts
from radiogen.core import files
from radiogen.pretraining.settings import PretrainingSettings
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.recipe.recipes import DEMO_3D_TUMOUR
from radiogen.tuning.space import parameters_of, read_space, space_facts

LOCATED = DEMO_3D_TUMOUR.replace(mask=f"locator:{RUN}")


def test_rows_whose_locator_or_search_is_missing_are_said_not_to_be_trained(tmp_path, capsys):
    parts.main(tmp_path, cases=(100,), tables_only=True)
    lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if "seed 42" in line]
    rows = [[cell.strip() for cell in line] for line in lines if line[0].strip() == "100, seed 42"]
    assert [row[1] for row in rows] == list(parts.PARTS)
    assert {row[2] for row in rows} == {"not trained"}
    assert not (tmp_path / "models").exists(), "tables_only trains nothing"


def test_the_search_begins_with_the_recipe_itself_and_every_recipe_of_its_space_is_valid(tmp_path):
    path = files.write_json(tmp_path / "space.json", space_facts(parts.space()))
    assert read_space(path, LOCATED) == parts.space()
    assert parameters_of(LOCATED, parts.space()) is not None


def test_patients_who_are_shown_are_in_no_phantom_that_anything_is_learned_or_chosen_on():
    shown = set(inspect.signature(parts.main).parameters["seeds"].default)
    others = {parts.CHOOSING_SEED, *(gain.APART + seed for seed in shown),
              *(settings.seed for settings in phantoms(80, 2, (11, 12, 13)).values())}
    assert not shown & others


def test_a_row_with_pretraining_differs_from_the_one_without_by_its_first_weights_alone():
    name = parts.encoder_name(42, LOCATED)
    without, given = (parts.shown_trial(42, 100, "x", LOCATED, encoder) for encoder in ("", name))
    assert given.recipe == without.recipe.replace(weights=f"pretrained:{name}") and given.phantom == without.phantom
    assert run_name(given) != run_name(without)
    assert check_recipe(given.recipe)


def test_an_encoder_is_that_of_the_recipe_and_of_the_whole_head_the_one_of_gain():
    assert parts.encoder_name(42, gain.best()) == gain.pretraining_name(42, PretrainingSettings())
    names = {parts.encoder_name(42, recipe) for recipe in (gain.best(), LOCATED, LOCATED.replace(margin_mm=5.0))}
    assert len(names) == 3


@pytest.mark.parametrize("there", [True, False])
def test_the_tuned_row_has_what_the_search_found(tmp_path, monkeypatch, there):
    monkeypatch.setattr("radiogen.training.runs.trained_folds", lambda run: range(run.recipe.split.folds))
    monkeypatch.setattr("radiogen.training.runs.open_run", lambda folder: type("Run", (), {"recipe": LOCATED}))
    (tmp_path / "models" / RUN).mkdir(parents=True)
    found = LOCATED.replace(epochs=48)
    if there:
        path = parts.tuned_recipe(tmp_path, 20)
        path.parent.mkdir()
        files.write_json(path, as_dict(found))
    recipe = parts.chosen_recipe(tmp_path, "locator, tuning", 20, True, None)
    assert recipe == (found if there else None)
    assert parts.chosen_recipe(tmp_path, parts.LOCATOR, 20, True, None).optimisation.epochs == 24
