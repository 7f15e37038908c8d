"""What a row of the table of parts has, what its search may change, and that nothing is chosen on patients shown."""

import inspect

from benchmarks.accuracy.studies import run_name
from benchmarks.masks.locator import RUN, phantoms
from benchmarks.pretraining import gain, parts
from benchmarks.tuning import crops
from radiogen.core import files
from radiogen.pretraining.settings import PretrainingSettings
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.recipe.recipes import DEMO_3D_TUMOUR
from radiogen.tuning.space import parameters_of, read_space, space_facts

LOCATED = DEMO_3D_TUMOUR.replace(mask=f"locator:{RUN}")


def _rows(capsys):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()[2:]]


def test_rows_that_are_not_recorded_are_said_not_to_be_trained(tmp_path, capsys):
    parts.main(tmp_path, cases=(100,), tables_only=True, record=tmp_path / "parts.csv")
    rows = _rows(capsys)
    assert [row[:3] for row in rows] == [["100, seed 42", name, "not trained"] for name in parts.PARTS]
    assert list(tmp_path.iterdir()) == [], "nothing is trained"


def test_a_row_is_evaluated_once_and_then_taken_from_the_record(tmp_path, capsys, monkeypatch):
    asked = []

    def evaluated(folder, seed, cases, name, *others):
        asked.append((seed, cases, name))
        return {"study": "parts", "row": f"{cases}, seed {seed}", "name": name, "run": "r", "auc": 0.8, "low": 0.7,
                "high": 0.9, "share": 0.712, "known": 0.95, "correlation": 0.6, "hours": 0.5, "hours_before": 2.0}

    monkeypatch.setattr(parts, "evaluated", evaluated)
    for _ in range(2):
        parts.main(tmp_path, cases=(100, 200), names=("locator",), record=tmp_path / "parts.csv")
    assert asked == [(42, 100, "locator"), (42, 200, "locator")]
    assert _rows(capsys)[-1] == ["200, seed 42", "locator", "0.800 (0.700 to 0.900)", "71.2%", "66.7%", "0.60",
                                  "0.50; 2.00"]


def test_the_search_begins_with_the_recipe_itself_and_every_recipe_of_its_space_is_valid(tmp_path):
    path = files.write_json(tmp_path / "space.json", space_facts(crops.space()))
    assert read_space(path, LOCATED) == crops.space()
    assert parameters_of(LOCATED, crops.space()) is not None


def test_patients_who_are_shown_are_in_no_phantom_that_anything_is_learned_or_chosen_on():
    shown = {*inspect.signature(parts.main).parameters["seeds"].default, 303, 404, 505}
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


def test_the_tuned_row_has_what_the_search_found_and_the_search_is_done_once(tmp_path, monkeypatch):
    from benchmarks.masks import locator

    monkeypatch.setattr(locator, "train_locator", lambda *others: None)
    monkeypatch.setattr("radiogen.phantom.data_set.write_phantom", lambda *others: None)
    asked = []

    def search(folder, recipe, trials, workers):
        asked.append(recipe.data.mask)
        path = parts.tuned_recipe(folder, trials)
        path.parent.mkdir(parents=True)
        files.write_json(path, as_dict(recipe.replace(epochs=48)))

    monkeypatch.setattr(parts, "search", search)
    tuned = [parts.chosen_recipe(tmp_path, "locator, tuning", 20, None) for _ in range(2)]
    plain = parts.chosen_recipe(tmp_path, parts.LOCATOR, 20, None)
    assert asked == [f"locator:{RUN}"] and tuned[0] == tuned[1] == plain.replace(epochs=48)
