"""A run says where it came from; runs of several seeds share one split."""

import dataclasses
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.core.errors import UserError
from radiogen.runs.folds import make_folds
from radiogen.training import runs, workflow


@pytest.fixture(scope="module")
def begun(small_data, small_recipe, tmp_path_factory):
    """Two runs of two seeds, begun."""
    root = tmp_path_factory.mktemp("seeds")
    names = runs.seeded_names("a", small_recipe, 2)
    return {name: workflow.begin_run(small_data, recipe, root / "models" / name, root / "cache", workers=1)
            for name, recipe in names.items()}


def test_several_seeds_train_on_the_split_of_the_first(begun, small_data, small_recipe):
    first, second = begun["a"], begun["a-seed-43"]
    assert first.folds.equals(second.folds)
    assert (first.recipe.seed, second.recipe.seed) == (42, 43)
    assert first.recipe == small_recipe and runs.open_run(second.folder).recipe == second.recipe
    labels = first.folds[["case", "label"]]
    assert not make_folds(labels, folds=2, seed=43)["fold"].equals(first.folds["fold"])


def test_seeds_beside_a_run_of_several_keep_its_split(small_recipe):
    again = runs.seeded_names("b", small_recipe.replace(seed=50, split_seed=42), 3)
    assert [recipe.seed for recipe in again.values()] == [50, 51, 52]
    assert list(again) == ["b", "b-seed-51", "b-seed-52"]
    assert {recipe.split.split_seed for recipe in again.values()} == {42}
    with pytest.raises(UserError, match="--seeds 0: is too few"):
        runs.seeded_names("b", small_recipe, 0)


def test_a_run_carries_commit_packages_and_the_fingerprint_of_its_arrays(begun):
    folder = begun["a"].folder
    environment = json.loads((folder / "environment.json").read_text())
    output = subprocess.run(["git", "-C", str(runs.__file__).rpartition("/")[0], "rev-parse", "HEAD"], text=True,
                          capture_output=True)
    assert environment["commit"] == (output.stdout.strip() if output.returncode == 0 else "unknown")
    assert environment["changed_since"] in (True, False, None)
    assert environment["packages"]["keras"][0].isdigit() and environment["processor"]
    assert len(json.loads((folder / "run.json").read_text())["arrays"]) == 64


@pytest.mark.parametrize(("name", "change", "said"), [
    ("run.json", {"data": None}, "lacks data"), ("run.json", {"cache": 7}, "lacks cache"),
    ("run.json", {"leave_out": [7]}, "lacks leave_out"),
    ("run.json", {"known_bad": 7}, "lacks known_bad"),
    ("recipe.json", {"data": {"rank": 3, "size": 8}}, "has no data.sequences"),
    ("recipe.json", {"data": None}, "has no data.rank"),
    ("recipe.json", {"data": {"size": "8"}}, "has no data.rank"), ("recipe.json", {"data": 7}, "contains data 7"),
    ("recipe.json", {"network": {"architecture": "vgg"}}, "contains network.architecture 'vgg'"),
    ("recipe.json", {"optimisation": {"epochs": -1}}, "--epochs -1 is too small"),
    ("recipe.json", {"network": {"outputs": True}}, "contains network.outputs True"),
    ("recipe.json", {"split": {"of the future": 1}}, "contains split.of the future 1"),
    ("recipe.json", {"of the future": 1}, "contains of the future 1"),
    ("recipe.json", {"rank": 3, "sequences": ["T1w"], "size": 8}, "is flat, as an older version of radiogen wrote it"),
])
def test_a_run_of_another_version_is_named_with_its_file(begun, tmp_path, name, change, said):
    folder = shutil.copytree(begun["a"].folder, tmp_path / "a")
    fields = {**json.loads((folder / name).read_text()), **change}
    (folder / name).write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))
    with pytest.raises(UserError, match=rf"{name}: .*{said}"):
        runs.open_run(folder)


@pytest.mark.parametrize("content", ["[]", "null", "7", "{"])
def test_a_run_whose_tables_are_none_is_named(begun, tmp_path, content):
    for name in ("run.json", "recipe.json"):
        folder = shutil.copytree(begun["a"].folder, tmp_path / name)
        (folder / name).write_text(content)
        with pytest.raises(UserError, match=rf"{name}: "):
            runs.open_run(folder)


def test_going_on_with_a_run_that_does_not_tell_its_arrays_is_refused(begun, tmp_path):
    run = dataclasses.replace(begun["a"], folder=shutil.copytree(begun["a"].folder, tmp_path / "a"))
    facts = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**facts, "arrays": None}))
    with pytest.raises(UserError, match=r"run\.json: lacks arrays"):
        runs.prepare_run(run, read_index(run.cache))


@pytest.mark.parametrize(("facts", "said", "remedy"), [
    ({"members": ["b", "c"], "data": "input/x"}, "it is an ensemble", "name the runs that it consists of"),
    ({"origin": {"kind": "predictions", "file": "mine.csv"}}, "its predictions were read from a file",
     "judge it: .*evaluate.* --run mine")])
def test_predictions_without_networks_are_no_run_to_open_or_to_train_into(begun, tmp_path, facts, said, remedy):
    run = dataclasses.replace(begun["a"], folder=tmp_path / "mine")
    run.folder.mkdir()
    (run.folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=f"{said}; {remedy}"):
        runs.open_run(run.folder)
    with pytest.raises(UserError, match=f"{said}; choose another --run name$"):
        runs.prepare_run(run, read_index(run.cache))
    assert json.loads((run.folder / "run.json").read_text()) == facts


def test_a_run_records_what_lies_in_its_project_without_the_folders_above(small_data, small_recipe, tmp_path):
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "small").symlink_to(small_data)
    data, cache = tmp_path / "input" / "small", tmp_path / "input" / "cache"
    workflow.begin_run(data, small_recipe, tmp_path / "models" / "a", cache, workers=1)
    output = json.loads((tmp_path / "models" / "a" / "run.json").read_text())
    assert output["data"] == "input/small" and output["cache"].startswith("input/cache/")
    assert str(tmp_path) not in (tmp_path / "models" / "a" / "run.json").read_text()
    opened = runs.open_run(tmp_path / "models" / "a")
    assert opened.data.is_dir() and opened.cache.is_dir()


def test_a_run_with_relative_paths_is_gone_on_with_from_another_folder(small_data, small_recipe, tmp_path, monkeypatch):
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "input").mkdir(parents=True)
    away.mkdir()
    (home / "input" / "small").symlink_to(small_data)
    monkeypatch.chdir(home)
    data, cache = Path("input/small"), Path("input/cache")
    workflow.begin_run(data, small_recipe, Path("models/a"), cache, workers=1)
    output = (home / "models" / "a" / "run.json").read_text()
    monkeypatch.chdir(away)
    opened = runs.open_run(Path("../home/models/a"))
    assert opened.data.is_dir() and read_index(opened.cache)["case"].size == 22
    workflow.begin_run("../home" / data, small_recipe, Path("../home/models/a"), "../home" / cache, workers=1)
    assert (home / "models" / "a" / "run.json").read_text() == output
