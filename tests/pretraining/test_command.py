"""The command, from data sets to a report that names what was seen; its errors in one line."""

import json
import shutil

import pytest

from tests.warm_commands import ROOT, run_python

PLACES = ("--models", "models", "--cache", "cache", "--workers", "1")


def _run(command, folder, *words):
    return run_python(ROOT / "scripts" / f"{command}.py", *words, cwd=folder)


@pytest.fixture
def recipe(small_recipe, tmp_path):
    """The small recipe as a file."""
    from radiogen.training.recipe.recipe import as_dict

    path = tmp_path / "small.json"
    path.write_text(json.dumps(as_dict(small_recipe.replace(epochs=1, holdout_fraction=0.0))), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_run_that_begins_with_a_pretraining_says_whose_images_that_had_seen(tmp_path, small_data, recipe):
    """Text, page and JSON: the scored cases are those of the pretraining, under another name of the data set."""
    copy = tmp_path / "unlabelled"
    shutil.copytree(small_data, copy)
    (copy / "train_labels.csv").unlink()
    end = _run("pretrain", tmp_path, "--data", copy, "--recipe", recipe, "--epochs", "1", "--batch-size", "8", "--run",
               "pre", *PLACES)
    assert end.returncode == 0, end.stderr
    assert (tmp_path / "models" / "pre" / "history.png").is_file() and "--weights pretrained:pre" in end.stdout
    for command, words in (("train", ("--data", small_data, "--recipe", recipe, "--weights", "pretrained:pre", "--run",
                                      "a", "--no-forecast", *PLACES)),
                           ("predict", ("--run", "a", *PLACES[:2])), ("evaluate", ("--run", "a", *PLACES[:2]))):
        end = _run(command, tmp_path, *words)
        assert end.returncode == 0, end.stderr
    run, note = tmp_path / "models" / "a", "among the cases whose images, without labels, pretrained:pre had seen"
    kept = json.loads((run / "assessment.json").read_text())["runs"][0]
    assert len(kept["provenance"]["run"]["first_weights"]["sha256"]) == 64
    found, = [one for one in kept["findings"] if one["code"] == "first_weights_saw_images"]
    assert found["severity"] == "note" and len(found["values"]["patients"]) == 20
    assert note in " ".join(end.stdout.split()) and note in (run / "report.html").read_text()


@pytest.mark.parametrize(("words", "text"), [
    ((), "--data: is missing; python scripts/pretrain.py --data FOLDER"), (("--recipe", "demo-4d"), "demo-4d"),
    (("--objective", "colours"), "objective"), (("--run", "../x"), "is not a valid name"),
    (("--epochs", "0"), "--epochs 0: is too small")])
def test_what_is_wrong_is_one_line_before_anything_is_made(tmp_path, small_data, words, text):
    end = _run("pretrain", tmp_path, *(("--data", small_data) if words else ()), *words, *PLACES)
    assert end.returncode == 2 and text in end.stderr and len(end.stderr.splitlines()) == 1
    assert not (tmp_path / "models").exists() and not (tmp_path / "cache").exists()
