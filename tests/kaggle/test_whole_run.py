"""One command from a token to a kernel: its steps, what it says beforehand, and a kill that costs nothing."""

import dataclasses
import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.synthetic.kaggle_commands import SOURCE
from benchmarks.synthetic.kaggle_server import COMPETITION
from benchmarks.synthetic.wheels import write_wheel
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle import whole_run
from radiogen.kaggle.whole_run import Estimate, Plan, RecipeCost
from radiogen.phantom.data_set import PhantomSettings, write_phantom
from radiogen.task import RSNA_MICCAI

from .conftest import SCRIPTS

GIGABYTE = 1e9
COST = RecipeCost(seconds=7200, memory=3 * GIGABYTE, arrays=2 * GIGABYTE, weights=GIGABYTE)
MEASURED = {"array": 1e6, "case": 2.0, "start": 10.0, "end": 1.0, "memory": 2e9, "weights": 1e6}


@pytest.fixture
def plan(tmp_path):
    return Plan(tmp_path / "input" / "data", ("demo-2d", "demo-3d"), 2, ("--epochs", "3"), 1, tmp_path / "models",
                tmp_path / "cache", tmp_path / "submissions")


def test_every_recipe_is_trained_with_every_seed_and_all_of_them_are_joined_judged_and_carried(plan):
    runs = whole_run.run_names(plan)
    assert runs == {"data-demo-2d": "demo-2d", "data-demo-2d-seed-43": "demo-2d", "data-demo-3d": "demo-3d",
                    "data-demo-3d-seed-43": "demo-3d"}
    steps = whole_run.steps(plan, list(runs), "somebody")
    assert [script for script, _ in steps] == ["download", "inspect_dataset", "preprocess", "train", *["predict"] * 4,
                                               "ensemble", "evaluate", "submit", "push_kernel"]
    words = dict(steps)
    for script in ("ensemble", "evaluate", "push_kernel"):
        assert words[script][:4] == tuple(runs)
    assert "--dry-run" in words["push_kernel"] and words["train"][-4:] == ("--seeds", "2", "--parallel-folds", "1")


def test_options_reach_every_recipe_and_a_recipe_that_makes_no_sense_is_reported(plan):
    assert [recipe.optimisation.epochs for recipe in whole_run._chosen_recipes(plan)] == [3, 3]
    with pytest.raises(UserError, match="there is no such recipe"):
        whole_run._chosen_recipes(dataclasses.replace(plan, recipes=("winner-4d",)))


def test_the_recommended_recipe_and_the_winners_are_the_default():
    assert Plan(Path("input/x")).recipes == ("isotropic-3d", "winner-3d") and Plan(Path("input/x")).seeds == 3


def test_costs_grow_with_seeds_and_epochs_and_trained_folds_cost_nothing_any_more(plan):
    measured = {"demo-2d": MEASURED, "demo-3d": MEASURED}
    once = whole_run._costs(dataclasses.replace(plan, seeds=1), measured)["demo-2d"]
    twice = whole_run._costs(plan, measured)["demo-2d"]
    assert twice.seconds == pytest.approx(2 * once.seconds) and twice.weights == 2 * once.weights == 10e6
    assert twice.arrays == once.arrays == (585 + 87) * 1e6
    files.write_bytes(plan.models / "data-demo-2d" / "fold-3" / "model.weights.h5", b"w")
    left = whole_run._costs(plan, measured)["demo-2d"]
    assert left.seconds == pytest.approx(twice.seconds * 9 / 10)


def test_a_fold_is_said_to_take_its_epochs_of_training_and_scoring(plan):
    one = dataclasses.replace(plan, seeds=1, options=("--epochs", "3", "--folds", "2", "--holdout-fraction", "0"))
    judged = (585 - 3) / 2
    expected = 2 * (10 + 3 * (2.0 * judged * (1 + 1 / 3) + 1))
    costs = whole_run._costs(one, {"demo-2d": MEASURED, "demo-3d": MEASURED})
    assert costs["demo-2d"].seconds == pytest.approx(expected)


