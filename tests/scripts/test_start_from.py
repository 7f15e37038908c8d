"""train.py --start-from: from the command line to the report, text and page."""

import pytest

from radiogen.runs.records import read_recipe, recipe_fields

from ..kaggle.small_run import write_data, write_predicted_run
from .clone import call


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder as a clone's root with a predicted run `a`, whose recipe is no recipe's default."""
    folder = tmp_path_factory.mktemp("clone")
    data = write_data(folder / "input" / "data")
    write_predicted_run(data, folder / "models" / "a", folder / "input" / "cache")
    return folder


def _refused(folder, *arguments):
    end = call(folder, "train", *arguments)
    assert end.returncode == 2 and end.stderr.count("\n") == 1
    return end.stderr


@pytest.mark.slow
def test_a_run_starts_from_another_one_and_the_report_tells_it(clone):
    end = call(clone, "train", "--run", "b", "--start-from", "a", "--epochs", "2", "--no-forecast")
    assert end.returncode == 0, end.stderr
    assert "fold 0 starts from that of a" in end.stdout and "trained: fold 0, 1 in models/b" in end.stdout
    kept, asked = (recipe_fields(read_recipe(clone / "models" / name)) for name in "ab")
    assert {name for name in kept if kept[name] != asked[name]} == {"epochs", "split_seed"}
    assert (clone / "models" / "a" / "folds.csv").read_bytes() == (clone / "models" / "b" / "folds.csv").read_bytes()
    for script in ("predict", "evaluate"):
        end = call(clone, script, "b")
        assert end.returncode == 0, end.stderr
    assert "b: recipe demo-3d, started from a (0 epochs)" in end.stdout
    page = (clone / "models" / "b" / "report.html").read_text()
    for words in ("Started from a (0 epochs), fold by fold", "lineage: started from a (0 epochs), on the same folds",
                  "--start-from a", "started from</th>", "a/fold-0/model.weights.h5"):
        assert words in page
    assert str(clone) not in page


def test_what_makes_no_sense_together_is_one_line(clone):
    assert "starts a new run, which needs a name; give it one: --run NAME" in _refused(clone, "--start-from", "a")
    assert "is the run itself" in _refused(clone, "--start-from", "a", "--run", "a")
    assert "models/none: there is no such run" in _refused(clone, "--start-from", "none", "--run", "c")
    assert "--start-from '../a': is not a valid name" in _refused(clone, "--start-from", "../a", "--run", "c")
    assert "was made with --width 4, not 8" in _refused(clone, "--start-from", "a", "--run", "c", "--width", "8")
    assert not (clone / "models" / "c").exists()
