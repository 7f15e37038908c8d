"""A data set that was moved: predict, evaluate and push_kernel find it by --data, and not another in its place."""

import json

import pytest

from ..kaggle.small_run import write_data, write_predicted_run
from .clone import call


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder as a clone's root with a predicted run whose data set was renamed since."""
    folder = tmp_path_factory.mktemp("clone")
    data = write_data(folder / "input" / "data")
    write_predicted_run(data, folder / "models" / "a", folder / "input" / "cache")
    data.rename(folder / "input" / "renamed")
    return folder


@pytest.fixture
def moved(clone):
    """The clone with the run as it was before it knew of the new place."""
    path = clone / "models" / "a" / "run.json"
    before = path.read_bytes()
    yield clone
    path.write_bytes(before)


def test_predict_without_the_data_set_names_the_option_that_it_has(moved):
    end = call(moved, "predict", "a")
    assert end.returncode == 2 and "there is no such data set" in end.stderr and "--data" in end.stderr


@pytest.mark.parametrize("script", ["predict", "evaluate"])
def test_a_moved_data_set_is_found_by_the_option_and_noted(moved, script):
    before = (moved / "models" / "a" / "predictions.csv").read_bytes()
    end = call(moved, script, "a", "--data", "input/renamed")
    assert end.returncode == 0, end.stderr
    facts = json.loads((moved / "models" / "a" / "run.json").read_text())
    assert facts["data"] == "input/renamed" and len(facts["moved_from"]) == 1
    assert (moved / "models" / "a" / "predictions.csv").read_bytes() == before


def test_the_place_is_noted_with_the_predictions_and_not_before(moved):
    run = moved / "models" / "a"
    before = (run / "run.json").read_bytes()
    weights = {path: path.rename(path.with_suffix(".away")) for path in run.glob("fold-*/model.weights.h5")}
    end = call(moved, "predict", "a", "--data", "input/renamed")
    for path, away in weights.items():
        away.rename(path)
    assert weights and end.returncode == 2 and "is not trained" in end.stderr
    assert (run / "run.json").read_bytes() == before


def test_push_kernel_looks_at_the_data_set_that_the_option_names(moved):
    end = call(moved, "push_kernel", "a", "--data", "input/nowhere", "--dry-run")
    assert end.returncode == 2 and "input/nowhere: there is no such data set" in end.stderr
    assert not (moved / "submissions").exists()