def test_the_estimate_says_what_is_measured_what_kaggle_says_and_what_nobody_knows(plan):
    output = Estimate(137 * GIGABYTE, 137 * GIGABYTE, 1800, {"demo-2d": COST})
    lines = whole_run.estimate_text(plan, output).splitlines()
    download, reading, training, together = lines[1:]
    assert "137 GB of archive for 137 GB of files (reported by Kaggle)" in download and "not measured" in download
    assert "30 min 0 s" in reading and "measured" in reading
    assert "2 h 0 min of training (steps measured), memory 3.0 GB" in training
    assert f"disk {278} GB" in together and "(not measured)" in together


def test_a_disk_or_a_memory_that_is_too_small_is_reported_before_anything_is_fetched(plan):
    small = RecipeCost(seconds=1, memory=1e6, arrays=1, weights=1)
    whole_run.check_room(plan, Estimate(0, 0, 0, {"demo-2d": small}))
    with pytest.raises(UserError, match=r"the job needs 1000 TB and the disk has .* free"):
        whole_run.check_room(plan, Estimate(1e15, 0, 0, {}))
    with pytest.raises(UserError, match=r"--recipe demo-2d: training it needs 10 TB of memory.*--micro-batch-size 1"):
        whole_run.check_room(plan, Estimate(0, 0, 0, {"demo-2d": dataclasses.replace(small, memory=1e13)}))


def test_this_machine_is_measured_once_for_the_same_recipes(plan, stand_in, client, monkeypatch):
    stand_in.data = {"train_labels.csv": b"x" * 1000}
    measured = []
    monkeypatch.setattr(whole_run, "_measure", lambda plan: measured.append(plan) or {
        "seconds_a_byte": 0.5, "recipes": {"demo-2d": MEASURED, "demo-3d": MEASURED}})
    output = whole_run.estimate(plan, client)
    assert (output.files, output.archive, output.reading) == (1000, 1000, 2 * 500)
    whole_run.estimate(dataclasses.replace(plan, seeds=5), client)
    assert len(measured) == 1
    whole_run.estimate(dataclasses.replace(plan, options=("--size", "24")), client)
    assert len(measured) == 2


def test_what_is_there_already_is_not_counted_again(plan, stand_in, client, monkeypatch):
    stand_in.data = {"train_labels.csv": b"x" * 1000}
    monkeypatch.setattr(whole_run, "_measure", lambda plan: {
        "seconds_a_byte": 0.5, "recipes": {"demo-2d": MEASURED, "demo-3d": MEASURED}})
    files.write_bytes(plan.data / "train_labels.csv", b"x" * 1000)
    files.write_text(whole_run.inspected(plan), "BraTS21ID\n")
    output = whole_run.estimate(plan, client)
    assert (output.files, output.archive, output.reading) == (0, 0, 500)


@pytest.mark.slow
def test_measuring_leaves_nothing_but_its_figures(plan, monkeypatch):
    monkeypatch.setattr(whole_run, "FULL_SIZE", 0.2)
    monkeypatch.setattr(whole_run, "SAMPLE_CASES", 8)
    measured = whole_run._measure(dataclasses.replace(plan, recipes=("demo-3d",), options=("--size", "16")))
    assert measured["seconds_a_byte"] > 0
    figures = measured["recipes"]["demo-3d"]
    assert figures["array"] == 128 + 2 * 16**3  # an array of bytes behind the header of a .npy file
    assert all(value > 0 for value in figures.values())
    assert list(plan.cache.iterdir()) == [] and not plan.models.exists()


def test_without_a_token_it_ends_with_one_line_and_code_2(command, tmp_path):
    end = command("rsna", KAGGLE_API_TOKEN="")
    assert end.returncode == 2 and end.stdout == ""
    assert end.stderr.startswith("error: Kaggle token: there is none") and end.stderr.count("\n") == 1
    assert not (tmp_path / "input").exists() and not (tmp_path / "models").exists()


