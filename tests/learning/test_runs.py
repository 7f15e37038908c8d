"""A run says where it came from; runs of several seeds share one split."""

import dataclasses
import json
import subprocess

import pytest

from radiogen.dataset.folds import make_folds
from radiogen.errors import UserError
from radiogen.learning import runs, workflow


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
    labels = first.folds[["BraTS21ID", "MGMT_value"]]
    assert not make_folds(labels, folds=2, seed=43)["fold"].equals(first.folds["fold"])


def test_seeds_beside_a_run_of_several_keep_its_split(small_recipe):
    again = runs.seeded_names("b", dataclasses.replace(small_recipe, seed=50, split_seed=42), 3)
    assert [recipe.seed for recipe in again.values()] == [50, 51, 52]
    assert list(again) == ["b", "b-seed-51", "b-seed-52"]
    assert {recipe.split_seed for recipe in again.values()} == {42}
    with pytest.raises(UserError, match="--seeds 0: is too few"):
        runs.seeded_names("b", small_recipe, 0)


def test_a_run_carries_commit_packages_and_the_fingerprint_of_its_arrays(begun):
    folder = begun["a"].folder
    environment = json.loads((folder / "environment.json").read_text())
    told = subprocess.run(["git", "-C", str(runs.__file__).rpartition("/")[0], "rev-parse", "HEAD"], text=True,
                          capture_output=True)
    assert environment["commit"] == (told.stdout.strip() if told.returncode == 0 else "unknown")
    assert environment["changed_since"] in (True, False, None)
    assert environment["packages"]["keras"][0].isdigit() and environment["processor"]
    assert len(json.loads((folder / "run.json").read_text())["arrays"]) == 64