SITE = """
import os
import kagglesdk.kaggle_env as place
from radiogen.kaggle import whole_run
from radiogen.kaggle.kernels import image
place._env_to_endpoint[place.KaggleEnv.PROD] = os.environ["KAGGLE_STAND_IN"]
image.missing_packages = lambda *_: {"rare-thing": "1.2"}
whole_run.FULL_SIZE, whole_run.SAMPLE_CASES = 0.2, 8
"""


@pytest.fixture
def process(stand_in, tmp_path):
    """Start scripts/rsna.py on a tiny competition; it and all that it calls meet the stand-in instead of Kaggle."""
    write_phantom(tmp_path / "phantom", PhantomSettings(cases=20, test_cases=3, scale=0.1), workers=1)
    stand_in.data = {path.relative_to(tmp_path / "phantom").as_posix(): path.read_bytes()
                     for split in ("train", "test") for path in (tmp_path / "phantom" / split).rglob("*.dcm")}
    for name in ("train_labels.csv", "sample_submission.csv"):
        stand_in.data[name] = (tmp_path / "phantom" / name).read_bytes()
    files.write_text(tmp_path / "site" / "sitecustomize.py", SITE)
    write_wheel(tmp_path / "wheels", "rare-thing", "1.2")
    words = ["--recipe", "demo-3d", "--seeds", "2", "--wheels", tmp_path / "wheels",
             "--options=--epochs 1 --size 16 --width 4 --folds 2"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}:{SOURCE}", "KAGGLE_STAND_IN": stand_in.address,
                   "PYTHONUNBUFFERED": "1"}

    def start():
        return subprocess.Popen([sys.executable, str(SCRIPTS / "rsna.py"), *map(str, words)], cwd=tmp_path, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
                                start_new_session=True)
    return start


@pytest.mark.slow
def test_the_whole_job_goes_on_after_a_kill_and_leaves_a_kernel_ready_to_push(process, stand_in, tmp_path):
    first = process()
    forecasts, before = 0, []
    for line in first.stdout:
        before.append(line)
        forecasts += line.startswith("forecast for")
        if forecasts == 2:  # the first seed is trained, the second begins
            break
    assert forecasts == 2, "".join(before)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    weights = tmp_path / "models" / f"{COMPETITION}-demo-3d" / "fold-1" / "model.weights.h5"
    kept, stand_in.asked[:] = weights.stat().st_mtime_ns, []
    second = process()
    text = second.communicate()[0]
    assert second.returncode == 0, text
    assert weights.stat().st_mtime_ns == kept and "measuring on phantoms" not in text and "already inspected" in text
    assert "DownloadDataFiles" not in stand_in.names()
    runs = [f"{COMPETITION}-{name}" for name in ("demo-3d", "demo-3d-seed-43")]
    for run in runs:
        assert len(list((tmp_path / "models" / run).glob("fold-*/model.weights.h5"))) == 2
        assert (tmp_path / "models" / run / "predictions.csv").is_file()
    table = pd.read_csv(tmp_path / "submissions" / f"{COMPETITION}-ensemble.csv")
    assert len(table) == 3 and table[RSNA_MICCAI.label_column].between(0, 1).all()
    assert (tmp_path / "models" / f"{COMPETITION}-ensemble" / "comparison.csv").is_file()
    kernel = files.read_json(tmp_path / "submissions" / "kernel" / "kernel" / "kernel-metadata.json")
    assert kernel["id"].startswith("somebody/")
    manifest = files.read_json(tmp_path / "submissions" / "kernel" / "dataset" / "radiogen-bundle.json")
    assert list(manifest["runs"]) == runs and manifest["radiogen"] == importlib.metadata.version("radiogen")
    assert text.splitlines()[-1] == f"next: python scripts/push_kernel.py {' '.join(runs)} --submit -m \"what is new\""
